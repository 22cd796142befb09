"""Bars, tiles and cards as HTML, for pages that do not wait for Plotly. Pure functions.

The CSS classes are in style/parts.css.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dashboard.drawing import pictures
from dashboard.drawing.csv_rows import Rows
from vitcore import numbers

GAP_LEFT, GAP_RIGHT = 0.25, 0.31  # shares of the width for the text on both sides of the dots


@dataclass(frozen=True)
class Dot:
    """An accuracy (0 to 1) of a row of `accuracy_gaps`, with its name and color `#rrggbb`."""

    name: str
    share: float
    color: str


def accuracy_gaps(rows: Sequence[tuple[str, Dot, Dot]]) -> str:
    """Return one row for each title with two accuracies: their dots on a common axis, joined by a line.

    Titles, names and colors must not come from users: they are not escaped.
    """
    shares = [dot.share for _, *dots in rows for dot in dots]
    low, width = min(shares), max(max(shares) - min(shares), 0.01)

    def place(share: float) -> str:
        return f"{GAP_LEFT + (1 - GAP_LEFT - GAP_RIGHT) * (share - low) / width:.2%}"

    parts = []
    for title, first, second in rows:
        left, right = sorted((first, second), key=lambda dot: dot.share)
        gap = f"{100 * (right.share - left.share):.2f} points"  # as many digits as the accuracies have
        parts.append(
            f'<div class="gap-title"><span>{title}</span><span>{gap}</span></div>'
            f'<div class="gap-track"><i style="left:{place(left.share)};'
            f'right:calc(100% - {place(right.share)})"></i>'
            f"{_dot(left, place(left.share), 'end')}{_dot(right, place(right.share), 'start')}</div>"
        )
    text = "; ".join(
        f"{title}: {first.name} {numbers.percent(first.share)}, {second.name} {numbers.percent(second.share)}"
        for title, first, second in rows
    )
    return f'<div class="gaps" role="img" aria-label="test accuracy, {text}">{"".join(parts)}</div>'


def _dot(dot: Dot, place: str, side: str) -> str:
    """Return a dot with its name and its value on its outer side."""
    color = f"color-mix(in srgb,{dot.color} 65%,currentColor)"
    return (
        f'<b style="left:{place};background:{dot.color}"></b>'
        f'<span class="gap-{side}" style="left:{place};color:{color}">'
        f"{dot.name} {numbers.percent(dot.share)}</span>"
    )


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


def example_cards(cards: Sequence[tuple[str, Image.Image, Sequence[str]]]) -> str:
    """Return cards in a grid: the title of each, its picture in full width, and lines of text."""
    parts = []
    for head, picture, words in cards:
        title = html.escape(head)
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in words)
        image = f'<img src="{pictures.encoded(picture)}" alt="{title}">'
        parts.append(f'<div class="example">{image}<div class="example-title">{title}</div>{lines}</div>')
    return f'<div class="examples">{"".join(parts)}</div>'
