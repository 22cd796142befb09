"""Occlusion maps (Zeiler and Fergus 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method, Setting

if TYPE_CHECKING:
    import torch
    from torch import nn


def _compute(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    from vitcore.analysis.pixels import occlusion_maps

    return occlusion_maps(model, image, classes, settings["windows"])


METHOD = Method(
    name="occlusion",
    title="Occlusion map",
    formula=(
        r"M_i = \frac{1}{|W_i|} \sum_{w \in W_i} \Big(f_c(x) - f_c(x_{\setminus w})\Big), \qquad "
        r"W_i = \{w : i \in w\}",
    ),
    definition="A square window $w$ moves over the image by half of its side and hides what is below it with "
    "the mean color. A pixel gets the mean fall of the logit $f_c$ over all windows that cover it, as in "
    "Captum.",
    reading="**Read it** as signed: hiding a magenta region lowers the logit, hiding a green one raises it.",
    misleads="If two regions show the same thing, hiding one of them changes little, and neither seems "
    "important.",
    paper="Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, ECCV",
    takes=("anything",),
    compute=_compute,
    settings={
        "windows": Setting(
            "Window", (8, 4), 8, "Side of the window.", lambda count: f"1/{count} of the image"
        ),
    },
    signed=True,
    order=6,
)
