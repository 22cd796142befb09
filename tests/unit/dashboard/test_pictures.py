"""Pictures of maps over a photograph."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from dashboard.drawing import pictures

PHOTOGRAPH = np.tile(np.array([200, 100, 50], dtype=np.uint8)[:, None, None], (1, 4, 4))


def test_overlay_leaves_patches_without_attribution_as_they_are():
    drawn = np.asarray(pictures.overlay(PHOTOGRAPH, np.array([[0.0, 1.0], [0.0, 0.5]])))
    assert drawn[:, :2].tolist() == PHOTOGRAPH.transpose(1, 2, 0)[:, :2].tolist()


def test_overlay_tints_the_largest_value_most():
    drawn = np.asarray(pictures.overlay(PHOTOGRAPH, np.array([[0.0, 1.0], [0.0, 0.5]]))).astype(int)
    away = np.abs(drawn - pictures.MAGENTA.astype(int)).sum(axis=-1)
    assert away[0, 3] < away[3, 3] < away[0, 0]


def test_signed_overlay_has_two_tints_and_none_at_zero():
    drawn = np.asarray(
        pictures.overlay(PHOTOGRAPH, np.array([[-2.0, 0.0], [2.0, 0.0]]), limits=(-2, 2), signed=True)
    ).astype(int)
    assert drawn[0, 3].tolist() == [200, 100, 50]
    below, above = drawn[0, 0], drawn[3, 0]
    assert below[1] > below[0] > below[2]  # green
    assert above[0] > above[2] > above[1]  # magenta


def test_map_of_equal_values_is_drawn_without_a_tint():
    drawn = np.asarray(pictures.overlay(PHOTOGRAPH, np.zeros((2, 2)), limits=(0.0, 1e-9)))
    assert (drawn == [200, 100, 50]).all()


@pytest.mark.parametrize("signed", [False, True])
def test_scale_of_an_overlay_has_the_colors_of_the_overlay(signed):
    text = pictures.overlay_scale("lowest", "highest", signed=signed)
    found = re.fullmatch(r"lowest !\[Color scale\]\(data:image/png;base64,(.*)\) highest", text)
    assert found
    bar = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))[0]
    gray = np.full((3, 1, 1), pictures.SCALE_GRAY, dtype=np.uint8)
    largest = pictures.overlay(gray, np.ones((1, 1)), limits=(-1, 1) if signed else (0, 1), signed=signed)
    assert bar[-1].tolist() == np.asarray(largest)[0, 0].tolist()
    away = np.abs(bar.astype(int) - pictures.SCALE_GRAY).sum(axis=-1)
    assert abs(away.argmin() - (len(bar) // 2 if signed else 0)) <= 1
