"""The probes receptive-field, distance, fourier and ablation: what stands in the layers of one model.

Values hold the layers' names and, by layer, means with standard errors over images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from vitcore.analysis.ablation import without_each_block, without_each_head
from vitcore.analysis.attention import as_input, capture
from vitcore.analysis.heads import mean_distance, mean_entropy, references
from vitcore.analysis.layers import bounds, layer_maps
from vitcore.analysis.receptive import mean_reach, receptive_fields
from vitcore.analysis.representation import frequencies, spectrum
from vitcore.models.vit import ViT
from vitcore.probes.robustness import Values, parts, plain, series, share

AT = {"top": (0.0, None), "bottom": (1.0, None), "left": (None, 0.0), "right": (None, 1.0)}  # (down, along)


class Mean:
    """Mean and standard error over images of arrays too large to keep one by one."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, values: torch.Tensor) -> None:
        """values [B, ...]: of B more images (Chan et al. 1979)"""
        more = values.double().cpu().numpy()
        mean, count = more.mean(axis=0), len(more)
        step, total = mean - self.mean, self.count + count
        self.squares = (
            self.squares + ((more - mean) ** 2).sum(axis=0) + step**2 * (self.count * count / total)
        )
        self.mean, self.count = self.mean + step * (count / total), total

    @property
    def error(self) -> np.ndarray:
        """Standard error, zeros for a single image."""
        if self.count < 2:
            return np.zeros_like(self.mean)
        return np.sqrt(self.squares / (self.count - 1) / self.count)

    @property
    def series(self) -> dict[str, list]:
        return series(self.mean, self.error)


def pixel_of(place: str, size: int) -> tuple[int, int]:
    """The pixel (row, column) of a place such as `centre`, `top` or `bottom right`."""
    down, along = 0.5, 0.5
    for word in place.split():
        y, x = AT.get(word, (None, None))
        down, along = down if y is None else y, along if x is None else x
    return min(int(down * size), size - 1), min(int(along * size), size - 1)


def middles(
    boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int], size: int, count: int
) -> list[tuple[float, float]]:
    """Where each layer's place lies: the middle of its theoretical field, or where that is the whole image,
    of its own patch; the pixel itself where the structure is unknown.
    """
    if boxes is None:
        return [pixel] * count
    own = [boxes[0] if box == (0, 0, size - 1, size - 1) else box for box in boxes]
    return [((top + bottom) / 2, (left + right) / 2) for top, left, bottom, right in own]


def reaches(
    fields: list[torch.Tensor], boxes: list[tuple[int, int, int, int]] | None, pixel: tuple[int, int]
) -> torch.Tensor:
    """Mean distance in pixels of what each layer's place reads. By layer [B, S, S] -> [B, layers]"""
    centres = middles(boxes, pixel, fields[0].shape[-1], len(fields))
    return torch.stack([mean_reach(f, c) for f, c in zip(fields, centres, strict=True)], dim=1)


def receptive_field(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """{"layers", "fields": [layers][S][S] shares of the sum, "bounds": [layers] (top, left, bottom, right),
    "reach": mean distance in pixels of what is read}
    """
    size = images.shape[-1]
    pixel = pixel_of(settings["place"], size)
    fields, far = Mean(), Mean()
    boxes = bounds(model, size, pixel)
    for part in parts(len(images)):
        found = receptive_fields(model, images[part], pixel)
        stack = torch.stack(list(found.values()), dim=1)  # [B, layers, S, S]
        total = stack.sum(dim=(-2, -1), keepdim=True).clamp_min(1e-30)
        fields.add(stack / total)
        far.add(reaches(list(found.values()), boxes, pixel))
        yield (
            part.stop,
            {
                "layers": list(found),
                "pixel": list(pixel),
                "fields": np.round(fields.mean, 7).tolist(),
                "bounds": boxes,
                "reach": far.series,
            },
        )


def distance(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """Mean distance in pixels: of a ViT's heads {"heads": [layers][H], "entropy"}, and of every model what
    the centre of each layer reads {"layers", "reach"}; with the sides of theoretical fields.
    """
    size = images.shape[-1]
    pixel = pixel_of("centre", size)
    looks, spread, far = Mean(), Mean(), Mean()
    boxes = bounds(model, size, pixel)
    for part in parts(len(images)):
        x = as_input(images[part])
        fields = receptive_fields(model, x, pixel)
        far.add(reaches(list(fields.values()), boxes, pixel))
        values = {"layers": list(fields), "reach": far.series}
        values["sides"] = None if isinstance(model, ViT) or not boxes else [b[2] - b[0] + 1 for b in boxes]
        if isinstance(model, ViT):
            weights = capture(model, x).weights  # [B, layers, H, T, T]
            looks.add(mean_distance(weights, model.patch_size, has_cls=model.has_cls))
            spread.add(mean_entropy(weights, has_cls=model.has_cls))
            values["heads"], values["entropy"] = looks.series, spread.series
            lines = references(model.grid, model.patch_size)
            values["references"] = {line.name: round(line.distance, 3) for line in lines}
        yield part.stop, values


@torch.inference_mode()
def fourier(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """{"layers", "fall": change of log amplitude from frequency 0 to the highest, "profiles": [layers] of
    {"frequency" in multiples of pi, "mean", "error"}}; natural logarithms, relative to frequency 0. Maps of
    fewer than 2 x 2 places have none and are left out.
    """
    profiles: dict[str, Mean] = {}
    sides: dict[str, int] = {}
    for part in parts(len(images)):
        for name, maps in layer_maps(model, as_input(images[part])).items():
            if maps.shape[-1] < 2:
                continue
            lines = spectrum(maps)  # [B, h // 2 + 1]
            profiles.setdefault(name, Mean()).add(lines - lines[:, :1])
            sides[name] = maps.shape[-1]
        yield (
            part.stop,
            {
                "layers": list(profiles),
                "sides": list(sides.values()),
                "fall": series(*np.array([(p.mean[-1], p.error[-1]) for p in profiles.values()]).T),
                "profiles": [
                    {"frequency": plain(np.array(frequencies(sides[name])) / math.pi), **profile.series}
                    for name, profile in profiles.items()
                ],
            },
        )


def ablation(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Values
) -> Iterator[tuple[int, Values]]:
    """Accuracy {"base"}, without each block {"layers", "blocks"}, and of a ViT without each head {"heads":
    [layers][H]}; "change" of each against the base, with the standard error of the paired difference.
    """
    whole, blocks, heads = [], [], []
    names: list[str] = []
    for part in parts(len(images)):
        x, truth = as_input(images[part]), torch.from_numpy(labels[part])
        base, skipped = without_each_block(model, x)
        names = list(skipped)
        whole.append((base == truth).numpy())
        blocks.append(torch.stack([said == truth for said in skipped.values()]).numpy())
        if isinstance(model, ViT):
            heads.append((without_each_head(model, x)[1] == truth).numpy())
        right = np.concatenate(whole)
        values = {"base": share(right), "layers": names}
        values["blocks"] = changed(np.concatenate(blocks, axis=-1), right)
        if heads:
            values["heads"] = changed(np.concatenate(heads, axis=-1), right)
        yield part.stop, values


def changed(hits: np.ndarray, before: np.ndarray) -> dict[str, list]:
    """Accuracy with a change minus accuracy without, paired by image. bool [..., n], bool [n]"""
    apart = hits.astype(float) - before.astype(float)
    error = apart.std(axis=-1, ddof=1) / math.sqrt(len(before)) if len(before) > 1 else 0 * apart.mean(-1)
    return series(apart.mean(axis=-1), error)
