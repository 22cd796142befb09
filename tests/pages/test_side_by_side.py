"""Side by side on the page: models with other images, and kinds of comparison that a run does not have."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.attention import side_by_side
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.data import load_dataset
from vitcore.data.images import read_photo
from vitcore.data.photos import photos
from vitcore.paths import runs_dir

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1}


@pytest.fixture
def sent(monkeypatch):
    """The messages for the browser: (header, images [S, S, 3] of both sides)."""
    found = []

    def receive(data, **_):
        length = int.from_bytes(data[:4], "little")
        header, at, images = json.loads(data[4 : 4 + length]), 4 + length, []
        for side in header["sides"]:
            count = 3 * side["size"] ** 2
            images.append(
                np.frombuffer(data[at : at + count], np.uint8).reshape(side["size"], side["size"], 3)
            )
            at += count
        found.append((header, images))

    monkeypatch.setattr(side_by_side, "pair", receive)
    return found


def made(title, **options):
    return make_run(
        runs_dir(), title, **{"data": "photos", "image_size": 64, "patch_size": 16} | SMALL | options
    )


def open_pair(run, **query):
    app = open_app("attention", run=run.id, view="Side by side", **query)
    assert not app.exception
    assert not app.error
    return app


def test_models_with_other_images_get_the_same_photograph_at_their_sizes(sent):
    pixels = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "crop": 0.875}
    one, other = made("one", preprocessing=pixels), made("other", image_size=112, patch_size=14, num_heads=4)
    open_pair(one, versus="models", right_run=other.id, query="2.4", **{"class": "rocket"})
    header, images = sent[-1]
    assert [(side["size"], side["side"], side["name"]) for side in header["sides"]] == [
        (64, 4, header["sides"][0]["name"]),
        (112, 8, header["sides"][0]["name"]),
    ]
    photo = next(one for one in photos() if one.name == "rocket")
    for pixels, run in zip(images, (one, other), strict=True):
        how = run.config.preprocessing.model_copy(update={"crop": 0.875})
        wanted = read_photo(photo.file, run.config.image_size, how)
        assert np.array_equal(pixels, wanted.transpose(1, 2, 0))
    assert any("2 heads" in note and "of 4" in note for note in header["notes"])


def test_photograph_is_reduced_for_a_model_of_small_images(sent):
    open_pair(made("one"), versus="models", right_run="vit-cifar10-gpu")
    header, images = sent[-1]
    assert [image.shape for image in images] == [(64, 64, 3), (32, 32, 3)]
    means = images[0].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(images[1] - means).mean() < 6
    assert header["sides"][1]["classes"] == list(load_dataset("cifar10-mini").classes)
    assert not any("enlarged" in note for note in header["notes"])


def test_small_image_is_enlarged_and_the_page_says_so(sent):
    one = made("one")
    open_pair(make_run(runs_dir(), "small", patch_size=8, **SMALL), versus="models", right_run=one.id)
    header, images = sent[-1]
    assert [side["size"] for side in header["sides"]] == [32, 64]
    assert np.abs(images[1].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) - images[0]).mean() < 6
    assert any("32 x 32" in note and "enlarged" in note for note in header["notes"])


def test_run_without_snapshots_offers_them_and_says_why_there_are_none(sent):
    app = open_pair(made("one"), versus="snapshots")
    assert [info.value for info in app.info if "one has no snapshots" in info.value]
    assert not sent
    (kinds,) = (group for group in app.button_group if group.label == "Compare")
    assert len(kinds.options) == 3
