"""Uploads of images and of invalid files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dashboard.drawing.markdown import escape
from dashboard.shared import own_crop
from tests.apptests import open_app
from tests.uploads import png
from vitcore.data.images import MEAN, contained, padded, square


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
    assert own_crop.square_of(90, 30, 0.5) == (30, 0, 60, 30)
    assert own_crop.square_of(30, 90, 1.0) == (0, 60, 30, 90)


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
    assert [escape("wide.png") in toast.value for toast in app.toast] == [True]
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
