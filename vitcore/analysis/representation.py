"""Similarity of the representations of two layers (CKA), and the frequency spectra of feature maps."""

from __future__ import annotations

import math

import torch


def gram(x: torch.Tensor) -> torch.Tensor:
    """Return the inner products of all pairs of images, with a zero diagonal. [n, ...] -> [n, n]"""
    flat = x.flatten(1).double()
    flat = flat - flat.mean(dim=0)  # affects only rounding
    return (flat @ flat.T).fill_diagonal_(0)


def hsic(k: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    """Return the unbiased estimator HSIC_1 (Song et al. 2012) of two Gram matrices [n, n], n > 3.

    Summed over minibatches, hsic(k, m) / sqrt(hsic(k, k) hsic(m, m)) is minibatch CKA (Nguyen et al. 2021;
    Raghu et al. 2021). The plain estimator (Kornblith et al. 2019) is far too large with fewer images than
    features.
    """
    n = len(k)
    rest = k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k.sum(dim=0) @ m.sum(dim=0))
    return ((k * m).sum() + rest) / (n * (n - 3))


def spectrum(maps: torch.Tensor) -> torch.Tensor:
    """Return the log amplitudes of a layer's maps along the diagonal of their Fourier transform.

    Frequencies are from 0 to pi (Park and Kim 2022, figure 8). Amplitudes are averaged over channels.
    [B, C, h, h] -> [B, h // 2 + 1]
    """
    amplitude = torch.fft.fft2(maps.float()).abs().mean(dim=1)  # [B, h, h]
    line = torch.arange(maps.shape[-1] // 2 + 1, device=maps.device)
    return amplitude[:, line, line].clamp_min(1e-12).log()


def frequencies(side: int) -> list[float]:
    """Return the frequencies of the values of `spectrum` for maps of this side, in radians per position."""
    return [2 * math.pi * k / side for k in range(side // 2 + 1)]
