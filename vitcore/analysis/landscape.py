"""The loss around the weights of a model: on a plane of two random directions, and its curvature.

The directions are normalized by filter (Li et al. 2018, Visualizing the Loss Landscape of Neural Nets). The
curvature is the largest eigenvalue of the Hessian of the loss with respect to all weights, by power iteration
with exact products of Hessian and vector (Pearlmutter 1994). The loss is the cross-entropy of the model in
evaluation mode, so batch norm uses its running statistics, as in the paper's code. The model itself never
changes: other weights are passed to it as arguments.

Images are uint8 pixels or normalized floats [B, 3, S, S], labels int64 [B].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from vitcore.analysis.attention import as_input

BATCH = 10  # images of a product of Hessian and vector, and of a term of its standard error

Weights = dict[str, torch.Tensor]


def filter_directions(model: nn.Module, seed: int) -> Weights:
    """Return a random direction with the shapes of the weights, normalized by filter.

    Each filter, a row of the first dimension, is normally distributed and then scaled to the norm of the
    model's filter. Biases and the weights of normalizations, which have one dimension, do not move and are
    left out, as with `ignore='biasbn'` of the paper's code.
    """
    random = torch.Generator().manual_seed(seed)
    directions = {}
    for name, weight in model.named_parameters():
        drawn = torch.randn(weight.shape, generator=random, dtype=torch.float64).to(weight)
        if weight.dim() > 1:
            norm = _filter_norms(weight.detach()) / _filter_norms(drawn).clamp_min(1e-10)
            directions[name] = drawn * norm.view(-1, *[1] * (weight.dim() - 1))
    return directions


def _filter_norms(weight: torch.Tensor) -> torch.Tensor:
    """[rows, ...] -> [rows]"""
    return weight.flatten(1).norm(dim=1)


@torch.inference_mode()
def losses_at(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    directions: tuple[Weights, Weights],
    position: tuple[float, float],
) -> torch.Tensor:
    """Return the loss of each image at a position of the plane; (0, 0) are the model's weights. -> [B]"""
    weights = {}
    for name, weight in model.named_parameters():
        if name in directions[0]:
            moved = weight.detach()
            for direction, distance in zip(directions, position, strict=True):
                moved = torch.add(moved, direction[name], alpha=distance)
            weights[name] = moved
    return _losses(model, weights, as_input(images, model), labels)


def _losses(model: nn.Module, weights: Weights, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(functional_call(model, weights, (x,)), labels, reduction="none")


def hessian_product(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, vector: torch.Tensor
) -> torch.Tensor:
    """Return the Hessian of the mean loss, multiplied by a vector over all weights. [P] -> [P]

    The order of the weights is that of `model.named_parameters()`.
    """
    with torch.inference_mode(False), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        # fused attention has no second derivative
        weights = {name: weight.detach().requires_grad_() for name, weight in model.named_parameters()}
        loss = _losses(model, weights, as_input(images, model), labels).mean()
        used = list(weights.values())
        gradient = torch.autograd.grad(loss, used, create_graph=True, materialize_grads=True)
        along = torch.stack(
            [(g * part).sum() for g, part in zip(gradient, _parts(vector, used), strict=True)]
        ).sum()
        product = torch.autograd.grad(along, used, materialize_grads=True)
    return torch.cat([part.detach().flatten() for part in product])


def _parts(vector: torch.Tensor, like: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return a vector over all weights as one tensor per weight."""
    sizes = [weight.numel() for weight in like]
    return [part.view_as(weight) for part, weight in zip(vector.split(sizes), like, strict=True)]


@dataclass(frozen=True)
class Eigenvalue:
    """An estimate v'Hv of the largest eigenvalue of a Hessian H, with the vector v of length 1.

    At least one eigenvalue of H differs from `value` by no more than `residual`, which is |Hv - value v|.
    `error` is the standard error over images: that of the means of v'Hv over batches of images. To first
    order, it is also that of the eigenvalue. It is NaN for a single batch.
    """

    value: float
    residual: float
    error: float
    iterations: int
    vector: torch.Tensor


def largest_eigenvalue(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    seed: int,
    most: int,
    tolerance: float,
) -> Iterator[Eigenvalue | None]:
    """Yield estimates of the largest eigenvalue of the Hessian, and None after every batch of images.

    Power iteration from a random vector ends when the residual is at most `tolerance` times the value, or
    after `most` iterations. It finds the eigenvalue with the largest absolute value. If that is negative, a
    second one with the shifted matrix H - value finds the largest eigenvalue.
    """
    count = sum(weight.numel() for weight in model.parameters())
    dtype = next(model.parameters()).dtype
    start = torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)
    vector, shift, first = start / start.norm(), 0.0, 1
    for iteration in range(1, 2 * most + 1):
        product, curvatures, shares = torch.zeros_like(vector), [], []
        for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True):
            part = hessian_product(model, x, y, vector)
            shares.append(len(y) / len(labels))
            curvatures.append(float(vector @ part))
            product += shares[-1] * part
            yield None
        value = float(vector @ product)
        residual = float((product - value * vector).norm())
        error = _error_of_mean(torch.tensor(curvatures), torch.tensor(shares))
        found = Eigenvalue(value, residual, error, iteration, vector)
        yield found
        if residual <= tolerance * abs(value) or iteration - first + 1 == most:
            if value >= 0 or shift or not math.isfinite(value):
                return
            shift, first, vector = value, iteration + 1, start / start.norm()
            continue
        vector = product - shift * vector
        vector /= vector.norm()


def _error_of_mean(values: torch.Tensor, shares: torch.Tensor) -> float:
    """Return the standard error of a mean of batches with these shares of the images, NaN for one batch."""
    batches = len(values)
    if batches < 2:
        return math.nan
    deviations = shares * (values - (shares * values).sum())
    return float((deviations.square().sum() * batches / (batches - 1)).sqrt())
