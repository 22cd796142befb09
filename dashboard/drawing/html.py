"""Bars and tiles as HTML, for pages that do not wait for Plotly. Pure functions.

The CSS classes are in style/parts.css.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from dashboard.drawing import pictures
from dashboard.drawing.csv_rows import Rows
from vitcore import numbers

DARK_INK = "#14171a"


def accuracy_bars(
    names: list[str], accuracies: list[float], colors: list[str], chance: float, *, foot: bool = True
) -> str:
    """Return test accuracies (0 to 1) as labeled bars with a mark at chance, which `foot` names.

    Names and colors must not come from users: they are not escaped.
    """
    rows = "".join(
        f'<div class="bar-name">{name}</div><div class="bar-track">'
        f'<div class="bar-fill" style="width:{share:.2%};background:{color};color:{_ink(color)}">'
        f'{numbers.percent(share)}</div><div class="bar-chance" style="left:{chance:.0%}"></div></div>'
        for name, share, color in zip(names, accuracies, colors, strict=True)
    )
    text = ", ".join(f"{n} {numbers.percent(a)}" for n, a in zip(names, accuracies, strict=True))
    label = f"test accuracy: {text}; chance {numbers.chance(chance)}"
    word = f'<div></div><div class="bar-foot"><span style="left:{chance:.0%}">chance</span></div>'
    return f'<div class="bars" role="img" aria-label="{label}">{rows}{word if foot else ""}</div>'


def filter_tiles(filters: np.ndarray, shares: np.ndarray) -> str:
    """Return filters [n, 3, P, P] as tiles with their shares of the variance below.

    Zero is gray. Each filter is scaled by its own largest weight.
    """
    parts = []
    for i, (tile, share) in enumerate(zip(_tiles(filters), shares, strict=True), start=1):
        percent = numbers.percent(share, 1)
        picture = f'<img src="{pictures.data_url(tile)}" alt="component {i}, {percent} of the variance">'
        parts.append(f'<div class="filter">{picture}{percent}</div>')
    return f'<div class="filters">{"".join(parts)}</div>'


def filter_files(filters: np.ndarray, shares: np.ndarray) -> tuple[list[tuple[str, Image.Image, str]], Rows]:
    """Return the pictures and the CSV rows of the same filters for `figure_files.pictures`."""
    tiles = zip(_tiles(filters), shares, strict=True)
    parts = [("", pictures.picture(tile), numbers.percent(share, 1)) for tile, share in tiles]
    rows: list[list[object]] = [["component", "share of variance", "channel", "row", "column", "weight"]]
    for (n, channel, row, column), weight in np.ndenumerate(filters):
        color = ("red", "green", "blue")[channel]
        rows.append([n + 1, float(f"{shares[n]:.6g}"), color, row + 1, column + 1, float(f"{weight:.6g}")])
    return parts, rows


def _tiles(filters: np.ndarray) -> np.ndarray:
    """Return filters [n, 3, P, P] as uint8 of the same shape, with gray for zero."""
    scaled = filters / np.maximum(np.abs(filters).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    return (127.5 + 127.5 * scaled).round().astype(np.uint8)


def _ink(color: str) -> str:
    """Return white or near-black, whichever has more contrast with `#rrggbb` (WCAG 2)."""
    white, dark = (_luminance(ink) for ink in ("#ffffff", DARK_INK))
    ground = _luminance(color)
    return "#fff" if (white + 0.05) / (ground + 0.05) > (ground + 0.05) / (dark + 0.05) else DARK_INK


def _luminance(color: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
