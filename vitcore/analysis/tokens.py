"""Compute the input tokens of a Vision Transformer's first block from a weights file, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitcore.architectures.vit import ViTOptions
from vitcore.errors import UserError, detail_of
from vitcore.preprocessing import DEFAULT, Preprocessing
from vitcore.runs.weights import check_size, damaged


def read_tokens(
    weights: Path, options: dict[str, Any], image: np.ndarray, preprocessing: Preprocessing = DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two terms of `ViT.embed` for an image uint8 [3, S, S], both float32 [T, D].

    They are the projected patches after the other tokens, such as CLS, and the positions. The layer norm that
    some models have here is left out. `options` and `preprocessing` are those of the run's configuration.
    Raise `UserError` when the weights are invalid, and for a model with a convolutional stem.
    """
    from safetensors import SafetensorError, safe_open

    vit = ViTOptions(**options)
    if vit.conv_stem:
        raise UserError(
            "This model computes its tokens with convolutions, which see beyond the patch: there is no "
            "projection of single patches to show."
        )
    first = [
        *(["cls_token"] if vit.pool != "mean" else []),
        *(["distillation_token"] if vit.distilled else []),
    ]
    # Tokens with learned positions, before those of the patches
    placed = len(first) if vit.cls_position else 0
    first += ["register_tokens"] if vit.registers else []
    names = ["input_layer.weight", *(["input_layer.bias"] if vit.patch_bias else []), *first]
    names += ["pos_embedding"] if vit.position == "learned" else []
    check_size(weights)
    try:
        with safe_open(str(weights), "np") as stored:
            found = {name: _real(stored.get_tensor(name)) for name in names}
        tokens = patch_rows(image, vit.patch_size, preprocessing) @ found["input_layer.weight"].T  # [N, D]
        tokens += found.get("input_layer.bias", 0)
        tokens = np.concatenate([*(found[name][0] for name in first), tokens])  # [T, D]
        positions = np.zeros_like(tokens)
        if vit.position == "learned":
            learned = found["pos_embedding"][0]
            positions[:placed], positions[vit.prefix_tokens :] = learned[:placed], learned[placed:]
        elif vit.position == "sincos":
            from vitcore.networks.positions import sincos_positions  # only these need torch

            side = round((len(tokens) - vit.prefix_tokens) ** 0.5)
            positions[vit.prefix_tokens :] = sincos_positions(side, tokens.shape[1])[0].numpy()
        return tokens, positions
    except SafetensorError:
        raise damaged(weights) from None
    # a TypeError or AttributeError is a type that NumPy lacks, an IndexError a tensor without axes
    except (OSError, ValueError, TypeError, AttributeError, IndexError) as error:
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
    # [S/P, S/P, 3, P, P]
    x = preprocessing.normalized(image).reshape(3, side, size, side, size).transpose(1, 3, 0, 2, 4)
    return x.reshape(side * side, 3 * size * size)
