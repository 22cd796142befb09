"""Helpers for the attention explorer: move the pointer, read the shown token and the maps."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

EXPLORER = "document.querySelector('.xp').explorer"
SHOWN = ".xp[data-shown='{}']"


def expect_shown(page, text):
    """Wait until the maps of a token are shown: `cls`, `row.column` or `difference`."""
    expect(page.locator(SHOWN.format(text))).to_be_visible()


def patch_position(page, row, column, side=8):
    """Return the middle of a patch of the image, in pixels of the window."""
    box = page.locator(".xp-image").bounding_box()
    unit = box["width"] / side
    return box["x"] + (column - 0.5) * unit, box["y"] + (row - 0.5) * unit


def hover(page, row, column):
    page.mouse.move(*patch_position(page, row, column))


def click(page, row, column):
    page.mouse.click(*patch_position(page, row, column))


def leave_image(page):
    """Move the pointer to a part of the explorer without maps."""
    box = page.locator(".xp-reading").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)


def cell_position(page, layer, head):
    """Return the middle of a map of the grid; layer and head count from 1."""
    x, y = page.evaluate(
        f"(() => {{ const x = {EXPLORER}, p = x.plan.at({layer - 1}, {head - 1});"
        "const b = x.canvas.grid.getBoundingClientRect();"
        "return [b.left + p[0] + x.plan.unit / 2, b.top + p[1] + x.plan.unit / 2]; })()"
    )
    return x, y


def grid_values(page, layer, head):
    """Return the values of a map of the grid; layer and head count from 1."""
    return np.array(page.evaluate(f"Array.from({EXPLORER}.shownMaps.map({layer - 1}, {head - 1}))"))
