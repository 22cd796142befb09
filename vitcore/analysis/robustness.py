"""What happens to the answers when the images change: shifts, shuffled cells, missing cells.

Changes are made to normalised images, so that "blank" and the zero border are 0: the mean colour, which is
also what a convolution pads with. Which direction, which permutation and which cells an image gets is a pure
function of the seed and of its place among the images: all models see the same changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import as_input, query_map
from vitcore.analysis.attribution import grad_cam
from vitcore.analysis.measure import Progress, answers, batches, check_count, mean_error, quiet, share_error
from vitcore.analysis.relevance import answer_row, relevance
from vitcore.data.augment import uniforms
from vitcore.errors import UserError
from vitcore.models.vit import ViT

BORDERS = ("reflect", "zero", "circular")
SHIFTS = (1, 2, 3, 4, 6, 8, 12, 16)  # pixels
GRIDS = (1, 2, 4, 8, 16)
ORDERS = ("random", "most salient first", "least salient first")
CELLS = 8  # a side, of the grid whose cells are dropped
DROPS = (4, 8, 16, 24, 32, 40, 48, 56)  # of 64 cells


@dataclass(frozen=True)
class Curve:
    """A measure against the strength of a change, with its standard error over images."""

    condition: str  # the border, or the order of dropping; empty where there is one only
    measure: str  # accuracy, or consistency: the share of answers that stayed the same
    x: tuple[float, ...]
    y: tuple[float, ...]  # shares between 0 and 1
    error: tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """The result of one model."""

    x_label: str
    images: int  # measured so far
    curves: tuple[Curve, ...]
    saliency: str = ""  # how cells were ranked


def _curve(condition: str, measure: str, x: Sequence[float], y: np.ndarray, error: np.ndarray) -> Curve:
    return Curve(condition, measure, tuple(x), tuple(map(float, y)), tuple(map(float, error)))


# --- shift -------------------------------------------------------------------------------------


def shift_images(images: torch.Tensor, down: torch.Tensor, right: torch.Tensor, border: str) -> torch.Tensor:
    """Move each image by its own whole number of pixels. [B, C, S, S], int [B], int [B] -> [B, C, S, S]

    `reflect` mirrors what stands at the border without repeating it, `zero` brings in zeros, `circular` what
    left on the other side. |down| and |right| at most S - 1.
    """
    size = images.shape[-1]
    line = torch.arange(size, device=images.device)
    rows, cols = (line - step.to(images.device)[:, None] for step in (down, right))  # [B, S]: where from
    inside = ((rows >= 0) & (rows < size))[:, :, None] & ((cols >= 0) & (cols < size))[:, None, :]
    if border == "reflect":
        rows, cols = (size - 1 - (size - 1 - x.abs()).abs() for x in (rows, cols))
    elif border in ("circular", "zero"):
        rows, cols = rows % size, cols % size
    else:
        raise UserError(f"Unknown border {border!r}: choose {', '.join(BORDERS)}.")
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.movedim(1, -1)[batch, rows[:, :, None], cols[:, None, :]].movedim(-1, 1)
    return moved.masked_fill(~inside[:, None], 0.0) if border == "zero" else moved


def shift(
    model: nn.Module,
    images: torch.Tensor,
    labels: np.ndarray,
    *,
    shifts: Sequence[int] = SHIFTS,
    borders: Sequence[str] = BORDERS,
    seed: int = 0,
    progress: Progress = quiet,
) -> Curves:
    """Consistency C(d) = share of argmax f(x) = argmax f(T_d x), and accuracy after the shift (Zhang 2019,
    "Making convolutional networks shift-invariant again").

    images uint8 or normalised [N, 3, S, S], labels [N]. T_d moves an image by d pixels right, down, left or
    up: each image in one direction, drawn once for all d and borders. Error bars: sqrt(p (1 - p) / N).
    """
    check_count(len(images))
    size = images.shape[-1]
    if wrong := [d for d in shifts if not 0 < d < size]:
        raise UserError(f"Images of {size} pixels cannot be shifted by {wrong[0]}: choose 1 to {size - 1}.")
    turn = np.floor(uniforms(seed, 0, np.arange(len(images)), 1)[:, 0] * 4).astype(int)
    down, right = (torch.tensor(step)[turn] for step in ((0, 1, 0, -1), (1, 0, -1, 0)))
    changes = [(border, d) for border in borders for d in shifts]
    before = np.empty(len(images), int)
    after = np.empty((len(changes), len(images)), int)

    def so_far(n: int) -> Curves:
        curves, x = [], (0, *shifts)
        for i, border in enumerate(borders):
            rows = after[i * len(shifts) : (i + 1) * len(shifts), :n]
            said = np.concatenate([before[None, :n], rows])  # [shifts + 1, n]
            curves.append(_curve(border, "consistency", x, *share_error(said == before[:n])))
            curves.append(_curve(border, "accuracy", x, *share_error(said == labels[:n])))
        return Curves("shift in pixels", n, tuple(curves))

    for part in batches(len(images)):
        x = as_input(images[part])
        moved = [shift_images(x, d * down[part], d * right[part], border) for border, d in changes]
        said = answers(model, torch.cat([x, *moved])).reshape(1 + len(changes), -1)
        before[part], after[:, part] = said[0], said[1:]
        progress(part.stop / len(images), so_far(part.stop))
    return so_far(len(images))


# --- shuffle -----------------------------------------------------------------------------------


def shuffle_cells(images: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Cell i of each image becomes its cell order[i]. [B, C, S, S], int [B, grid^2] -> [B, C, S, S]"""
    (b, c, size, _), grid = images.shape, round(order.shape[1] ** 0.5)
    cell = size // grid
    x = images.reshape(b, c, grid, cell, grid, cell).permute(0, 2, 4, 1, 3, 5)  # [B, grid, grid, C, ., .]
    x = x.reshape(b, grid * grid, -1)  # [B, grid^2, C * cell^2]
    x = x.gather(1, order.to(x.device)[..., None].expand(-1, -1, x.shape[-1]))
    x = x.reshape(b, grid, grid, c, cell, cell).permute(0, 3, 1, 4, 2, 5)  # [B, C, grid, cell, grid, cell]
    return x.reshape(b, c, size, size)


def shuffle(
    model: nn.Module,
    images: torch.Tensor,
    labels: np.ndarray,
    *,
    grids: Sequence[int] = GRIDS,
    draws: int = 3,
    seed: int = 0,
    progress: Progress = quiet,
) -> Curves:
    """Accuracy and consistency when the cells of a grid are permuted (Naseer et al. 2021, "Intriguing
    properties of vision transformers", section 3.3).

    images uint8 or normalised [N, 3, S, S], labels [N]. Grids that do not divide S are left out; grid 1 is
    the image as it is. Each image gets `draws` permutations; its mean over them is one value, and error bars
    are standard errors over the N images.
    """
    check_count(len(images))
    size = images.shape[-1]
    grids = [g for g in grids if 0 < g <= size and size % g == 0]
    if not grids:
        raise UserError(f"No grid divides images of {size} pixels: choose grids like 2, 4 or 8.")
    before = np.empty(len(images), int)
    after = np.empty((len(grids), draws, len(images)), int)

    def so_far(n: int) -> Curves:
        hits, same = after[..., :n] == labels[:n], after[..., :n] == before[:n]
        curves = [
            _curve("", name, grids, *mean_error(values.mean(axis=1)))
            for name, values in (("accuracy", hits), ("consistency", same))
        ]
        return Curves("cells a side", n, tuple(curves))

    for part in batches(len(images)):
        x, index = as_input(images[part]), np.arange(part.start, part.stop)
        before[part] = answers(model, x)
        for i, grid in enumerate(grids):
            if grid == 1:
                after[i, :, part] = before[part]
                continue
            orders = [uniforms(seed + k, grid, index, grid * grid).argsort(axis=1) for k in range(draws)]
            mixed = torch.cat([shuffle_cells(x, torch.from_numpy(order)) for order in orders])
            after[i, :, part] = answers(model, mixed).reshape(draws, -1)
        progress(part.stop / len(images), so_far(part.stop))
    return so_far(len(images))


# --- occlusion ---------------------------------------------------------------------------------


def ranking(model: nn.Module) -> str:
    """How `saliency` ranks the cells of a model, in words."""
    kind = "class relevance (Chefer et al. 2021)" if isinstance(model, ViT) else "Grad-CAM of the last stage"
    return f"{kind} of the predicted class, averaged over each cell of an 8x8 grid"


def saliency(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """How much each cell speaks for a class, see `ranking`. [B, 3, S, S], int [B] -> float [B, 8, 8]

    A map coarser than 8x8 repeats its values, so that cells tie.
    """
    if isinstance(model, ViT):
        row = answer_row(relevance(model, images, classes), has_cls=model.has_cls)
        found = query_map(row, has_cls=model.has_cls)  # [B, grid, grid]
    else:
        found = grad_cam(model, images, classes)  # [B, h, w]
    return F.adaptive_avg_pool2d(found[:, None], CELLS)[:, 0]


def drop_cells(images: torch.Tensor, order: torch.Tensor, count: int) -> torch.Tensor:
    """Zeros in the first `count` cells of each image's order. [B, C, S, S], int [B, 64] -> [B, C, S, S]"""
    order = order.to(images.device)
    gone = torch.zeros_like(order, dtype=torch.bool).scatter(1, order[:, :count], True)  # [B, 64]
    cell = images.shape[-1] // CELLS
    gone = gone.view(-1, 1, CELLS, CELLS).repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    return images.masked_fill(gone, 0.0)  # [B, 1, S, S] for all channels


def occlusion(
    model: nn.Module,
    images: torch.Tensor,
    labels: np.ndarray,
    *,
    drops: Sequence[int] = DROPS,
    seed: int = 0,
    progress: Progress = quiet,
) -> Curves:
    """Accuracy when M of the 64 cells of an 8x8 grid are blanked: in random order, the most salient first,
    the least salient first (Naseer et al. 2021, section 3.1).

    images uint8 or normalised [N, 3, S, S], labels [N]. Saliency is each model's own, see `ranking`; cells
    that tie stand in the random order. One random order an image. Error bars: sqrt(p (1 - p) / N).
    """
    check_count(len(images))
    if images.shape[-1] % CELLS:
        raise UserError(f"Images of {images.shape[-1]} pixels do not divide into {CELLS}x{CELLS} cells.")
    if wrong := [m for m in drops if not 0 < m <= CELLS**2]:
        raise UserError(f"{wrong[0]} of {CELLS**2} cells cannot be dropped.")
    changes = [(i, m) for i in range(len(ORDERS)) for m in drops]
    before = np.empty(len(images), int)
    after = np.empty((len(changes), len(images)), int)

    def so_far(n: int) -> Curves:
        curves = []
        for i, name in enumerate(ORDERS):
            rows = after[i * len(drops) : (i + 1) * len(drops), :n]
            said = np.concatenate([before[None, :n], rows])
            curves.append(_curve(name, "accuracy", (0, *drops), *share_error(said == labels[:n])))
        return Curves("cells dropped of 64", n, tuple(curves), ranking(model))

    for part in batches(len(images)):
        x, index = as_input(images[part]), np.arange(part.start, part.stop)
        before[part] = answers(model, x)
        weight = saliency(model, x, torch.from_numpy(before[part]).to(x.device)).flatten(1).cpu()
        chance = torch.from_numpy(uniforms(seed, 0, index, CELLS**2).argsort(axis=1))
        falling = weight.gather(1, chance).argsort(dim=1, descending=True, stable=True)
        salient = chance.gather(1, falling)  # ties as in the random order
        orders = (chance, salient, salient.flip(1))
        gapped = torch.cat([drop_cells(x, orders[i], m) for i, m in changes])
        after[:, part] = answers(model, gapped).reshape(len(changes), -1)
        progress(part.stop / len(images), so_far(part.stop))
    return so_far(len(images))
