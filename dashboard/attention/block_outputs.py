"""Cached results of one block of a ViT for one image, packed for `dashboard.components.block`.

Everything is float32, so that the digits on the page are those of the model. For a block, only the results
of products with weights are sent. The browser computes the rest from them: layer norms, scores, softmax,
weighted sums, activations and residual sums. For the head, everything is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.attention.views import SAMPLE, tokens_of, vit_options
from dashboard.shared import resources
from dashboard.shared.model_outputs import digest
from dashboard.shared.turns import limited
from vitcore.architectures.vit import ViTOptions
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

MAX_ALL = 8_000_000  # bytes of the results of all tokens; for more, only those of one token are sent
MAX_ONE = 24_000_000  # bytes of the keys and values of all tokens
MAX_SAMPLED = 2e11  # multiply-adds for the patches that excite the units: some seconds on two cores
FEW_CLASSES = 12  # up to so many classes, all are listed
MOST_CLASSES = 10  # of more classes, those with the largest logits
UNITS = 5  # most active units of each token whose patches are sent
PATCHES = 4  # for each unit
NO_UNITS: dict[str, Any] = {"units": [], "crop": 0, "searched": 0}  # of a header without patches of units
MAX_CROP = 24  # pixels of a patch with its neighbors, as they are sent


@dataclass(frozen=True)
class BlockView:
    """The results of one block. `header` describes them, `floats` are float32, and `crops` uint8 pixels.

    The order of `floats` is that of `ARRAYS` in dashboard/components/block/data.js.
    """

    header: dict[str, Any]
    floats: bytes
    crops: bytes  # [units, PATCHES, c, c, 3]: the patches with their neighbors


@dataclass(frozen=True)
class _Excited:
    """For all layers: values [L, M, n], and the images and patches that they belong to, of `count` images."""

    values: np.ndarray
    images: np.ndarray
    patches: np.ndarray
    count: int


def view(
    run: Run,
    image: np.ndarray | None,
    data: Dataset,
    *,
    layer: int,
    query: int,
    snapshot: Path | None = None,
    units: bool = True,
) -> BlockView:
    """Return the results of block `layer` (from 0) for an image uint8 [3, S, S]. Raise `UserError`.

    Without an image, the tokens consist of the positions only. If the results of all tokens take more than
    `MAX_ALL` bytes, only those of the token `query` are sent. Without `units`, the patches that excite the
    most active units are left out: the first search for them takes seconds.
    """
    only = query if _bytes(run, rows=tokens_of(run)[0]) > MAX_ALL else None
    if only is not None and _bytes(run, rows=1) > MAX_ONE:
        raise UserError(
            f"{run.title} has {tokens_of(run)[0]:,} tokens, whose keys and values are too many to show: "
            "choose a run with larger patches."
        )
    resources.model(run, snapshot)
    stamp = resources.stamp_of(run, snapshot)
    pixels, shape = (b"", ()) if image is None else (image.tobytes(), image.shape)
    found, active = _view(stamp, pixels, shape, layer, only)
    if not units:
        return found
    excited = _excited(stamp, data.state, _sampled(run, data), data)
    shown, crops = _units(active, excited, layer, tokens_of(run)[1], data)
    return replace(found, header=found.header | shown, crops=crops)


def _bytes(run: Run, *, rows: int) -> int:
    """Return the size of the results: keys, values and the sums of the weights of all tokens, everything else
    of `rows` tokens.
    """
    options, (tokens, _, _) = run.config.options, tokens_of(run)
    dim, hidden = options["embed_dim"], options["hidden_dim"]
    return 4 * (tokens * (2 * dim + options["num_heads"]) + rows * (4 * dim + hidden + tokens))


def _sampled(run: Run, data: Dataset) -> int:
    """Return how many test images are searched for patches that excite units: fewer for a large model."""
    from vitcore.analysis.cost import vit_cost

    options = run.config.options
    cost = vit_cost(
        options["patch_size"],
        image_size=run.config.image_size,
        **{name: options[name] for name in ("embed_dim", "hidden_dim", "num_heads", "num_layers")},
    )
    return min(SAMPLE, len(data.test.images), max(PATCHES, int(MAX_SAMPLED / cost.multiply_adds)))


@st.cache_resource(max_entries=8, show_spinner=False)
@limited
def _excited(stamp: resources.Stamp, name: str, count: int, _data: Dataset) -> _Excited:
    import torch

    from vitcore.analysis.block_steps import exciting_patches

    images = torch.from_numpy(_data.test.images[:count].copy())
    found = exciting_patches(stamp.model(), images, PATCHES)
    parts = [
        np.stack([getattr(layer, part).numpy() for layer in found])
        for part in ("values", "images", "patches")
    ]
    return _Excited(*parts, count=count)


@st.cache_resource(max_entries=24, show_spinner=False)
@limited
def _view(
    stamp: resources.Stamp,
    pixels: bytes,
    shape: tuple[int, ...],
    layer: int,
    only: int | None,
) -> tuple[BlockView, np.ndarray]:
    """Return the results without the patches of units, and the activations [R, M] of the sent rows."""
    import torch

    from vitcore.analysis.block_steps import (
        block_steps,
        classifier,
        head_norms,
        head_steps,
        token_norms,
        unit_norms,
    )
    from vitcore.networks.positions import ROTARY_BASE

    net, options = stamp.model(), vit_options(stamp.run)
    if pixels:
        image = torch.from_numpy(np.frombuffer(pixels, np.uint8).reshape(1, *shape).copy())
    else:
        image = torch.zeros(1, 3, net.image_size, net.image_size)
    steps, block = block_steps(net, image, layer), net.blocks[layer]
    head, (weight, bias), head_norm = head_steps(net, steps.output), classifier(net), net.mlp_head[0]
    logits = head.logits[: len(bias)]  # none without a classifier
    few = len(logits) <= FEW_CLASSES
    listed = torch.arange(len(logits)) if few else logits.topk(MOST_CLASSES).indices
    rows = slice(None) if only is None else slice(only, only + 1)
    tokens, dim = steps.input.shape
    flat = {part: getattr(steps, part).transpose(0, 1).reshape(tokens, dim) for part in ("q", "k", "v")}
    norms = [part for norm in (block.layer_norm_1, block.layer_norm_2, head_norm) for part in _affine(norm)]
    arrays = [
        *(tensor[rows] for tensor in (steps.input, flat["q"], steps.projected, steps.hidden, steps.mlp)),
        head_norms(block, steps.joined)[rows],
        token_norms(block, steps, rows),
        steps.weights.sum(dim=1),
        *(flat["k"], flat["v"]),
        *norms,
        unit_norms(block),
        *(weight[listed], bias[listed]),
        *(head.pooled, head.normalized, head.features, logits),
    ]
    header = {
        "key": digest(stamp, pixels, layer, only),
        "weights": digest(stamp, layer),
        "tokens": tokens,
        "dim": dim,
        "heads": block.attn.heads,
        "hidden": steps.hidden.shape[1],
        "outputs": len(logits),
        "listed": listed.tolist(),
        "pooled": len(head.pooled),
        "features": len(head.features),
        "head": _described_head(options, net.pool),
        "activation": options.activation,
        "scaled": block.layer_scale_1 is not None,
        "biases": {"qkv": options.qkv_bias, "block": options.block_bias},
        "rotary": None if block.attn.rotary is None else ROTARY_BASE,
        "first": net.prefix_tokens,
        "prefix": options.prefix,
        "side": net.grid,
        "layer": layer,
        "layers": len(net.blocks),
        "norm": block.norm,
        "eps": [block.layer_norm_1.eps, block.layer_norm_2.eps, head_norm.eps],
        "only": only,
        **NO_UNITS,
    }
    floats = b"".join(array.detach().float().contiguous().numpy().astype("<f4").tobytes() for array in arrays)
    return BlockView(header, floats, b""), steps.active[rows].numpy()


def _described_head(options: ViTOptions, pool: str) -> dict[str, Any]:
    """Describe the head: the tokens that it reads (`mean` or `sequence` for all patches), the place of its
    layer norm, and the layer between the norm and the classifier, if there is one.
    """
    reads = {"cls": ["cls"], "cls_mean": ["cls", "mean"], "sequence": ["sequence"]}.get(pool, ["mean"])
    layer = "tanh" if options.representation else "linear" if options.projection else None
    return {
        "reads": ["cls", "distillation"] if options.distilled else reads,
        "norm_first": options.norm_tokens or options.pool == "cls_mean",
        "layer": layer,
    }


def _affine(norm: Any) -> tuple[Any, Any]:
    return norm.weight, norm.bias


def _units(
    active: np.ndarray, found: _Excited, layer: int, side: int, data: Dataset
) -> tuple[dict[str, Any], bytes]:
    """Return what the header holds about the most active units of the rows [R, M], and their patches."""
    top = np.argpartition(-active, min(UNITS, active.shape[1]) - 1, axis=1)[:, :UNITS]
    units = np.unique(top)
    images, patches = found.images[layer, units], found.patches[layer, units]  # [U, n]
    cells = [
        _crop(data.test.images[image], patch, side)
        for image, patch in zip(images.ravel(), patches.ravel(), strict=True)
    ]
    listed = [
        {
            "unit": int(unit),
            "values": found.values[layer, unit].round(4).tolist(),
            "labels": data.test.labels[found.images[layer, unit]].tolist(),
            "patches": found.patches[layer, unit].tolist(),
        }
        for unit in units
    ]
    return {"units": listed, "crop": cells[0].shape[0], "searched": found.count}, np.stack(cells).tobytes()


def _crop(image: np.ndarray, patch: int, side: int) -> np.ndarray:
    """Return a patch with its eight neighbors, uint8 [c, c, 3]. Gray outside of the image uint8 [3, S, S]."""
    size = image.shape[-1] // side
    padded = np.pad(image, ((0, 0), (size, size), (size, size)), constant_values=128)
    row, column = (size * int(part) for part in divmod(int(patch), side))
    cut = padded[:, row : row + 3 * size, column : column + 3 * size].transpose(1, 2, 0)
    if cut.shape[0] > MAX_CROP:
        chosen = np.linspace(0, cut.shape[0] - 1, MAX_CROP).round().astype(int)
        cut = cut[chosen][:, chosen]
    return np.ascontiguousarray(cut)
