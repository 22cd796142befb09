"""Colours: one hue per architecture everywhere, one sequential map for attention; safe for colour-blind
eyes.
"""

from __future__ import annotations

from vitcore.architectures import ARCHITECTURES

OTHER = "#888888"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LIGHTER = (0.0, 0.35, 0.2, 0.5, 0.1)  # towards white, for further runs of one architecture


def hue(model: str) -> str:
    """The colour of an architecture."""
    return ARCHITECTURES[model].colour if model in ARCHITECTURES else OTHER


def run_styles(models: list[str]) -> list[tuple[str, str]]:
    """(colour, dash) per run: runs of one architecture share its hue and differ in lightness and dash."""
    seen: dict[str, int] = {}
    styles = []
    for model in models:
        count = seen.get(model, 0)
        seen[model] = count + 1
        styles.append((_lighten(hue(model), LIGHTER[count % len(LIGHTER)]), DASHES[count % len(DASHES)]))
    return styles


def _lighten(colour: str, share: float) -> str:
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
