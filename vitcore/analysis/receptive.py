"""How far a model looks: effective and theoretical receptive fields, and the distances of attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input, capture
from vitcore.analysis.heads import Reference, mean_distance, mean_entropy, references
from vitcore.analysis.layers import Bound, bounds, cell, layers
from vitcore.analysis.measure import Progress, Running, batches, check_count, device_of, quiet
from vitcore.errors import UserError
from vitcore.models.vit import ViT


@dataclass(frozen=True)
class Field:
    """The effective receptive field of one position in every layer of a model."""

    images: int
    position: tuple[int, int]  # the pixel (row, column) that the position contains
    layers: tuple[str, ...]
    maps: np.ndarray  # float [layers, S, S], see `receptive_field`
    error: np.ndarray  # float [layers, S, S]: standard error over images
    distance: tuple[float, ...]  # pixels: mean distance from the map's own centre, weighted by the map
    theory: tuple[Bound, ...] | None  # outside of it the maps of a CNN are exactly zero


def _signs(seed: int, layer: int, count: int, channels: int) -> torch.Tensor:
    """Random +1 and -1, the same for every model of these sizes. -> [count, channels]"""
    draw = torch.Generator().manual_seed(1000 * seed + layer)
    return torch.randint(0, 2, (count, channels), generator=draw).float() * 2 - 1


def spread(field: np.ndarray) -> float:
    """The mean distance in pixels from a map's centre of mass, weighted by the map; 0 for an empty one.
    [S, S]
    """
    total = field.sum()
    if total <= 0:
        return 0.0
    rows, cols = np.indices(field.shape)
    y, x = (rows * field).sum() / total, (cols * field).sum() / total
    return float((np.hypot(rows - y, cols - x) * field).sum() / total)


def receptive_field(
    model: nn.Module,
    images: torch.Tensor,
    *,
    position: tuple[int, int] | None = None,
    seed: int = 0,
    progress: Progress = quiet,
) -> Field:
    """Effective receptive field (Luo et al. 2016) of the position containing a pixel, in every layer.

    For image n, layer l, its position p with channels z_l[n, :, p] (of a ViT the token of that patch) and
    input x normalised:

        E_l[row, col] = mean over n of sqrt(sum over c of (d (sum_k s[n, k] z_l[n, k, p]) / d x[n, c, row,
        col])^2)

    with random signs s[n, k]: the squared root's expectation over s is the squared norm of the whole
    Jacobian, over all channels of z. The plain sum over channels would vanish behind a layer normalisation.
    images uint8 or normalised [N, 3, S, S]; position is (row, column), the middle by default. Units: change
    of z by one unit of normalised colour; compare shapes, not heights, between layers.
    """
    check_count(len(images))
    size = images.shape[-1]
    position = (size // 2, size // 2) if position is None else (int(position[0]), int(position[1]))
    if not all(0 <= p < size for p in position):
        raise UserError(f"Position {position} lies outside of images of {size} pixels.")
    theory, names = bounds(model, size, position), ()
    running: list[Running] = []

    def so_far() -> Field:
        found = [r.result() for r in running]
        maps = np.stack([mean for mean, _ in found])
        return Field(
            images=running[0].count,
            position=position,
            layers=names,
            maps=maps.astype(np.float32),
            error=np.stack([error for _, error in found]).astype(np.float32),
            distance=tuple(spread(m) for m in maps),
            theory=None if theory is None else tuple(theory),
        )

    for part in batches(len(images)):
        with torch.inference_mode(False), torch.enable_grad():
            x = as_input(images[part]).to(device_of(model)).clone().requires_grad_()
            outputs = layers(model, x)
            names = tuple(layer.name for layer in outputs)
            running = running or [Running() for _ in outputs]
            for i, layer in enumerate(outputs):
                maps = layer.maps  # [B, C, h, w]
                row, col = (
                    cell(p, side, size) for p, side in zip(position, maps.shape[2:], strict=True)
                )
                signs = _signs(seed, i, len(images), maps.shape[1])[part].to(x.device)  # [B, C]
                unit = (maps[:, :, row, col] * signs).sum()  # samples do not mix in evaluation mode
                last = i == len(outputs) - 1
                (gradient,) = torch.autograd.grad(unit, x, retain_graph=not last)  # [B, 3, S, S]
                running[i].add(gradient.norm(dim=1).cpu().numpy())  # [B, S, S]
        progress(part.stop / len(images), so_far())
    return so_far()


# --- distances ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distances:
    """How far attention looks, per layer and head; or how far convolutions can see, per layer."""

    images: int
    layers: tuple[str, ...]
    distance: np.ndarray | None  # float [layers, heads], pixels: mean attention distance; None without heads
    distance_error: np.ndarray | None  # standard error over images
    entropy: np.ndarray | None  # float [layers, heads], bits
    entropy_error: np.ndarray | None
    references: tuple[Reference, ...]  # attention of known forms
    longest: float | None  # pixels: the largest distance between patches
    sides: tuple[int, ...] | None  # pixels: theoretical receptive field of a convolution's layer, a side
    uniform: tuple[float, ...] | None  # pixels: mean distance to what the middle position of it can see


def field_distance(bound: Bound) -> float:
    """The mean distance in pixels from the middle of a theoretical receptive field to the pixels in it."""
    return spread(np.ones((bound.bottom - bound.top + 1, bound.right - bound.left + 1)))


def distances(model: nn.Module, images: torch.Tensor, *, progress: Progress = quiet) -> Distances:
    """Mean attention distance and entropy of every head (Raghu et al. 2021, figure 1), see
    `vitcore.analysis.heads`; CLS left out, error bars over images. images uint8 or normalised [N, 3, S, S].

    A CNN has no attention: its theoretical receptive fields stand in the same pixels, side by side with the
    mean distance that uniform weights over the field of the middle position would have. They are of the
    network, not of the images.
    """
    check_count(len(images))
    if not isinstance(model, ViT):
        size = images.shape[-1]
        found = bounds(model, size, (size // 2, size // 2))
        if found is None:
            raise UserError(f"A {type(model).__name__} has neither attention nor known receptive fields.")
        sides = tuple(b.side for b in found)
        fields = tuple(field_distance(b) for b in found)
        result = Distances(
            len(images), tuple(b.name for b in found), None, None, None, None, (), None, sides, fields
        )
        progress(1.0, result)
        return result
    near, wide = Running(), Running()
    known = tuple(references(model.grid, model.patch_size))
    longest = float((model.grid - 1) * model.patch_size * 2**0.5)

    def so_far() -> Distances:
        names = tuple(f"block {i + 1}" for i in range(len(model.transformer)))
        return Distances(near.count, names, *near.result(), *wide.result(), known, longest, None, None)

    for part in batches(len(images)):
        weights = capture(model, images[part].to(device_of(model))).weights  # [B, layers, heads, T, T]
        near.add(mean_distance(weights, model.patch_size, has_cls=model.has_cls).cpu().numpy())
        wide.add(mean_entropy(weights, has_cls=model.has_cls).cpu().numpy())
        progress(part.stop / len(images), so_far())
    return so_far()
