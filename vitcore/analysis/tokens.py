"""Compute the input tokens of a Vision Transformer's first block from a weights file, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitcore.errors import UserError, detail_of
from vitcore.preprocessing import DEFAULT, Preprocessing
from vitcore.runs.weights import check_size

PROJECTION = ("input_layer.weight", "input_layer.bias")


def read_tokens(
    weights: Path, options: dict[str, Any], image: np.ndarray, preprocessing: Preprocessing = DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two terms of `ViT.embed` for an image uint8 [3, S, S], both float32 [T, D].

    They are the projected patches (with CLS first, if there is one) and the positions. `options` and
    `preprocessing` are those of the run's configuration. Raise `UserError` when the weights are invalid.
    """
    from safetensors import SafetensorError, safe_open

    cls = options["pool"] == "cls"
    names = [*PROJECTION, *(["cls_token"] if cls else [])]
    names += ["pos_embedding"] if options["position"] == "learned" else []
    check_size(weights)
    try:
        with safe_open(str(weights), "np") as stored:
            found = {name: _real(stored.get_tensor(name)) for name in names}
        matrix, bias = (found[name] for name in PROJECTION)
        tokens = patch_rows(image, options["patch_size"], preprocessing) @ matrix.T + bias  # [N, D]
        if cls:
            tokens = np.concatenate([found["cls_token"][0], tokens])
        if options["position"] == "learned":
            positions = found["pos_embedding"][0]
        else:
            positions = _fixed(options["position"], tokens, cls)
        return tokens, np.broadcast_to(positions, tokens.shape)
    # a TypeError or AttributeError is a type that NumPy lacks
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"The weights {weights.name} cannot be read ({detail_of(error)}): choose another run."
        ) from None


def _real(values: np.ndarray) -> np.ndarray:
    if np.iscomplexobj(values):
        raise ValueError("complex numbers")
    return values.astype(np.float32)


def patch_rows(image: np.ndarray, size: int, preprocessing: Preprocessing = DEFAULT) -> np.ndarray:
    """Normalize an image uint8 [3, S, S] and cut it into patches: float32 [N, 3 * P * P].

    The patches are in row order, and the channel is the slowest index within a patch.
    """
    side = image.shape[-1] // size
    x = (
        preprocessing.normalized(image).reshape(3, side, size, side, size).transpose(1, 3, 0, 2, 4)
    )  # [S/P, S/P, 3, P, P]
    return x.reshape(side * side, 3 * size * size)


def _fixed(position: str, tokens: np.ndarray, cls: bool) -> np.ndarray:
    """Return fixed positions. CLS has none."""
    positions = np.zeros_like(tokens)
    if position == "sincos":
        from vitcore.networks.vit import sincos_positions  # only these need torch

        side = round((len(tokens) - cls) ** 0.5)
        positions[int(cls) :] = sincos_positions(side, tokens.shape[1])[0].numpy()
    return positions
