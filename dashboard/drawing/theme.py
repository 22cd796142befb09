"""Colors: one hue per architecture everywhere, one sequential map for attention; safe for color-blind
eyes.
"""

from __future__ import annotations

from vitcore.architectures import ARCHITECTURES

OTHER = "#888888"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LIGHTER = (0.0, 0.35, 0.2, 0.5, 0.1)  # toward white, for further runs of one architecture


def hue(model: str) -> str:
    """The color of an architecture."""
    return ARCHITECTURES[model].color if model in ARCHITECTURES else OTHER


def run_styles(models: list[str]) -> list[tuple[str, str]]:
    """(color, dash) per run: runs of one architecture share its hue and differ in lightness and dash."""
    seen: dict[str, int] = {}
    styles = []
    for model in models:
        count = seen.get(model, 0)
        seen[model] = count + 1
        styles.append((_lighten(hue(model), LIGHTER[count % len(LIGHTER)]), DASHES[count % len(DASHES)]))
    return styles


def _lighten(color: str, share: float) -> str:
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
