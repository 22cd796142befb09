"""The bundled photographs: their provenance, their pixels, and refusals where labels are needed."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.made_runs import make_run
from vitcore.config import make_config
from vitcore.data import dataset_for, load_dataset, photos_for, resolve
from vitcore.data.photos import photos
from vitcore.errors import UserError
from vitcore.exchange.folder import export_run
from vitcore.models.evaluate import evaluate_run
from vitcore.paths import assets_dir
from vitcore.preprocessing import Preprocessing
from vitcore.probes import PROBES
from vitcore.probes.measure import measure
from vitcore.probes.scores import test_set as set_of_tests
from vitcore.probes.store import Subject, find, images_of

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 16}
PLACE = assets_dir() / "photos"


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs", "foreign", data="photos", image_size=64, **SMALL)


def test_every_photograph_states_its_author_and_a_free_license():
    entries = yaml.safe_load((PLACE / "photos.yaml").read_text(encoding="utf-8"))
    assert 8 <= len(entries) <= 12
    assert {entry["license"] for entry in entries.values()} <= {"CC0 1.0", "public domain"}
    for photo in photos():
        assert photo.title
        assert photo.author
        assert photo.source.startswith("https://")


def test_files_are_those_of_the_readme_and_take_at_most_3_mb():
    text = (PLACE / "README.md").read_text(encoding="utf-8")
    stated = {name: digest for digest, name in re.findall(r"`([0-9a-f]{64})  (\S+)`", text)}
    files = {photo.file for photo in photos()}
    assert files == set(PLACE.glob("*.jpg"))
    assert {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == stated
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_photographs_are_center_squares_of_the_size_of_the_model():
    data = load_dataset("photos", 96)
    assert data.test.images.shape == (len(data.names), 3, 96, 96)
    name = "rocket"
    resized = Image.open(PLACE / f"{name}.jpg").resize((143, 96), Image.Resampling.LANCZOS)  # from 640 x 427
    found = data.test.images[data.names.index(name)].transpose(1, 2, 0)
    assert np.array_equal(found, np.asarray(resized)[:, 24:120])  # round((143 - 96) / 2) = 24
    cropped = load_dataset("photos", 96, preprocessing=Preprocessing(crop=0.5)).test.images
    assert (cropped != data.test.images).any(axis=(1, 2, 3)).all()


def test_classes_are_those_of_the_model():
    config = make_config(data="photos", image_size=224, patch_size=16)
    named = config.model_copy(update={"classes": ("a", "b")})
    assert dataset_for(named).classes == ("a", "b")
    assert dataset_for(config).classes == tuple(f"class {i}" for i in range(1, 11))
    gone = photos_for(named, "There is no folder.")
    assert (gone.classes, gone.missing, gone.size) == (("a", "b"), "There is no folder.", 224)


def test_training_on_photographs_is_refused():
    with pytest.raises(UserError, match="labels"):
        resolve(make_config(data="photos", image_size=64, patch_size=16))
    with pytest.raises(UserError, match="labels"):
        _ = load_dataset("photos").train


def test_tests_on_photographs_are_refused(run):
    for use in (
        lambda: evaluate_run(run, "photos"),
        lambda: set_of_tests(run, 1_000),
        lambda: set_of_tests(run, 10_000),
    ):
        with pytest.raises(UserError, match="labels"):
            use()


@pytest.mark.parametrize("name", PROBES)
def test_only_experiments_that_need_labels_do_not_run_on_photographs(name, run, tmp_path):
    probe = PROBES[name]
    subjects = [Subject(run)] * (1 + probe.pair)
    steps = measure(probe, subjects, 4, root=tmp_path)
    if name in ("texture-shape", "landscape"):
        with pytest.raises(UserError, match="labels"):
            next(steps)
    else:
        *_, last = steps
        assert "photographs" in last.result.data
        assert last.done == 4
        assert not any("accuracy" in row["quantity"] for row in last.values.rows())
        assert find(probe, subjects, images_of(probe, [run], 4), probe.settings(), tmp_path) == last.result


def test_labels_do_not_change_the_values_of_experiments_that_declare_it(run):
    import torch

    from vitcore.models import load_run

    images = torch.from_numpy(load_dataset("photos", 64).test.images[:4])
    model = load_run(run)
    for probe in PROBES.values():
        if probe.needs == "images":
            zeros, ones = (
                list(probe.steps(model, model, images, np.full(4, label), probe.settings()))[-1][1]
                for label in (0, 1)
            )
            assert zeros.model_dump() == ones.model_dump(), probe.name


def test_folder_export_of_a_model_without_dataset_states_no_accuracy(run, tmp_path):
    exported = export_run(run, tmp_path / "out")
    assert "test_acc" not in exported.status().result
