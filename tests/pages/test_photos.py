"""Pages show the bundled photographs for models whose own images are not on this machine."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dashboard.attention import class_maps, head_order, side_by_side
from dashboard.shared import own_crop, resources, scene_links, selection
from dashboard.shared.page_state import ImageState
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.data import load_dataset
from vitcore.data.photos import photos
from vitcore.paths import runs_dir
from vitcore.probes import HEADS
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 16}


def foreign(**options):
    return make_run(runs_dir(), "foreign", **{"data": "photos", "image_size": 64, **SMALL, **options})


def photograph_box(app):
    (box,) = (selectbox for selectbox in app.selectbox if selectbox.label.startswith("Photographs"))
    return box


@pytest.mark.parametrize("page", ["patches", "attention"])
def test_page_of_a_model_without_dataset_opens_with_photographs(page):
    app = open_app(page, run=foreign().id)
    assert not app.error
    assert photograph_box(app).value == "cat"
    assert not [one for one in app.number_input if one.label == "Test image"]
    photograph_box(app).set_value("coffee").run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize(("crop", "said"), [(0.9, "90 %"), (1.0, "center square")])
def test_label_says_which_square_of_a_photograph_is_used(crop, said):
    pixels = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "crop": crop}
    app = open_app("attention", run=foreign(preprocessing=pixels).id)
    label = photograph_box(app).label
    assert said in label
    assert ("%" in label) == (crop < 1)


@pytest.mark.parametrize(("size", "first"), [(224, "cat"), (300, "cat"), (518, "raccoon"), (1024, "cat")])
def test_first_photograph_need_not_be_enlarged_if_one_is_large_enough(size, first):
    data = load_dataset("photos", size)
    assert selection.first_class(data) == first
    assert selection.first_class(data, right=True) != first


def test_label_says_which_square_of_the_images_of_a_folder_is_used(colors):
    how = {"crop": 0.75}
    run = foreign(data=f"folder:{colors}", classes=("blue", "red"), preprocessing=how)
    app = open_app("attention", run=run.id)
    assert not app.error
    assert [box for box in app.selectbox if "center square, 75 %" in box.label]


def test_many_positions_are_drawn_for_some_patches():
    app = open_app("patches", run=foreign(image_size=592).id)  # 37 x 37 patches
    assert not app.exception
    assert any("1,369" in one.value for one in app.caption)


def test_link_names_a_photograph():
    app = open_app("patches", run=foreign().id, **{"class": "rocket"})
    assert photograph_box(app).value == "rocket"
    assert not app.warning


def position_of(app):
    (position,) = (slider for slider in app.slider if (slider.key or "").startswith("own_coffee_position_"))
    return position


def captions(app):
    return [caption.value.replace("\\", "") for caption in app.caption]


def left_square(size):
    """Return the left end of the photograph of a cup, cropped and resized by pillow."""
    with Image.open(next(one for one in photos() if one.name == "coffee").file) as image:
        return np.asarray(image.convert("RGB").crop((0, 0, image.height, image.height)).resize((size, size)))


def test_moved_square_of_a_photograph_is_shown_said_and_kept_in_the_link():
    run = foreign()
    app = open_app("patches", run=run.id, **{"class": "coffee"})
    assert "square" not in app.query_params
    position_of(app).set_value(0).run()
    assert not app.exception
    assert "moved" in photograph_box(app).label
    assert any("Cup of coffee, moved square" in c for c in captions(app)), captions(app)
    link = "".join(app.query_params["square"])
    shown = scene_links.image_in(ImageState.of(kind="coffee", square=link), resources.dataset_of(run))
    assert np.abs(shown.image.astype(int) - left_square(64).transpose(2, 0, 1)).mean() < 2
    again = open_app("patches", run=run.id, square=link, **{"class": "coffee"})
    assert position_of(again).value == 0
    assert any("moved square" in c for c in captions(again))
    photograph_box(again).set_value("rocket").run()
    assert "square" not in again.query_params  # the square belongs to its photograph
    photograph_box(again).set_value("coffee").run()
    assert "".join(again.query_params["square"]) == link


@pytest.mark.parametrize("text", ["whole", "20.50", "20.50.60", "0.100.10"])
def test_part_in_a_link_is_read_as_it_is_written(text):
    assert own_crop.Crop.of(text).text() == text
    assert ImageState.of(square=text).parameters() == {"square": text}


@pytest.mark.parametrize("text", ["halves", "20", "20.101", "-1.50", "20.50.5"])
def test_impossible_part_in_a_link_is_reported_and_ignored(text):
    app = open_app("patches", run=foreign().id, square=text, **{"class": "coffee"})
    assert not app.exception
    assert any("square" in toast.value for toast in app.toast)
    assert "center" in photograph_box(app).label


def test_both_photographs_side_by_side_keep_their_squares():
    run = foreign()
    at = {"view": "Side by side", "class": "coffee", "right_class": "coffee", "right_square": "0.50"}
    app = open_app("attention", run=run.id, **at)
    assert not app.exception
    assert "0.50" in app.query_params["right_square"]
    assert "square" not in app.query_params
    data = resources.dataset_of(run)
    usual = scene_links.image_in(ImageState.of(kind="coffee"), data)
    _, right = side_by_side.linked(run, usual, data, at)
    assert np.abs(right.image.astype(int) - left_square(64).transpose(2, 0, 1)).mean() < 2


def test_live_image_of_two_models_without_dataset_is_a_photograph():
    one, other = foreign().id, foreign(seed=1).id
    app = open_app("inductive_bias", run=one, against=other, probe="shift")
    assert photograph_box(app).value == "cat"
    assert not app.error
    assert app.button(key="measure")  # of the curves below it


@pytest.mark.parametrize("page", ["patches", "attention"])
def test_run_whose_folder_is_gone_opens_with_photographs(page):
    run = foreign(data="folder:/nowhere/flowers", classes=("daisy", "rose"))
    app = open_app(page, run=run.id)
    assert any("flowers" in info.value for info in app.info)
    assert photograph_box(app).value == "cat"
    assert not app.error
    data = resources.dataset_of(run)
    assert data.classes == ("daisy", "rose")
    assert np.array_equal(data.test.images, load_dataset("photos", 64).test.images)


def test_link_of_a_talk_shows_a_photograph_without_a_true_class():
    data = resources.dataset_of(foreign())
    found = scene_links.image_in(ImageState.of(kind="raccoon"), data)
    assert isinstance(found, selection.SelectedImage)
    assert found.truth is None
    assert np.array_equal(found.image, data.test.images[data.names.index("raccoon")])


def test_heads_of_a_model_without_labels_are_ordered_by_what_needs_none():
    run = foreign()
    app = open_app("attention", run=run.id, order="distance")
    assert f"{len(photos())} bundled photographs" in " ".join(info.value for info in app.info)
    assert [*measure(HEADS, [Subject(run)], HEADS.images)]
    data = resources.dataset_of(run)
    measures = head_order.found_behavior(run, data, None)["measures"]
    assert [one["order"] for one in measures] == ["distance", "entropy", "cls", "self", "position"]
    app = open_app("attention", run=run.id, order="change")
    assert not app.exception
    assert not app.error
    assert [info.value for info in app.info if "order of the layers" in info.value]
    assert class_maps.QUESTION in [one.value for one in app.header]  # below the explorer
