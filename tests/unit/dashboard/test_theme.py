"""Colors of runs differ from each other and are visible on both backgrounds."""

from __future__ import annotations

import colorsys
import tomllib

import pytest

from dashboard.drawing import theme
from tests.conftest import ROOT
from vitcore.architectures import ARCHITECTURES


def test_color_of_a_further_run_is_no_tint_of_the_first():
    """A tint means training. The hues of two runs of one architecture differ by 10 degrees or more."""
    for model in ARCHITECTURES:
        styles = theme.run_styles([model] * 5)
        assert len({color for color, _ in styles}) == len({dash for _, dash in styles}) == 5
        first, *others = (
            colorsys.rgb_to_hls(*(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]
            for color, _ in styles
        )
        assert all(10 / 360 <= abs(first - hue) <= 350 / 360 for hue in others)


def test_color_of_a_further_run_is_visible_on_both_backgrounds():
    """WCAG 2.1, success criterion 1.4.11: a contrast of 3."""

    def contrast(one, other):
        darker, lighter = sorted(
            sum(
                weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
                for weight, part in zip(
                    (0.2126, 0.7152, 0.0722),
                    (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)),
                    strict=True,
                )
            )
            for color in (one, other)
        )
        return (lighter + 0.05) / (darker + 0.05)

    themes = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
    backgrounds = [themes[scheme]["backgroundColor"] for scheme in ("light", "dark")]
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    for model in ARCHITECTURES:
        for color, _ in theme.run_styles([model] * 5)[1:]:
            assert min(contrast(color, background) for background in backgrounds) >= 3, (model, color)
