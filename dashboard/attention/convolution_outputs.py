"""Cached results of the convolutions of a ResNet block, packed for `dashboard.components.convolution`.

Everything is float32, so that the digits on the page are those of the model. Only the results of products
with weights are sent. The browser computes the rest: windows, products, sums, batch norm, ReLU and residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard.shared import resources
from dashboard.shared.model_outputs import as_tensor, digest
from dashboard.shared.turns import limited
from vitcore.errors import UserError
from vitcore.runs.folder import Run

MODELS = ("resnet", "preactresnet")  # models whose convolutions can be shown
KERNEL = 3  # rows and columns of all kernels
MAX_ALL = 6_000_000  # bytes of a block; for more, only the kernels of the chosen channel are sent
MAX_MAPS = 24_000_000  # bytes of the maps of a block


@dataclass(frozen=True)
class Sizes:
    """The sizes of a block: channels, side of its maps in pixels, and number of its convolutions."""

    inputs: int
    outputs: int
    input_side: int
    side: int
    convolutions: int

    def map_bytes(self) -> int:
        """Return the size of the input, the outputs of the convolutions and a shortcut."""
        output = self.outputs * self.side**2 * (self.convolutions + (self.side != self.input_side))
        return 4 * (self.inputs * self.input_side**2 + output)

    def kernel_bytes(self) -> int:
        """Return the size of all kernels."""
        later = (self.convolutions - 1) * self.outputs**2
        return 4 * KERNEL**2 * (self.inputs * self.outputs + later)


@dataclass(frozen=True)
class ConvolutionView:
    """The results of one block. `header` describes them, and `floats` are float32.

    dashboard/components/convolution/data.js describes their order.
    """

    header: dict[str, Any]
    floats: bytes


def suited(runs: list[Run]) -> list[Run]:
    """Return the runs whose convolutions can be shown."""
    return [run for run in runs if run.config.model in MODELS]


def sizes_of(run: Run) -> list[Sizes]:
    """Return the sizes of the first convolution and of every block, from the configuration."""
    options, side = run.config.options, run.config.image_size
    channels = options["c_hidden"][0]
    found = [Sizes(3, channels, side, side, 1)]
    for stage, (width, count) in enumerate(zip(options["c_hidden"], options["num_blocks"], strict=True)):
        for block in range(count):
            smaller = -(-side // 2) if stage and block == 0 else side
            found.append(Sizes(channels, width, side, smaller, 2))
            channels, side = width, smaller
    return found


def view(run: Run, image: np.ndarray, *, block: int, channel: int) -> ConvolutionView:
    """Return the results of a block (0 for the first convolution) for an image uint8 [3, S, S].

    If the block is large, only the kernels of the output channel `channel` (from 0) are sent. Raises
    `UserError`.
    """
    sizes = sizes_of(run)[block]
    if sizes.map_bytes() > MAX_MAPS:
        raise UserError(
            f"The maps of this block of {run.title} take {sizes.map_bytes() / 1e6:.0f} MB, too much to show: "
            "choose a later block or a run with fewer channels."
        )
    only = channel if sizes.map_bytes() + sizes.kernel_bytes() > MAX_ALL else None
    resources.model(run)
    return _view(resources.stamp_of(run), image.tobytes(), image.shape, block, only)


@st.cache_resource(max_entries=24, show_spinner=False)
@limited
def _view(
    stamp: tuple, pixels: bytes, shape: tuple[int, ...], block: int, only: int | None
) -> ConvolutionView:
    from vitcore.analysis.convolution_steps import convolution_steps, pooled_head

    net = resources.loaded(*stamp)
    steps = convolution_steps(net, as_tensor(pixels, shape), block)
    rows = slice(None) if only is None else slice(only, only + 1)
    arrays, convolutions = [steps.input], []
    for convolution in steps.convolutions:
        arrays += [convolution.weight[rows], convolution.output]
        if convolution.norm:
            arrays += [
                convolution.norm.mean,
                convolution.norm.variance,
                convolution.norm.weight,
                convolution.norm.bias,
            ]
        convolutions.append(
            {
                "inputs": convolution.input.shape[0],
                "outputs": convolution.output.shape[0],
                "inputSide": convolution.input.shape[-1],
                "side": convolution.output.shape[-1],
                "stride": convolution.stride,
                "padding": convolution.padding,
                "eps": convolution.norm.eps if convolution.norm else None,
                "field": convolution.field,
            }
        )
    projected = block > 0 and net.blocks[block - 1].downsample is not None
    if projected and steps.shortcut is not None:
        arrays.append(steps.shortcut)
    last = block == len(net.blocks)
    if last:
        head, linear = pooled_head(net, steps.output), net.output_net[-1]
        arrays += [linear.weight, linear.bias, head.pooled, head.logits]
    header = {
        "key": digest(stamp, pixels, block, only),
        "block": block,
        "blocks": len(net.blocks),
        "pre": steps.pre,
        "convolutions": convolutions,
        "projected": projected,
        "outputs": net.output_net[-1].out_features if last else 0,
        "only": only,
    }
    floats = b"".join(array.detach().float().contiguous().numpy().astype("<f4").tobytes() for array in arrays)
    return ConvolutionView(header, floats)
