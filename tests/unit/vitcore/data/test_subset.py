"""A folder with some of a model's classes counts within all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.made_runs import make_run
from vitcore.analysis.attention import as_input
from vitcore.data import dataset_for, load_dataset
from vitcore.data.subset import places_of
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.models.evaluate import evaluate_run
from vitcore.probes import PROBES
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject, images_for

CLASSES = ("tench, Tinca tinca", "crane", "great white shark, white shark", "crane (135)", "tabby")
SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}


@pytest.mark.parametrize(
    ("some", "places"),
    [
        (["tench, Tinca tinca", "tabby"], [0, 4]),
        (["Great_White_Shark", "TENCH"], [2, 0]),
        (["crane", "crane (135)"], [1, 3]),
        (["tabby", "Tabby"], None),
        (["tabby", "persian"], None),
    ],
)
def test_names_are_found_without_regard_to_spelling_and_each_once(some, places):
    found = places_of(some, CLASSES)
    assert (found if found is None else found.tolist()) == places


def test_name_that_two_classes_share_must_be_written_as_it_is():
    assert places_of(["Boxer"], ("boxer", "boxer, a dog")) is None
    assert places_of(["boxer"], ("boxer", "boxer, a dog")) == [0]


@pytest.fixture
def folder(tmp_path):
    """A folder of test images: one color per class."""
    for number, name in enumerate(("great_white_shark", "tabby")):
        for kind, count in (("train", 6), ("test", 4)):
            place = tmp_path / "images" / kind / name
            place.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (32, 32), (200 * number, 10 * i, 90)).save(place / f"{i}.png")
    return f"folder:{tmp_path / 'images'}"


def test_labels_and_accuracy_count_among_all_classes_of_the_model(tmp_path, folder):
    run = make_run(tmp_path / "runs", "five", data=folder, classes=CLASSES, **SMALL)
    data = dataset_for(run.config)
    assert data.classes == CLASSES
    assert np.unique(data.train.labels).tolist() == np.unique(data.test.labels).tolist() == [2, 4]
    seen = images_for([run], 100)
    assert seen.labels.tolist() == [2, 4] * 4
    net = load_run(run)
    with torch.inference_mode():
        predicted = net(as_input(torch.from_numpy(np.asarray(seen.pixels)), net)).argmax(dim=1).numpy()
    expected = (predicted == seen.labels).mean()
    assert evaluate_run(run, folder).accuracy == pytest.approx(expected)
    *_, last = measure(PROBES["shuffle"], [Subject(run)], 100, root=tmp_path / "runs")
    assert last.result.values.curves["accuracy"].mean[0] == pytest.approx(expected)


@pytest.mark.parametrize("labeled", [False, True])
@pytest.mark.parametrize(("refused", "size"), [("cifar10-mini", 32), ("cifar10-mini", 40), ("photos", 32)])
def test_refused_test_suggests_images_that_a_test_accepts(labeled, refused, size, tmp_path, folder):
    data = folder if labeled else "photos"
    run = make_run(tmp_path / "runs", "five", data=data, classes=CLASSES, image_size=size, **SMALL)
    with pytest.raises(UserError) as error:
        evaluate_run(run, refused)
    _, _, advice = str(error.value).rpartition(": ")
    assert (folder if labeled else "folder:PATH") in str(error.value)
    assert not any(name in advice for name in ("photos", "cifar10"))
    assert evaluate_run(run, folder).count == 8


def test_folder_with_another_class_is_refused(tmp_path, folder):
    run = make_run(tmp_path / "runs", "two", data=folder, classes=CLASSES[:4], **SMALL)
    assert dataset_for(run.config).classes == ("great_white_shark", "tabby")
    with pytest.raises(UserError, match="other classes"):
        images_for([run], 10)


def test_folder_with_exactly_the_classes_of_the_model_is_unchanged(folder):
    plain = load_dataset(folder)
    same = load_dataset(folder, classes=plain.classes)
    assert same.fingerprint == plain.fingerprint
    assert same.test.labels.tolist() == plain.test.labels.tolist()
