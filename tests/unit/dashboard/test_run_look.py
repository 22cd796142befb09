"""The colors of several runs."""

from __future__ import annotations

from dashboard.drawing import theme
from dashboard.shared import run_look
from vitcore.runs.folder import find_run


def test_bundled_run_with_weights_has_the_color_of_its_architecture():
    """A bundled run without weights, whose id comes first, does not take the color."""
    runs = [find_run(name) for name in ("tutorial-equal-time", "vit-cifar10")]
    color, dash = run_look.styles(runs)["vit-cifar10"]
    assert (color, dash) == (theme.hue("vit"), "solid")
    assert run_look.styles(runs) == run_look.styles(runs[::-1])
