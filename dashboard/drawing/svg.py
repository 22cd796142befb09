"""Small figures as SVG and HTML, for pages that do not wait for plotly.js. Pure functions."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from dashboard.drawing import theme
from vitcore import numbers

WIDTH, HEIGHT = 400, 168
LEFT, RIGHT, TOP, BOTTOM = 44, 70, 8, 40
SIZE = 13  # of the font, in the units of the viewBox
GRAY = "#80848c"  # for lines of an image, which cannot use the page's colors; visible on light and dark


@dataclass(frozen=True)
class Label:
    """A text that is aligned to x by its anchor ("start", "middle", "end") and vertically centered on y.

    Without a `color`, it has that of the surrounding text.
    """

    x: float
    y: float
    text: str
    anchor: str = "middle"
    color: str | None = None
    opacity: float = 1.0


def sample_efficiency(points: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG of test accuracy against the number of training images, on a logarithmic axis.

    Each architecture has a line with standard errors, and chance is dotted. `points` come from
    `vitcore.sweeps.results.sample_curve`, and at least one has a `mean`. The text has the color and the font
    of its surroundings.
    """
    shapes, labels = _parts(points)
    return _svg(shapes + [_text(label) for label in labels], f'role="img" aria-label={_alt(points)}')


def as_html(points: Sequence[Mapping[str, Any]]) -> str:
    """Return the same figure as HTML: the lines as an image, the labels as text above it.

    Streamlit removes SVG from HTML, and an image can use neither the font nor the colors of the page. The
    CSS classes are in style/parts.css.
    """
    shapes, labels = _parts(points)
    lines = base64.b64encode(_svg(shapes, f'color="{GRAY}"').encode()).decode()
    spans = "".join(_span(label) for label in labels)
    return (
        f'<div class="curve" role="img" aria-label={_alt(points)}>'
        f'<img src="data:image/svg+xml;base64,{lines}" alt="">{spans}</div>'
    )


def _parts(points: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Label]]:
    """Return the lines and markers as SVG elements, and the labels."""
    known = [p for p in points if p["mean"] is not None and p["images"]]
    counts = sorted({p["images"] for p in known})
    low, high = math.log(counts[0]), math.log(max(counts[-1], counts[0] + 1))
    top = min(100, 10 * math.ceil(10 * max(p["mean"] for p in known) + 0.5))

    def x(images: int) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (math.log(images) - low) / (high - low)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * 100 * share / top

    ink = "currentColor"
    shapes: list[str] = []
    labels: list[Label] = []
    for percent in range(0, top + 1, 20):
        at = y(percent / 100)
        shapes.append(_line(LEFT, at, WIDTH - RIGHT, at, ink, 'stroke-opacity="0.25"'))
        labels.append(Label(LEFT - 7, at, f"{percent} %", "end"))
    if chance := known[0].get("chance"):
        shapes.append(_line(LEFT, y(chance), WIDTH - RIGHT, y(chance), ink, 'stroke-dasharray="2 3"'))
        labels.append(Label(WIDTH - RIGHT + 6, y(chance), "chance", "start", opacity=0.75))
    labels += [Label(x(images), HEIGHT - BOTTOM + 15, f"{images:,}") for images in counts]
    labels.append(Label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "training images (log scale)"))
    for model in dict.fromkeys(p["model"] for p in known):
        mine = sorted((p for p in known if p["model"] == model), key=lambda p: p["images"])
        color = theme.hue(model)
        path = " ".join(f"{x(p['images']):.1f},{y(p['mean']):.1f}" for p in mine)
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        for p in mine:
            at, error = x(p["images"]), p["error"] or 0.0
            shapes.append(
                _line(at, y(p["mean"] - error), at, y(p["mean"] + error), color, 'stroke-width="1.6"')
            )
            shapes.append(f'<circle cx="{at:.1f}" cy="{y(p["mean"]):.1f}" r="4" fill="{color}"/>')
        last = mine[-1]
        labels.append(Label(x(last["images"]) + 9, y(last["mean"]), last["label"], "start", color))
    return shapes, labels


def spoken(points: Sequence[Mapping[str, Any]]) -> str:
    """Return the points as text, for screen readers."""
    known = [p for p in points if p["mean"] is not None]
    return ", ".join(f"{p['label']} {p['images']:,}: {numbers.percent(p['mean'], 1)}" for p in known)


def rows(points: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Return the points as rows of a CSV file."""
    known = [p for p in points if p["mean"] is not None]
    names = ["model", "training images", "share of them", "test accuracy", "standard error", "chance"]
    keys = ("label", "images", "share", "mean", "error", "chance")
    return [names, *([p.get(key) for key in keys] for p in known)]


def _alt(points: Sequence[Mapping[str, Any]]) -> str:
    return quoteattr(f"Test accuracy against training images: {spoken(points)}")


def _svg(parts: Sequence[str], attributes: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="{SIZE}" '
    font = 'font-family="Inter, system-ui, Helvetica, Arial, sans-serif" fill="currentColor" '
    return "".join([head, font, attributes, ">", *parts, "</svg>"])


def _text(label: Label) -> str:
    more = f'fill="{label.color}" font-weight="650"' if label.color else f'fill-opacity="{label.opacity}"'
    where = (
        f'x="{label.x:.1f}" y="{label.y + 0.35 * SIZE:.1f}" text-anchor="{label.anchor}"'  # y of the baseline
    )
    return f"<text {where} {more}>{escape(label.text)}</text>"


def _span(label: Label) -> str:
    style = f"left:{label.x / WIDTH:.2%};top:{label.y / HEIGHT:.2%};opacity:{label.opacity}"
    if label.color:  # close to that of the line, with a contrast of 4.5 : 1 (WCAG 2) on light and dark
        style += f";color:color-mix(in srgb,{label.color} 65%,currentColor);font-weight:650"
    return f'<span class="curve-{label.anchor}" style="{style}">{escape(label.text)}</span>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str, more: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" {more}/>'
