"""All intermediate results of the convolutions of one ResNet block and of its head, for one image.

Block 0 is the first convolution with what follows it (`input_net`). Blocks from 1 are the residual blocks. A
convolution has C_in input and C output channels, and a kernel of k x k weights for each pair of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import as_input
from vitcore.analysis.layers import reach
from vitcore.errors import UserError
from vitcore.networks.resnet import PreActResNet, ResNet


@dataclass(frozen=True)
class Norm:
    """Batch norm in evaluation mode: (x - mean) / sqrt(variance + eps) * weight + bias, each [C]."""

    mean: torch.Tensor
    variance: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    eps: float


@dataclass(frozen=True)
class Convolution:
    """One convolution with its batch norm.

    The norm is applied to the output, or, with pre-activation, before the ReLU that makes the input. The
    first convolution of a model with pre-activation has none.
    """

    input: torch.Tensor  # [C_in, H, W], what the kernels read
    weight: torch.Tensor  # [C, C_in, k, k]
    output: torch.Tensor  # [C, h, w], without batch norm
    stride: int
    padding: int
    norm: Norm | None
    field: tuple[int, int, int]
    """(a, b, c): row r of the output depends on the pixel rows a r + b to a r + c; the same for columns."""


@dataclass(frozen=True)
class ConvolutionSteps:
    """The results of one block. `shortcut` and `sum` are None for the first convolution.

    The output of the first convolution is that of the max pooling, if one follows. The sum is the output of a
    block with pre-activation. Otherwise ReLU follows.
    """

    input: torch.Tensor  # [C_in, H, W]
    convolutions: tuple[Convolution, ...]
    shortcut: torch.Tensor | None  # [C, h, w]
    sum: torch.Tensor | None  # [C, h, w]: shortcut + result of the convolutions
    output: torch.Tensor  # [C, h, w]
    pre: bool  # pre-activation
    pooled: bool = False  # max pooling follows the first convolution


@dataclass(frozen=True)
class Window:
    """How one number of the output of a convolution is computed. The products sum to it."""

    values: torch.Tensor  # [C_in, k, k], zeros where the window exceeds the input
    kernel: torch.Tensor  # [C_in, k, k]
    products: torch.Tensor  # [C_in, k, k]
    sums: torch.Tensor  # [C_in]: of the products of each input channel
    total: torch.Tensor  # []


@dataclass(frozen=True)
class PooledHead:
    """The results of the head."""

    pooled: torch.Tensor  # [C]: mean over all positions
    logits: torch.Tensor  # [classes]


def needs_resnet(model: nn.Module) -> ResNet:
    """Return the model if it is a ResNet or a PreActResNet, otherwise raise `UserError`."""
    if not isinstance(model, ResNet):
        raise UserError(f"The convolutions of a {type(model).__name__} are not shown: choose a ResNet run.")
    return model


@torch.inference_mode()
def convolution_steps(model: nn.Module, image: torch.Tensor, block: int) -> ConvolutionSteps:
    """Return the results of a block for an image [1, 3, S, S], uint8 or normalized.

    The model must be in evaluation mode. Raise `UserError` if it is no ResNet, or has no such block.
    """
    model = needs_resnet(model)
    if model.training:
        raise RuntimeError("convolution_steps needs model.eval(): in training mode batch norm uses the batch")
    if not 0 <= block <= len(model.blocks):
        raise UserError(f"The model has no block {block}: choose one from 0 to {len(model.blocks)}.")
    modules = [model.input_net, *model.blocks]
    x = as_input(image, model)
    for before in modules[:block]:
        x = before(x)
    module, pre = modules[block], isinstance(model, PreActResNet)
    net = module if block == 0 else module.net
    found, y = [], x
    for i, part in enumerate(net):
        read, y = y, part(y)
        if isinstance(part, nn.Conv2d):
            norm = None if pre and block == 0 else _norm(net[i - 2 if pre else i + 1])
            field = _field([*modules[:block], *net[: i + 1]])
            found.append(
                Convolution(
                    read[0], part.weight.detach(), y[0], part.stride[0], int(part.padding[0]), norm, field
                )
            )
    if block == 0:
        pooled = isinstance(net[-1], nn.MaxPool2d)
        return ConvolutionSteps(x[0], tuple(found), None, None, y[0], pre, pooled)
    shortcut = x if module.downsample is None else module.downsample(x)
    return ConvolutionSteps(x[0], tuple(found), shortcut[0], (y + shortcut)[0], module(x)[0], pre)


def _norm(norm: nn.Module) -> Norm:
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return Norm(norm.running_mean, norm.running_var, norm.weight.detach(), norm.bias.detach(), norm.eps)


def _field(modules: list[nn.Module]) -> tuple[int, int, int]:
    ends = []
    for row in (0, 1):
        low = high = row
        for module in reversed(modules):
            low, high = reach(module, low, high)
        ends.append((low, high))
    (low, high), (below, _) = ends
    return below - low, low, high


def window(convolution: Convolution, channel: int, row: int, column: int) -> Window:
    """Return how the number of an output channel at a position is computed. All count from 0."""
    size, pad = convolution.weight.shape[-1], convolution.padding
    padded = F.pad(convolution.input, (pad, pad, pad, pad))
    top, left = convolution.stride * row, convolution.stride * column
    values = padded[:, top : top + size, left : left + size]
    kernel = convolution.weight[channel]
    products = values * kernel
    sums = products.sum(dim=(1, 2))
    return Window(values, kernel, products, sums, sums.sum())


@torch.inference_mode()
def pooled_head(model: nn.Module, features: torch.Tensor) -> PooledHead:
    """Return the results of the head for the output [C, h, w] of the last block."""
    *pool, linear = needs_resnet(model).output_net
    pooled = nn.Sequential(*pool)(features[None])
    return PooledHead(pooled[0], linear(pooled)[0])
