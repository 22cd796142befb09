"""Runs of a pretraining without labels on the pages: their reconstructions, and no accuracies."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from dashboard.shared.run_curves import MAIN, WITHOUT_LABELS
from dashboard.talk import scenes
from dashboard.training import reconstructions
from tests.apptests import open_app
from tests.conftest import TINY_VIT
from vitcore.config import make_config
from vitcore.data import resolve
from vitcore.models import build_for, weights_of
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run, list_runs
from vitcore.runs.reconstructions import Reconstructions, write_reconstructions
from vitcore.runs.status import Status

RESULT = {"val_loss": 0.62, "test_loss": 0.6543, "n_test": 1000, "n_val": 500, "best_epoch": 2}


@pytest.fixture
def pretrained() -> Run:
    """Return a finished run with random weights and reconstructions of three epochs."""
    config = resolve(make_config("pretrain", **TINY_VIT))
    status = Status(state="finished", result=RESULT, epoch=2.0)
    run = create_run(config, runs_dir(), title="my encoder", status=status)
    torch.manual_seed(0)
    save_file(weights_of(build_for(config)), run.best)
    write_reconstructions(run.path, recorded())
    return run


def recorded() -> Reconstructions:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 3, 32, 32), dtype=np.uint8)
    visible = np.tile(np.arange(16) < 4, (8, 1))  # the uppermost row of patches
    found = Reconstructions.begin(images, visible)
    for epoch in range(3):
        restored = images.copy()
        restored[:, :, 8:] = 50 * epoch
        found = found.with_moment(10 * epoch, float(epoch), restored)
    return found


def test_talk_shows_images_what_is_seen_of_them_and_their_newest_reconstruction(pretrained):
    scene = scenes.scene("training", {"watch": pretrained.id})
    shown = [Image.open(io.BytesIO(b64decode(url.split(",")[1]))) for _, url, _ in scene.parts]
    found, side, gap = recorded(), 32, reconstructions.GAP
    second = (side + gap, 0, side + gap + side, side)  # on the right of the first
    for picture, images in zip(
        shown, (found.images, reconstructions.visible_pixels(found), found.restored[2]), strict=True
    ):
        assert np.array_equal(np.asarray(picture.convert("RGB").crop(second)), images[1].transpose(1, 2, 0))
    assert reconstructions.talk_pictures(find_run("vit-quick")) == []  # it has none


def test_masked_patches_are_gray_and_others_are_those_of_the_image():
    found = recorded()
    seen = reconstructions.visible_pixels(found)
    assert np.array_equal(seen[:, :, :8], found.images[:, :, :8])
    assert (seen[:, :, 8:] == reconstructions.GRAY).all()
    parts, rows = reconstructions.files(found, 1)
    assert len(parts) == 3 * 8
    assert np.array_equal(np.asarray(parts[16][1]), found.restored[1, 0].transpose(1, 2, 0))
    hidden = found.images[2, :, 8:].astype(float)
    assert rows[1 + 8 + 2] == [3, 1.0, 10, pytest.approx(np.abs(hidden - 50).mean(), abs=1e-3)]


def test_training_page_shows_the_reconstructions_of_the_chosen_epoch(pretrained):
    app = open_app("training", watch=pretrained.id)
    (strip,) = (element.value for element in app.get("html") if "restored" in element.value)
    assert strip == reconstructions.as_html(recorded(), 2)
    (slider,) = app.select_slider
    slider.set_value(0).run()
    (strip,) = (element.value for element in app.get("html") if "restored" in element.value)
    assert strip == reconstructions.as_html(recorded(), 0)
    assert any("0.654" in text.value for text in app.markdown)
    assert app.button(key="fine_tune")


def test_slider_begins_at_the_newest_epoch_although_the_first_run_of_the_page_is_interrupted(pretrained):
    app = open_app("training", watch=pretrained.id)
    app.run()  # of an interrupted run, the browser has not drawn the slider
    (slider,) = (element.proto for element in app.select_slider)
    drawn = slider.raw_value[0] if slider.set_value else slider.options[int(slider.default[0])]
    assert drawn == "epoch 2"


def test_slider_follows_the_newest_epoch_until_another_one_is_chosen(pretrained):
    app = open_app("training", watch=pretrained.id)
    longer = recorded().with_moment(30, 3.0, recorded().images)
    write_reconstructions(pretrained.path, longer)
    assert app.run().select_slider[0].value == 3
    app.select_slider[0].set_value(1).run()
    write_reconstructions(pretrained.path, longer.with_moment(40, 4.0, longer.images))
    assert app.run().select_slider[0].value == 1


def test_training_page_launches_a_pretraining_with_another_share_of_masked_patches():
    app = open_app("training", model="vit", recipe="pretrain")
    next(text for text in app.text_input if text.label == "Masked share").set_value("0.5").run()
    next(button for button in app.button if button.label == "Launch training").click().run()
    assert not app.exception, app.exception
    (run,) = list_runs(bundled=False)
    assert (run.config.recipe, run.config.mask_ratio, run.config.classes) == ("pretrain", 0.5, ())


def test_other_models_do_not_offer_the_recipe():
    app = open_app("training", model="resnet")
    recipes = next(box for box in app.selectbox if box.label == "Recipe").options
    assert "pretrain" not in recipes


@pytest.mark.parametrize("section", ["Scores", "Confusion"])
def test_compare_shows_the_run_without_accuracies(pretrained, section):
    app = open_app("compare", runs=f"vit-cifar10,{pretrained.id}", section=section)
    assert any("my encoder" in info.value for info in app.info)


@pytest.mark.parametrize("name", ["attention", "patches"])
def test_run_opens_as_a_vit_without_a_classifier(pretrained, name):
    app = open_app(name, run=pretrained.id)
    assert not app.error, [error.value for error in app.error]


def test_only_runs_without_labels_have_no_chart_of_accuracies():
    assert {tag for tags in MAIN for tag in tags} - {tag for tags in WITHOUT_LABELS for tag in tags} == {
        "train_acc",
        "val_acc",
    }
