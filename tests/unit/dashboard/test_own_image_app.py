"""Uploads of images and of invalid files."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from dashboard.drawing.markdown import escape
from tests.unit.dashboard.app import open_app


def png(size=(80, 50), color=(30, 90, 200)):
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def upload(app, name, data):
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    assert not app.exception, app.exception


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.png", b"hello"),
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
    assert any(one.value.startswith("cat") for one in app.caption)


def test_uploaded_image_is_shown_and_not_in_the_address():
    app = open_app("patches")
    upload(app, "blue.png", png())
    assert not app.error
    assert app.session_state.own_image[1] == "blue.png"
    assert any(escape("blue.png") in one.value for one in app.caption)
    assert "blue" not in str(app.query_params)
