"""Integrated gradients (Sundararajan et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method, Setting

if TYPE_CHECKING:
    import torch
    from torch import nn


def _compute(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    from vitcore.analysis.pixels import integrated_gradients

    return integrated_gradients(model, image, classes, settings["steps"])


def _remark(model: nn.Module, image: torch.Tensor, classes: torch.Tensor, maps: torch.Tensor) -> str:
    """Compare the sum of the first map with what it must be."""
    from vitcore.analysis.pixels import logit_above_baseline

    exact = float(logit_above_baseline(model, image, classes)[0])
    return (
        f"The map sums to {float(maps[0].sum()):.2f}; the logit is {exact:.2f} above that of the mean color."
    )


METHOD = Method(
    name="integrated-gradients",
    title="Integrated gradients",
    formula=(
        r"M_i = (x_i - \bar{x}_i) \int_0^1 \frac{\partial f_c}{\partial x_i}"
        r"\big(\bar{x} + t\,(x - \bar{x})\big)\,dt, \qquad \sum_i M_i = f_c(x) - f_c(\bar{x})",
    ),
    definition="The gradient of the logit $f_c$ for every pixel, averaged on the straight path from the "
    "baseline $\\bar{x}$ to the image $x$, times their difference, summed over the colors. The baseline is "
    "the mean color of the training images. The integral is a Gauss-Legendre sum over *steps* points, as in "
    "Captum. The sum of the map misses $f_c(x) - f_c(\\bar{x})$ by the error of this sum; the caption shows "
    "both.",
    reading="**Read it** as signed: magenta pixels raise the logit, green ones lower it.",
    misleads="Pixels of the mean color always get zero, and the noise of the gradients "
    "makes the map speckled.",
    paper="Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, ICML",
    takes=("anything",),
    compute=_compute,
    settings={
        "steps": Setting(
            "Steps", (16, 32, 64, 128), 64, "Points on the path. With more, the sum is more exact."
        )
    },
    signed=True,
    remark=_remark,
    order=5,
)
