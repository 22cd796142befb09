"""How alike two layers see the same images."""

from __future__ import annotations

import torch


def linear_cka(x: torch.Tensor, y: torch.Tensor) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019): ||Y'X||^2 / (||X'X|| ||Y'Y||), Frobenius norms
    of centred features. x [n, p], y [n, q] -> 0 to 1; unchanged by rotations and scaling of either.

    Computed from the n x n products, so that wide features cost no p x q matrix.
    """
    x, y = (v.flatten(1).double() for v in (x, y))
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    k, m = x @ x.T, y @ y.T  # [n, n]
    return float((k * m).sum() / (k.norm() * m.norm()))
