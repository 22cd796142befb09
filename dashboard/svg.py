"""Small drawings as SVG text, for the first page: it need not wait for plotly.js. Pure functions."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from dashboard import theme

WIDTH, HEIGHT = 400, 168
LEFT, RIGHT, TOP, BOTTOM = 44, 70, 8, 40


def sample_efficiency(points: Sequence[dict[str, Any]], ink: str = "currentColor") -> str:
    """Test accuracy against the number of training images (logarithmic), a line per architecture with
    standard errors, chance dotted. `points` as of `vitcore.runs.sweep_rows.sample_curve`, some with a `mean`.
    Text has the colour and the font of what is around it; as a picture it sees neither: `ink`.
    """
    known = [p for p in points if p["mean"] is not None and p["images"]]
    counts = sorted({p["images"] for p in known})
    low, high = math.log(counts[0]), math.log(max(counts[-1], counts[0] + 1))
    top = min(100, 10 * math.ceil(10 * max(p["mean"] for p in known) + 0.5))

    def x(images: int) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (math.log(images) - low) / (high - low)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * 100 * share / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="13" '
        'font-family="Inter, system-ui, Helvetica, Arial, sans-serif" '
        f'fill="{ink}" role="img" aria-label="Test accuracy against training images: {spoken(points)}">'
    ]
    for percent in range(0, top + 1, 20):
        at = y(percent / 100)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at, ink, 'stroke-opacity="0.14"'))
        parts.append(f'<text x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{percent} %</text>')
    if chance := known[0].get("chance"):
        parts.append(_line(LEFT, y(chance), WIDTH - RIGHT, y(chance), ink, 'stroke-dasharray="2 3"'))
        parts.append(
            f'<text x="{WIDTH - RIGHT + 6}" y="{y(chance) + 4:.1f}" fill-opacity="0.75">chance</text>'
        )
    for images in counts:
        parts.append(
            f'<text x="{x(images):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{images:,}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">training images</text>')
    for model in dict.fromkeys(p["model"] for p in known):
        mine = sorted((p for p in known if p["model"] == model), key=lambda p: p["images"])
        colour = theme.hue(model)
        path = " ".join(f"{x(p['images']):.1f},{y(p['mean']):.1f}" for p in mine)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for p in mine:
            at, error = x(p["images"]), p["error"] or 0.0
            parts.append(
                _line(at, y(p["mean"] - error), at, y(p["mean"] + error), colour, 'stroke-width="1.6"')
            )
            parts.append(f'<circle cx="{at:.1f}" cy="{y(p["mean"]):.1f}" r="4" fill="{colour}"/>')
        last = mine[-1]
        where = f'x="{x(last["images"]) + 9:.1f}" y="{y(last["mean"]) + 4:.1f}"'
        parts.append(f'<text {where} fill="{colour}" font-weight="650">{escape(last["label"])}</text>')
    return "".join([*parts, "</svg>"])


def spoken(points: Sequence[dict[str, Any]]) -> str:
    """The points in words."""
    known = [p for p in points if p["mean"] is not None]
    return escape(", ".join(f"{p['label']} {p['images']:,}: {100 * p['mean']:.1f} %" for p in known))


def url(drawing: str) -> str:
    """A drawing as an address to write into Markdown."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def rows(points: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """The points as rows of a CSV file."""
    known = [p for p in points if p["mean"] is not None]
    names = ["model", "training images", "share of them", "test accuracy", "standard error", "chance"]
    keys = ("label", "images", "share", "mean", "error", "chance")
    return [names, *([p.get(key) for key in keys] for p in known)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'
