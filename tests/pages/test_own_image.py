"""Uploads of images and of invalid files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional as reference

from dashboard.drawing.markdown import escape
from dashboard.shared import own_crop, own_image
from tests.apptests import open_app
from tests.made_runs import make_run
from tests.uploads import png
from vitcore.data.images import contained, padded, square
from vitcore.paths import runs_dir
from vitcore.preprocessing import MEAN, Preprocessing

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 16}


def upload(app, name, data):
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    assert not app.exception, app.exception


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.png", b"hello"),
        ("line.png", png((1, 20_000))),
        ("thin.png", png((4, 20_000))),
        ("dot.png", png((1, 1))),
        ("cut.png", png((300, 300))[:-300]),
        ("![a](http:x) `b.png", b"hello"),  # escaped: shown as text, nothing is fetched
    ],
)
def test_invalid_upload_gets_an_error_and_the_test_image_stays(name, data):
    app = open_app("patches")
    upload(app, name, data)
    (error,) = app.error
    assert escape(name) in error.value
    assert "own_image" not in app.session_state
    assert any(caption.value.startswith("cat") for caption in app.caption)


def test_uploaded_image_is_shown_and_not_in_the_address():
    app = open_app("patches")
    upload(app, "blue.png", png())
    assert not app.error
    assert app.session_state.own_image[1] == "blue.png"
    assert any(escape("blue.png") in caption.value for caption in app.caption)
    assert "blue" not in str(app.query_params)


def halves(size):
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_square_can_be_moved_along_the_longer_side():
    data = halves((90, 30))
    left = own_crop.decoded(data, "halves.png", 10, own_crop.Crop(0.0))
    right = own_crop.decoded(data, "halves.png", 10, own_crop.Crop(1.0))
    center = own_crop.decoded(data, "halves.png", 10, own_crop.Crop())
    assert (left[0].min(), left[2].max()) == (255, 0)
    assert (right[0].max(), right[2].min()) == (0, 255)
    assert min(center[0, :, :4].min(), center[2, :, 6:].min()) > 250  # half red, half blue
    assert max(center[0, :, 6:].max(), center[2, :, :4].max()) < 5
    assert own_crop.square_of(90, 30, 10, 0.5) == (30, 0, 60, 30)
    assert own_crop.square_of(30, 90, 10, 1.0) == (0, 60, 30, 90)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (4, 400), (321, 1), (1, 1)])
@pytest.mark.parametrize("crop", [own_crop.Crop(0.0), own_crop.Crop(1.0), own_crop.Crop(whole=True)])
def test_crop_of_a_narrow_image_has_at_least_one_pixel(size, crop):
    image = Image.new("RGB", size)
    preview = contained(image, own_crop.PREVIEW)
    assert (max(preview.size), min(preview.size) >= 1) == (own_crop.PREVIEW, True)
    assert own_crop._marked(preview, crop).size == (own_crop.PREVIEW, own_crop.PREVIEW)
    for pixels in (padded(image, 32), square(image, 32, crop.position)):
        assert pixels.shape == (3, 32, 32)


def test_whole_image_is_padded_with_the_mean_color():
    padded = own_crop.decoded(halves((90, 30)), "halves.png", 30, own_crop.Crop(whole=True))
    assert np.allclose(padded[:, 0, 0], 255 * np.array(MEAN), atol=1)
    assert tuple(padded[:, 15, 2]) == (255, 0, 0)
    assert tuple(padded[:, 15, 27]) == (0, 0, 255)


def test_crop_of_an_upload_is_announced_and_can_be_changed():
    app = open_app("patches")
    upload(app, "wide.png", halves((90, 30)))
    (toast,) = app.toast
    assert escape("wide.png") in toast.value
    assert "square" in toast.value
    (position,) = positions(app)
    position.set_value(0).run()
    assert own_crop_of(app) == own_crop.Crop(0.0)
    (fit,) = (group for group in app.button_group if own_crop.WHOLE in group.options)
    fit.set_value(own_crop.WHOLE).run()
    assert own_crop_of(app).whole
    upload(app, "other.png", halves((30, 90)))
    assert own_crop_of(app) == own_crop.Crop()


def positions(app):
    """Return the sliders that move the square of an image that is not square."""
    return [slider for slider in app.slider if (slider.key or "").startswith("own_position_")]


def own_crop_of(app):
    generation = app.session_state.own_crop_generation
    position = app.session_state[f"own_position_{generation}"]
    return own_crop.Crop(position / 100, app.session_state[f"own_fit_{generation}"] == own_crop.WHOLE)


def test_square_upload_needs_no_crop():
    app = open_app("patches")
    upload(app, "even.png", png((40, 40)))
    assert app.session_state.own_image[1] == "even.png"
    (toast,) = app.toast  # of the upload, and nothing about a crop
    assert toast.icon == ":material/check:"
    assert not positions(app)


def upload_all(app, *files):
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()
    assert not app.exception, app.exception


def names_of(app):
    return [one.name for one in app.session_state.own_images]


def shown_box(app):
    (box,) = (selectbox for selectbox in app.selectbox if selectbox.label == "Shown")
    return box


def test_several_uploads_are_kept_and_each_has_its_own_crop():
    app = open_app("patches")
    upload_all(app, ("wide.png", halves((90, 30))), ("tall.png", halves((30, 90))))
    assert names_of(app) == ["wide.png", "tall.png"]
    assert app.session_state.own_image == (halves((90, 30)), "wide.png")
    positions(app)[0].set_value(0).run()
    shown_box(app).select_index(1).run()
    assert app.session_state.own_image[1] == "tall.png"
    assert own_crop_of(app) == own_crop.Crop()
    shown_box(app).select_index(0).run()
    assert own_crop_of(app) == own_crop.Crop(0.0)
    (back,) = (button for button in app.button if button.label == "Back to the test images")
    back.click().run()
    assert "own_images" not in app.session_state


def test_oldest_images_beyond_the_limit_are_dropped(monkeypatch):
    monkeypatch.setattr(own_image, "MOST", 3)
    app = open_app("patches")
    for name in "abcd":
        upload(app, f"{name}.png", png())
    assert names_of(app) == ["b.png", "c.png", "d.png"]
    assert app.session_state.own_image[1] == "d.png"


def test_invalid_file_among_several_is_named_and_the_others_are_kept():
    app = open_app("patches")
    upload_all(app, ("bad.png", b"hello"), ("good.png", png()))
    assert names_of(app) == ["good.png"]
    shown, problem = app.toast  # each its own, because a long one is cut
    assert escape("good.png") in shown.value
    assert escape("bad.png") in problem.value
    assert (shown.icon, problem.icon) == (":material/check:", "")


def test_pasted_images_are_shown():
    app = open_app("patches")
    (source,) = (group for group in app.button_group if own_image.PASTE in group.options)
    source.set_value(own_image.PASTE).run()
    (paste,) = app.chat_input
    paste.upload("image.png", png(), "image/png").upload("other.png", png((40, 40)), "image/png").run()
    assert not app.exception
    assert names_of(app) == ["image.png", "other.png"]
    assert app.session_state.own_image == (png(), "image.png")


@pytest.mark.parametrize("size", [(4000, 2500), (2500, 4000)])
def test_square_of_a_large_photograph_moves_at_224_pixels(size):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1] // 100, size[0] // 100, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
    data = io.BytesIO()
    image.save(data, "PNG")
    whole = reference.resize(image, 224, reference.InterpolationMode.LANCZOS)
    wide = size[0] > size[1]
    along = np.asarray(whole).transpose((2, 0, 1) if wide else (2, 1, 0))
    for position, offset in ((0, 0), (0.2, 27), (1, 134)):  # of 358 - 224 = 134 pixels
        found = own_crop.decoded(data.getvalue(), "large.png", 224, own_crop.Crop(position))
        shown = found if wide else found.transpose(0, 2, 1)
        assert np.array_equal(shown, along[:, :, offset : offset + 224])


@pytest.mark.parametrize("size", [(90, 60), (60, 90), (60, 60)])
def test_smaller_square_moves_in_both_directions(size):
    image = Image.new("RGB", size)
    image.putpixel((size[0] - 2, 1), (255, 255, 255))  # in the upper right corner
    data = io.BytesIO()
    image.save(data, "PNG")
    lit = {
        (x, y): bool(own_crop.decoded(data.getvalue(), "dot.png", 30, crop_at(size, x, y)).max() > 200)
        for x in (0, 1)
        for y in (0, 1)
    }
    assert lit == {(0, 0): False, (0, 1): False, (1, 0): True, (1, 1): False}


def crop_at(size, x, y):
    """A square of half the shorter side, at the left (0) or right (1), and at the top or at the bottom."""
    position, across = (x, y) if size[0] >= size[1] else (y, x)
    return own_crop.Crop(position, across=across, share=0.5)


def test_crop_of_the_model_is_announced_and_can_be_changed():
    how = {"crop": 0.75}
    run = make_run(runs_dir(), "foreign", data="photos", image_size=64, preprocessing=how, **SMALL)
    app = open_app("patches", run=run.id)
    upload(app, "even.png", png((40, 40)))
    (toast,) = app.toast
    assert "75" in toast.value
    assert len(positions(app)) == 1  # even a square image is cropped
    (size,) = (slider for slider in app.slider if (slider.key or "").startswith("own_size_"))
    assert size.value == 75
    size.set_value(100).run()
    assert not positions(app)
    assert not app.exception


def test_default_square_is_exactly_the_crop_of_the_model():
    how = Preprocessing(crop=0.875, interpolation="bicubic")
    data = halves((90, 60))
    expected = square(Image.open(io.BytesIO(data)), 24, preprocessing=how)
    assert np.array_equal(own_crop.decoded(data, "halves.png", 24, own_crop.chosen(how), how), expected)
