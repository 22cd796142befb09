"""Attribution of a class to pixels: Grad-CAM for networks with stages of feature maps."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.layers import staged
from vitcore.errors import UserError


def grad_cam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor, stage: int = -1) -> torch.Tensor:
    """Return Grad-CAM (Selvaraju et al. 2017): relu of the maps weighted by the mean gradient of a logit.

    images [B, 3, S, S] (uint8 or normalized), classes int [B], stage counted from 0 -> [B, h, w], not scaled.
    The model must be in evaluation mode. Its parameters get no gradients. Raise `UserError` for a model
    without stages.
    """
    network = staged(model)
    if network is None:
        raise UserError(
            f"Grad-CAM needs a network with stages of feature maps, not a {type(model).__name__}."
        )
    with torch.inference_mode(False), torch.enable_grad():
        maps = network.stages(as_input(images).clone().requires_grad_())
        logits = network.head(maps[-1])  # [B, classes]
        chosen = logits.gather(1, classes.clone()[:, None]).sum()  # samples do not mix in evaluation mode
        (gradient,) = torch.autograd.grad(chosen, maps[stage])  # [B, C, h, w]
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # [B, C, 1, 1]
    return (weights * maps[stage]).sum(dim=1).relu().detach()
