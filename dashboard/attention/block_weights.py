"""Rows of the weights of a block, with which the stepper writes out a number as a sum of products.

All weights of a block may be many megabytes. Therefore the browser asks for the row that it needs, and gets
it with its neighbors. `sentWeights` in the header of a message lists the rows: layer, first row, count, and
floats per row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.shared import resources
from vitcore.runs.folder import Run

MAX_REPLY = 550_000  # bytes of the rows that one request gets: each layer of the bundled ViT takes one or two
MAX_FILE = 4_000_000  # bytes of the weights of a block that an HTML file has as a whole
UNITS = 5  # most active units of the chosen token: their rows are in every HTML file
LAYER_OF_STEP = {2: "qkv", 6: "out", 8: "widen", 9: "narrow", 10: "features"}
_REQUEST = re.compile(r"([0-9a-f]{16}) ([a-z]{1,12}) ([0-9]{1,6})")

Rows = tuple[str, int, np.ndarray]  # layer, first row, and float32 [count, in + 2]: see `LinearRows.rows`


@dataclass(frozen=True)
class RowRequest:
    """Row `row` (from 0) of a layer, for the browser that shows the block with this key.

    `weights_only` says that the browser needs nothing else.
    """

    key: str
    layer: str
    row: int
    weights_only: bool


@dataclass(frozen=True)
class Pinned:
    """The number that a link names: its step, its panel and its place, both from 1."""

    step: int
    array: str | None
    number: int | None

    def row(self, *, dim: int, size: int, head: int) -> list[tuple[str, int]]:
        """Return the row (layer, row) of its weights, in a list that is empty without one."""
        layer = LAYER_OF_STEP.get(self.step)
        if layer is None or self.number is None:
            return []
        if layer != "qkv":
            return [(layer, self.number - 1)]
        part = max(0, "qkv".find((self.array or "q")[0]))
        return [(layer, part * dim + head * size + self.number - 1)]


def read_row_request(text: str, *, weights_only: bool) -> RowRequest | None:
    """Return the request for a row, such as `1f00… widen 17`, or None if it is not a request."""
    found = _REQUEST.fullmatch(text)
    return RowRequest(found[1], found[2], int(found[3]), weights_only) if found else None


def neighbors(run: Run, snapshot: Path | None, layer: int, request: RowRequest) -> list[Rows]:
    """Return the row that is asked for in block `layer` (from 0), and as many around it as fit into a reply.

    Without such a row, the list is empty.
    """
    linear = _layers(run, snapshot, layer).get(request.layer)
    if linear is None or request.row >= len(linear.weight):
        return []
    at_once = max(1, MAX_REPLY // (4 * (linear.weight.shape[1] + 2)))
    first = request.row // at_once * at_once
    return [(request.layer, first, linear.rows(first, at_once).numpy())]


def for_file(
    run: Run,
    snapshot: Path | None,
    layer: int,
    wanted: Iterable[tuple[str, int]],
    *,
    step: int | None = None,
) -> list[Rows]:
    """Return the rows for an HTML file: all of a small model, otherwise the `wanted` ones (layer, row).

    With `step` (from 1), only the layer of this step is there as a whole: a talk may show many blocks.
    """
    layers = _layers(run, snapshot, layer)
    whole = [name for name in layers if step is None or name == LAYER_OF_STEP.get(step)]
    if sum(4 * layers[name].weight.numel() for name in whole) > MAX_FILE:
        whole = []
    single = [(name, row) for name, row in wanted if name in layers and name not in whole]
    return [
        *((name, 0, layers[name].rows(0, len(layers[name].weight)).numpy()) for name in whole),
        *((name, row, layers[name].rows(row, 1).numpy()) for name, row in single),
    ]


def first_shown(
    run: Run,
    snapshot: Path | None,
    image: np.ndarray | None,
    *,
    layer: int,
    token: int,
    head: int,
    pinned: Pinned | None = None,
) -> list[tuple[str, int]]:
    """Return the rows (layer, row) of the numbers that the stepper writes out before anything is pointed at.

    These are the number that is `pinned`, the largest numbers of the token, as in `j` of
    dashboard/components/block/block.js, and its most active units. `image` is uint8 [3, S, S], or None for
    the positions only.
    """
    import torch

    from vitcore.analysis.block_steps import block_steps, head_steps

    net = resources.model(run, snapshot)
    pixels = torch.zeros(1, 3, net.image_size, net.image_size)
    if image is not None:
        pixels = torch.from_numpy(image[None].copy())
    steps = block_steps(net, pixels, layer)
    dim, size = steps.input.shape[1], steps.q.shape[2]

    def largest(values: torch.Tensor) -> int:
        return int(values.abs().argmax())

    number = head * size + largest(steps.mixed[head, token])
    return [
        *(pinned.row(dim=dim, size=size, head=head) if pinned else []),
        *(("qkv", part * dim + number) for part in range(3)),
        ("out", largest(steps.projected[token])),
        ("widen", largest(steps.active[token])),
        *(("widen", int(unit)) for unit in steps.active[token].topk(UNITS).indices),
        ("narrow", largest(steps.sum_2[token])),
        ("features", largest(head_steps(net, steps.output).features)),
    ]


def packed(rows: Iterable[Rows]) -> tuple[list[tuple[str, int, int, int]], bytes]:
    """Return `sentWeights` of the header, and the floats."""
    listed = [(name, first, *values.shape) for name, first, values in rows]
    return listed, b"".join(np.ascontiguousarray(values, "<f4").tobytes() for _, _, values in rows)


def _layers(run: Run, snapshot: Path | None, layer: int) -> dict[str, Any]:
    from vitcore.analysis.block_weights import block_layers

    return block_layers(resources.model(run, snapshot), layer)
