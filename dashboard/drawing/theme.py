"""Colors: one hue per architecture everywhere, one sequential map for attention, both safe for color-blind
readers.
"""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Iterable

from vitcore.architectures import ARCHITECTURES

OTHER = "#888888"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
FAINT_ON_LIGHT, FAINT_ON_DARK = "66", "b3"  # opacity of training curves as two hexadecimal digits
NEAR = 70  # degrees between the hues of runs of one architecture
VISIBLE = (0.13, 0.29)  # relative luminance with a contrast of 3 to both backgrounds, as WCAG asks of lines
TINT = 0.45  # share of white in training curves on a dark background


def hue(model: str) -> str:
    """Return the color of an architecture."""
    return ARCHITECTURES[model].color if model in ARCHITECTURES else OTHER


def run_styles(models: list[str]) -> list[tuple[str, str]]:
    """Return (color, dash) for each run.

    The first run of an architecture has its color. Further ones have another hue and another dash, because
    a tint of the color means training.
    """
    seen: dict[str, int] = {}
    styles = []
    for model in models:
        count = seen.get(model, 0)
        seen[model] = count + 1
        styles.append((_series(hue(model))[count % len(DASHES)], DASHES[count % len(DASHES)]))
    return styles


def faint(color: str, *, dark: bool) -> str:
    """Return the color of a training curve, `#rrggbbaa`: transparent, and lighter on a dark background."""
    return _lighten(color, TINT) + FAINT_ON_DARK if dark else color + FAINT_ON_LIGHT


@functools.cache
def _series(base: str) -> tuple[str, ...]:
    """Return `base` and further colors, each as different as possible from all others that charts use."""
    colors = [base]
    used = [OTHER, *(architecture.color for architecture in ARCHITECTURES.values())]
    used += [_lighten(color, share) for color in dict.fromkeys((*used, base)) for share in (0.35, 0.6)]
    while len(colors) < len(DASHES):
        best = max(_near(base), key=lambda color: min(_distance(color, other) for other in [*used, *colors]))
        colors.append(best)
    return tuple(colors)


def _near(base: str) -> Iterable[str]:
    """Return colors of similar hues that are visible on light and on dark backgrounds."""
    start, _, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _rgb(base)))
    for degrees in (*range(-NEAR, -10, 10), *range(20, NEAR + 1, 10)):
        for light in (0.35, 0.42, 0.5, 0.58, 0.66):
            parts = colorsys.hls_to_rgb((start + degrees / 360) % 1, light, min(saturation, 0.7) or 0.5)
            color = "#" + "".join(f"{round(255 * part):02x}" for part in parts)
            if VISIBLE[0] <= _luminance(color) <= VISIBLE[1]:
                yield color


def _luminance(color: str) -> float:
    """Return the relative luminance of a color, from 0 to 1, as WCAG 2 defines it."""
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _rgb(color))
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _distance(first: str, second: str) -> float:
    """Return how different two colors look, squared ("redmean", a weighted distance in RGB)."""
    (r1, g1, b1), (r2, g2, b2) = _rgb(first), _rgb(second)
    mean = (r1 + r2) / 2
    return (2 + mean / 256) * (r1 - r2) ** 2 + 4 * (g1 - g2) ** 2 + (2 + (255 - mean) / 256) * (b1 - b2) ** 2


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _lighten(color: str, share: float) -> str:
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in _rgb(color))
