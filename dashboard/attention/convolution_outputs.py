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
MAX_ALL = 6_000_000  # bytes of a block; for more, only the kernels of the chosen channel are sent
MAX_MAPS = 24_000_000  # bytes of the maps of a block


@dataclass(frozen=True)
class Layer:
    """The sizes of a convolution: channels, sides of its maps in pixels, and rows of its kernels."""

    inputs: int
    outputs: int
    input_side: int
    side: int
    kernel: int = 3


@dataclass(frozen=True)
class Sizes:
    """The sizes of a block: those of its convolutions, in order. `projected` is for one on the shortcut."""

    layers: tuple[Layer, ...]
    projected: bool = False

    def layer(self, number: int) -> Layer:
        """Return the convolution with a number from 1, or the first one if the block has no such number."""
        return self.layers[number - 1 if number <= len(self.layers) else 0]

    def map_bytes(self) -> int:
        """Return the size of the input, the outputs of the convolutions and a shortcut."""
        first, last = self.layers[0], self.layers[-1]
        outputs = [*self.layers, *([last] if self.projected else [])]
        count = first.inputs * first.input_side**2 + sum(one.outputs * one.side**2 for one in outputs)
        return 4 * count

    def kernel_bytes(self) -> int:
        """Return the size of all kernels."""
        return 4 * sum(one.inputs * one.outputs * one.kernel**2 for one in self.layers)


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
    bottleneck, large = options.get("block") == "bottleneck", options.get("stem") == "7x7"
    channels = options.get("c_stem") or options["c_hidden"][0]
    first = _half(side) if large else side
    found = [Sizes((Layer(3, channels, side, first, 7 if large else 3),))]
    side = _half(first) if large else side  # after max pooling
    for stage, (width, count) in enumerate(zip(options["c_hidden"], options["num_blocks"], strict=True)):
        for block in range(count):
            smaller = _half(side) if stage and block == 0 else side
            if bottleneck:
                outputs = width * options.get("expansion", 4)
                layers = (
                    Layer(channels, width, side, side, 1),
                    Layer(width, width, side, smaller),
                    Layer(width, outputs, smaller, smaller, 1),
                )
            else:
                outputs = width
                layers = (Layer(channels, width, side, smaller), Layer(width, width, smaller, smaller))
            found.append(Sizes(layers, projected=smaller != side or channels != outputs))
            channels, side = outputs, smaller
    return found


def step_count(run: Run, block: int, convolution: int) -> int:
    """Return the number of steps of a convolution of a block, as `stepsOf` in convolution/data.js lists them.

    Convolutions count from 1. The first one is shown if the block has no such number.
    """
    sizes, pre = sizes_of(run), run.config.model == "preactresnet"
    convolutions = len(sizes[block].layers)
    ends = (convolution if convolution <= convolutions else 1) == convolutions
    count = 4  # window, kernel, products and sum
    if block or not pre:
        count += 2  # batch norm and ReLU
    if ends and block:
        count += 1  # residual
    if ends and block == len(sizes) - 1 and run.config.has_classifier:
        count += 1
    return count


def _half(side: int) -> int:
    """Return the side of maps after a layer with stride 2."""
    return -(-side // 2)


def view(run: Run, image: np.ndarray, *, block: int, channel: int) -> ConvolutionView:
    """Return the results of a block (0 for the first convolution) for an image uint8 [3, S, S].

    If the block is large, only the kernels of the output channel `channel` (from 0) are sent. Raise
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
    stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...], block: int, only: int | None
) -> ConvolutionView:
    from vitcore.analysis.convolution_steps import convolution_steps, pooled_head

    net = stamp.model()
    steps = convolution_steps(net, as_tensor(pixels, shape), block)
    arrays, convolutions = [steps.input], []
    for convolution in steps.convolutions:
        weight = convolution.weight
        if only is not None:  # the last channel, if a convolution of the block has fewer
            weight = weight[min(only, len(weight) - 1)]
        arrays += [weight, convolution.output]
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
                "size": convolution.weight.shape[-1],
                "eps": convolution.norm.eps if convolution.norm else None,
                "field": convolution.field,
            }
        )
    projected = block > 0 and net.blocks[block - 1].downsample is not None
    if projected and steps.shortcut is not None:
        arrays.append(steps.shortcut)
    linear = net.output_net[-1]
    classes = getattr(linear, "out_features", 0) if block == len(net.blocks) else 0
    if classes:
        head = pooled_head(net, steps.output)
        arrays += [linear.weight, linear.bias, head.pooled, head.logits]
    header = {
        "key": digest(stamp, pixels, block, only),
        "block": block,
        "blocks": len(net.blocks),
        "pre": steps.pre,
        "convolutions": convolutions,
        "projected": projected,
        "pooled": steps.pooled,
        "outputs": classes,
        "only": only,
    }
    floats = b"".join(array.detach().float().contiguous().numpy().astype("<f4").tobytes() for array in arrays)
    return ConvolutionView(header, floats)
