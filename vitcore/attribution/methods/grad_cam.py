"""Grad-CAM (Selvaraju et al. 2017) of the stages of a CNN, and of the tokens and the stem of a ViT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method, Setting
from vitcore.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn


def _compute(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.attribution import grad_cam, stem_grad_cam, token_grad_cam
    from vitcore.analysis.layers import staged
    from vitcore.networks.vit import ViT

    same = image.expand(len(classes), -1, -1, -1)
    stage, network = settings["stage"], staged(model)
    if isinstance(model, ViT):
        if stage is None:
            return token_grad_cam(model, same, classes)
        if not model.convolutional:
            raise UserError(
                f"stage {stage} does not exist: this {type(model).__name__} has no convolutions, so leave "
                "out the stage for the map of its last block."
            )
        if stage > 1:
            raise UserError(
                f"stage {stage} does not exist: choose 1 for the convolutions of this "
                f"{type(model).__name__}, or leave out the stage for the map of its last block."
            )
        return stem_grad_cam(model, same, classes)
    if stage and network:
        with torch.inference_mode():
            count = len(network.stages(as_input(image, model)))
        if stage > count:
            numbers = ", ".join(str(number) for number in range(1, count + 1))
            raise UserError(f"stage {stage} does not exist: choose one of {numbers}.")
    return grad_cam(model, same, classes, (stage or 0) - 1)


METHOD = Method(
    name="grad-cam",
    title="Grad-CAM",
    formula=(
        r"M = \Big(\sum_k \alpha_k F^k\Big)^{+}, \qquad "
        r"\alpha_k = \frac{1}{hw}\sum_{i,j} \frac{\partial f_c}{\partial F^k_{ij}}",
    ),
    definition="The feature maps $F^k$ of one stage of a CNN, with $h \\times w$ positions, are weighted by "
    "the mean gradient of the logit $f_c$ of a class and summed. Negative sums become zero. In a ViT, the "
    "feature maps are the channels of the patches after the first layer norm of the last block, as in "
    "pytorch-grad-cam. With post-norm, they are those of the last block's input. "
    "If convolutions make the tokens, as in a CCT, their output is stage 1 of the command line.",
    reading="**Read it** as a coarse map: on an image of 32 x 32 pixels, a map of 8 x 8 positions shows no "
    "detail finer than 4 x 4 pixels, and the receptive field of each position is much larger than that.",
    misleads="It averages gradients over all positions, so it can mark regions that do not raise the logit, "
    "and a position of a late layer also holds what came from other places.",
    paper="Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based "
    "Localization, ICCV",
    takes=("stages", "attention"),
    compute=_compute,
    settings={
        "stage": Setting(
            "Stage",
            help="The stage of a CNN, from 1, or 1 for the convolutions before the blocks of a ViT. By "
            "default, the last stage or block.",
        )
    },
    order=4,
)
