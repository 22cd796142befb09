"""Attribution of a logit to pixels for any model: integrated gradients and occlusion.

The baseline of both is zero after normalization, which is the mean color of the training images.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input

BATCH = 32  # images in one pass


def integrated_gradients(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, steps: int = 64
) -> torch.Tensor:
    """Return integrated gradients (Sundararajan et al. 2017), summed over the channels.

    (x - x0) times the mean gradient of the logit on the straight path from the baseline x0 to the image x.
    The integral is a Gauss-Legendre quadrature with `steps` nodes, as in Captum. image [1, 3, S, S] (uint8 or
    normalized), classes int [C] -> float [C, S, S]. The model must be in evaluation mode.
    """
    nodes, shares = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    x = as_input(image, model)
    places = torch.tensor((nodes + 1) / 2, dtype=x.dtype, device=x.device)
    weights = torch.tensor(shares / 2, dtype=x.dtype, device=x.device)
    maps = []
    for chosen in classes.tolist():
        mean = torch.zeros_like(x[0])
        for place, weight in zip(places.split(BATCH), weights.split(BATCH), strict=True):
            with torch.inference_mode(False), torch.enable_grad():
                path = (place.view(-1, 1, 1, 1) * x).clone().requires_grad_()  # [steps, 3, S, S]
                (gradient,) = torch.autograd.grad(model(path)[:, chosen].sum(), path)
            mean += (weight.view(-1, 1, 1, 1) * gradient).sum(dim=0)
        maps.append((x[0] * mean).sum(dim=0))
    return torch.stack(maps)


@torch.inference_mode()
def logit_above_baseline(model: nn.Module, image: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return the logits of an image minus those of the baseline, to which integrated gradients sum. -> [C]"""
    x = as_input(image, model)
    above, below = model(torch.cat([x, torch.zeros_like(x)]))[:, classes]
    return above - below


@torch.inference_mode()
def occlusion_maps(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, windows: int = 8
) -> torch.Tensor:
    """Return how much hiding a pixel lowers a logit (occlusion, Zeiler and Fergus 2014).

    A square window, whose side is 1 / `windows` of the image's, moves by half of its side and hides the
    pixels below it. The value of a pixel is the mean fall of the logit over the windows that cover it, as in
    Captum. image [1, 3, S, S] (uint8 or normalized), classes int [C] -> float [C, S, S].
    """
    x = as_input(image, model)
    size = x.shape[-1]
    stride = max(1, size // windows // 2)
    side = 2 * stride if size > 1 else 1
    starts = sorted({*range(0, size - side + 1, stride), size - side})
    hidden = torch.zeros(len(starts) ** 2, 1, size, size, dtype=x.dtype, device=x.device)
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            hidden[row * len(starts) + column, 0, top : top + side, left : left + side] = 1
    logits = torch.cat([model(x * (1 - part)) for part in hidden.split(BATCH)])[:, classes]  # [W, C]
    falls = model(x)[:, classes] - logits
    return torch.einsum("wc,wij->cij", falls, hidden[:, 0]) / hidden[:, 0].sum(dim=0)
