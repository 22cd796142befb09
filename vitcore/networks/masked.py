"""Masked autoencoding (He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners"): a pretraining
without labels.

Most patches of an image are masked. The encoder, a ViT, sees only the others. The decoder, a small
transformer, gets the encoder's tokens and a learned mask token in each masked place, and predicts the pixels
of every patch. The loss compares the masked patches only. After the training, the decoder is left out.

This module has, from top to bottom, the masks, the encoder's pass over the visible patches, the decoder, the
loss, and the pictures that show a reconstruction. As published, masks come from sorted random numbers, and
the pixels to predict are normalized within each patch.

Shapes: B images, S pixels per side, P pixels per patch side, N = (S/P)^2 patches, of which V are visible and
M = N - V are masked. D = width of the encoder, k = its tokens before the first patch, E = width of the
decoder. A patch has 3 P^2 values, with the channel slowest, as in `to_patches`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.networks.block import Block
from vitcore.networks.positions import sincos_positions
from vitcore.networks.vit import ViT, to_patches

EPSILON = 1e-6  # added to the variance of a patch, as published
MASK_STD = 0.02  # of the initial mask token, as published


@dataclass
class Masks:
    """The numbers of the patches of each image that are visible, int64 [B, V], and masked, int64 [B, M]."""

    visible: torch.Tensor
    masked: torch.Tensor


def masks_of(noise: torch.Tensor, visible: int) -> Masks:
    """Return masks from random numbers [B, N]: the patches with the lowest ones are `visible`."""
    order = noise.argsort(dim=1)
    return Masks(order[:, :visible], order[:, visible:])


def encode(encoder: ViT, images: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """Return the encoder's tokens of the visible patches, after its last norm.

    Normalized images [B, 3, S, S], int64 [B, V] -> [B, k + V, D]. Each patch is projected on its own, so the
    result does not depend on masked pixels.
    """
    tokens = encoder.visible(encoder.embed(images), visible)
    for block in encoder.blocks:
        tokens = block(tokens, kept=visible)
    return encoder.mlp_head[0](tokens)


class Decoder(nn.Module):
    """Predict the pixels of all patches from the encoder's tokens. Its positions are fixed."""

    positions: torch.Tensor

    def __init__(
        self, *, encoder_dim: int, prefix: int, grid: int, pixels: int, dim: int, layers: int, head_width: int
    ) -> None:
        """`prefix` is k, `grid` is S/P, `pixels` is the number of values of a patch, and `dim` is E."""
        super().__init__()
        self.prefix = prefix
        self.embed = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(torch.randn(1, 1, dim) * MASK_STD)
        positions = F.pad(
            sincos_positions(grid, dim), (0, 0, prefix, 0)
        )  # [1, k + N, E], zero before patches
        self.register_buffer("positions", positions, persistent=False)
        self.blocks = nn.Sequential(
            *(Block(dim, 4 * dim, dim // head_width, "pre", 0.0, 0.0) for _ in range(layers))
        )
        self.norm = nn.LayerNorm(dim)
        self.predict = nn.Linear(dim, pixels)

    def forward(self, tokens: torch.Tensor, masks: Masks) -> torch.Tensor:
        """Return predicted patches. Tokens [B, k + V, D] -> [B, N, 3 P^2]"""
        tokens = self.embed(tokens)
        first, seen = tokens[:, : self.prefix], tokens[:, self.prefix :]
        b, _, e = seen.shape
        hidden = self.mask_token.to(seen.dtype).expand(b, masks.masked.shape[1], e)
        order = torch.cat([masks.visible, masks.masked], dim=1)  # of the tokens below
        places = order.argsort(dim=1)[..., None].expand(-1, -1, e)  # [B, N, E]: where each patch is found
        patches = torch.cat([seen, hidden], dim=1).gather(1, places)
        x = torch.cat([first, patches], dim=1) + self.positions
        return self.predict(self.norm(self.blocks(x)))[:, self.prefix :]


def decoder_for(encoder: ViT, *, dim: int, layers: int, head_width: int) -> Decoder:
    """Return a decoder with random weights for the tokens and the patches of an encoder."""
    return Decoder(
        encoder_dim=encoder.patch_positions.shape[-1],
        prefix=encoder.prefix_tokens,
        grid=encoder.grid,
        pixels=3 * encoder.patch_size**2,
        dim=dim,
        layers=layers,
        head_width=head_width,
    )


def normalized_patches(images: torch.Tensor, size: int) -> torch.Tensor:
    """Return what the decoder predicts: patches with mean 0 and variance 1. [B, 3, S, S] -> [B, N, 3 P^2]

    The variance has the denominator n - 1, as published.
    """
    patches = to_patches(images, size)
    mean, spread = _statistics(patches)
    return (patches - mean) / spread


def reconstruction_loss(
    predicted: torch.Tensor, images: torch.Tensor, size: int, masks: Masks
) -> torch.Tensor:
    """Return the mean squared error of the masked patches []. Predicted [B, N, 3 P^2], images [B, 3, S, S].

    Predicting zeros everywhere, the mean of each patch, has a loss of about 1.
    """
    chosen = masks.masked[..., None].expand(-1, -1, predicted.shape[-1])
    target = normalized_patches(images, size).gather(1, chosen)
    return F.mse_loss(predicted.gather(1, chosen).float(), target)


def pasted(predicted: torch.Tensor, images: torch.Tensor, size: int, masks: Masks) -> torch.Tensor:
    """Return images whose masked patches are the predicted ones. -> [B, 3, S, S], in units of `images`

    Predictions have neither the mean nor the contrast of their patch. Both are taken from the true patch, as
    in the figures of the paper.
    """
    patches = to_patches(images, size)
    mean, spread = _statistics(patches)
    chosen = masks.masked[..., None].expand(-1, -1, patches.shape[-1])
    restored = predicted.to(patches.dtype) * spread + mean
    return from_patches(patches.scatter(1, chosen, restored.gather(1, chosen)), size)


def from_patches(patches: torch.Tensor, size: int) -> torch.Tensor:
    """Put the patches of `to_patches` together again. [B, N, C * P * P] -> [B, C, S, S]"""
    b, n, values = patches.shape
    side = round(n**0.5)
    x = patches.reshape(b, side, side, values // size**2, size, size)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(b, -1, side * size, side * size)


def _statistics(patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the standard deviation of each patch. [B, N, F] -> both [B, N, 1]"""
    return patches.mean(dim=-1, keepdim=True), (patches.var(dim=-1, keepdim=True) + EPSILON).sqrt()
