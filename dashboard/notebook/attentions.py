"""Check attention weights of other people's models, and find their grid of patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitcore.data.arrays import as_array
from vitcore.errors import UserError

MOST = 72_000_000  # bytes of half-precision weights in one document, which then has 96 MB
MOST_PREFIX = 64  # tokens before the patches; ours have at most 64 registers
SUM_ERROR = 0.02  # of a row in half precision, whose sum should be 1
WANTED = "a list with the weights [B, heads, T, T] of each layer"
RETURN_WEIGHTS = "load the model with attn_implementation='eager', and call it with output_attentions=True"
SMALLER = "pass fewer images, fewer layers, or smaller images"


@dataclass(frozen=True)
class Grid:
    """The tokens of a model: `prefix` tokens, such as CLS and registers, and then `side` x `side` patches.

    `names` are those of the prefix tokens, in the form that links have. Where they are not known, they follow
    from the number: CLS, then a distillation token if it is the only other one, and otherwise registers.
    """

    prefix: int
    side: int
    names: tuple[str, ...] = ()

    def prefix_names(self) -> tuple[str, ...]:
        """Return the names of the tokens before the patches: `cls`, `distillation`, `register1`, ..."""
        usual = ("cls", "distillation")
        registers = (f"register{number}" for number in range(1, self.prefix))
        return self.names or (usual[: self.prefix] if self.prefix < 3 else ("cls", *registers))

    @property
    def tokens(self) -> int:
        return self.prefix + self.side**2


def document_bytes(images: int, layers: int, heads: int, tokens: int) -> int:
    """Return the bytes of the weights in a document, in half precision. Base64 adds a third."""
    return 2 * images * (layers * heads + 1) * tokens**2  # with the rollout of each image


def most_images(layers: int, heads: int, tokens: int) -> int:
    """Return the number of images whose weights fit into one document."""
    return MOST // document_bytes(1, layers, heads, tokens)


def largest_side(layers: int, heads: int, prefix: int) -> int:
    """Return the patches per side of the largest grid whose weights for one image fit into a document."""
    tokens = math.isqrt(most_images(layers, heads, 1))
    return math.isqrt(max(0, tokens - prefix))


def check_size(images: int, layers: int, heads: int, tokens: int, advice: str = SMALLER) -> None:
    """Raise `UserError` that ends with the advice if the weights are too many for one document."""
    size = document_bytes(images, layers, heads, tokens)
    if size > MOST:
        of = f"{images} image{'s' * (images > 1)} x {layers} layers x {heads} heads x {tokens:,} tokens"
        raise UserError(
            f"{of} make a document of {4 / 3 * size / 1e6:,.0f} MB, and the largest has "
            f"{4 / 3 * MOST / 1e6:.0f} MB: {advice}."
        )


def read_attentions(attentions: Any, images: int) -> np.ndarray:
    """Return the weights of all layers, float32 [B, layers, heads, T, T].

    `attentions` is what transformers calls `outputs.attentions`, or any list of layers. Raise `UserError` if
    it is something else, or for another number of images.
    """
    layers = _layers(attentions)
    shape = layers[0].shape
    for number, layer in enumerate(layers, start=1):
        if layer.ndim != 4 or layer.shape[-1] != layer.shape[-2] or not layer.size:
            raise UserError(
                f"The weights of layer {number} have the shape {list(layer.shape)}: pass {WANTED}."
            )
        if layer.shape != shape:
            raise UserError(
                f"The weights of layer {number} have the shape {list(layer.shape)}, and those of layer 1 "
                f"{list(shape)}: pass layers of one shape."
            )
    if shape[0] != images:
        raise UserError(
            f"The weights are those of {shape[0]} images, but there are {images}: pass the images of the "
            "batch in its order."
        )
    check_size(images, len(layers), shape[1], shape[-1])
    weights = np.stack(layers, axis=1).astype(np.float32)
    if not np.isfinite(weights).all():
        raise UserError("Some weights are not finite: pass those of a model whose training did not diverge.")
    low, sums = float(weights.min()), weights.sum(axis=-1)
    if not (low >= 0 and np.abs(sums - 1).max() <= SUM_ERROR):
        raise UserError(
            f"The weights of a query sum to {sums.min():.3g} to {sums.max():.3g} instead of 1: pass them "
            "after the softmax, and of a model in evaluation mode, where dropout is off."
        )
    return weights


def _layers(attentions: Any) -> list[np.ndarray]:
    if attentions is None or (
        isinstance(attentions, list | tuple) and any(attention is None for attention in attentions)
    ):
        raise UserError(f"The model returned no attention weights: {RETURN_WEIGHTS}.")
    if not isinstance(attentions, list | tuple):
        attentions = list(as_array(attentions, "The attentions"))
    if not len(attentions):
        raise UserError(f"There are no attention weights: pass {WANTED}.")
    arrays = []
    for number, layer in enumerate(attentions, start=1):
        if not hasattr(layer, "shape"):
            raise UserError(f"Layer {number} is of type {type(layer).__name__}: pass {WANTED}.")
        arrays.append(as_array(layer, f"The weights of layer {number}"))
    return arrays


def find_grid(tokens: int, prefix: int | None, pixels: Sequence[int]) -> Grid:
    """Return the grid of a model with this number of tokens, for images with these sides in pixels.

    Without `prefix`, it is the smallest number that leaves a square of patches which tiles the images. A
    smaller one than the true number fits only if there are more than twice as many prefix tokens as patches
    in a row. Raise `UserError` if there is no such grid.
    """
    if prefix is not None:
        if isinstance(prefix, bool) or not isinstance(prefix, int) or not 0 <= prefix < tokens:
            raise UserError(f"prefix is {prefix!r}: give the number of tokens before the first patch.")
        side = _root(tokens - prefix)
        if side is None:
            raise UserError(
                f"{tokens:,} tokens, of which {prefix} are before the patches, leave {tokens - prefix:,}, "
                "which is not a square: correct prefix=, or use square images, because the explorer shows no "
                "others."
            )
        return Grid(prefix, side)
    for count in range(min(tokens, MOST_PREFIX + 1)):
        side = _root(tokens - count)
        if side is not None and side > 1 and all(size % side == 0 for size in pixels):
            return Grid(count, side)
    sides = " or ".join(str(size) for size in sorted(set(pixels)))
    raise UserError(
        f"{tokens:,} tokens fit no square grid of patches in images of {sides} pixels per side: pass square "
        "images, as the model saw them, or the number of tokens before the patches with prefix=."
    )


def _root(number: int) -> int | None:
    root = math.isqrt(number)
    return root if root and root * root == number else None
