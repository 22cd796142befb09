"""Pointing at the attention explorer and reading it, for the browser tests."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

EXPLORER = "document.querySelector('.xp').explorer"
SHOWN = ".xp[data-shown='{}']"


def shown(page, text):
    expect(page.locator(SHOWN.format(text))).to_be_visible()


def at_patch(page, row, column, side=8):
    box = page.locator(".xp-image").bounding_box()
    unit = box["width"] / side
    return box["x"] + (column - 0.5) * unit, box["y"] + (row - 0.5) * unit


def hover(page, row, column):
    page.mouse.move(*at_patch(page, row, column))


def click(page, row, column):
    page.mouse.click(*at_patch(page, row, column))


def away(page):
    box = page.locator(".xp-reading").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)


def cell(page, layer, head):
    """The middle of a map of the grid, layer and head counted from 1."""
    x, y = page.evaluate(
        f"(() => {{ const x = {EXPLORER}, p = x.plan.at({layer - 1}, {head - 1});"
        "const b = x.canvas.grid.getBoundingClientRect();"
        "return [b.left + p[0] + x.plan.unit / 2, b.top + p[1] + x.plan.unit / 2]; })()"
    )
    return x, y


def grid_values(page, layer, head):
    return np.array(page.evaluate(f"Array.from({EXPLORER}.shownMaps.map({layer - 1}, {head - 1}))"))
