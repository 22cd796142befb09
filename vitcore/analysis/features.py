"""What the residual stream of a Vision Transformer holds for each token of an image.

Cosine similarities of features (Caron et al. 2021, DINO), their principal components as colors (Oquab et al.
2023, DINOv2), their norms, and the tokens with unusually large norms, which draw attention to themselves
(Darcet et al. 2024). There are T tokens: the `prefix_tokens` of the model, then N patches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import needs_attention
from vitcore.networks.vit import Trace

COMPONENTS = 3  # red, green and blue
DEVIATIONS = 5.0  # robust standard deviations above the median from which a norm is an outlier
RATIO = 2.0  # multiples of the median from which a norm is an outlier
MAD_TO_STD = 1.4826  # standard deviation over median absolute deviation, of a normal distribution


@torch.inference_mode()
def residual_stream(model: nn.Module, trace: Trace) -> torch.Tensor:
    """Return the features of all tokens at every point of the residual stream. [B, layers + 2, T, D]

    They are the tokens before the first block, after every block, and after the model's last layer norm,
    which is applied to each token. Raise `UserError` for a model without attention.
    """
    norm = needs_attention(model).mlp_head[0]
    return torch.cat([trace.hidden, norm(trace.hidden[:, -1:])], dim=1)


def unit_features(features: torch.Tensor) -> torch.Tensor:
    """Divide features [..., D] by their norms, so that dot products are cosine similarities.

    Zeros stay zeros.
    """
    return F.normalize(features.float(), dim=-1)


def principal_components(patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Project patches [N, D] on their first three principal components.

    -> (projections [N, 3], each scaled from its lowest value, 0, to its highest, 1; fractions of the variance
    [3]). The sign of a component is that for which its largest weight is positive. A component without
    variance is 0.5 everywhere.
    """
    centered = patches.double() - patches.double().mean(dim=0)
    wide = centered.shape[0] < centered.shape[1]
    product = centered @ centered.T if wide else centered.T @ centered  # the smaller of [N, N] and [D, D]
    strength, vectors = torch.linalg.eigh(product)  # in ascending order
    strength = strength.flip(0)[:COMPONENTS].clamp(min=0)
    vectors = vectors.flip(1)[:, :COMPONENTS]
    axes = centered.T @ vectors if wide else vectors  # [D, 3], of any length
    projected = vectors * strength.sqrt() if wide else centered @ vectors  # [N, 3]
    projected = projected * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    total = centered.square().sum()
    low, high = projected.amin(dim=0), projected.amax(dim=0)
    flat = strength <= 1e-12 * total
    scaled = torch.where(flat, 0.5, (projected - low) / (high - low).where(~flat, 1))
    shares = strength / total.clamp(min=1e-30)
    missing = COMPONENTS - scaled.shape[1]  # of fewer than three patches or channels
    return F.pad(scaled, (0, missing), value=0.5).float(), F.pad(shares, (0, missing)).float()


def outliers(norms: torch.Tensor, *, prefix: int) -> torch.Tensor:
    """Return which tokens have unusually large norms. [..., T] -> bool [..., T]

    A norm is an outlier if it is more than five robust standard deviations (1.4826 times the median absolute
    deviation) above the median, and at least twice the median. Both medians are those of the patches, which
    come after `prefix` tokens. Darcet et al. 2024 cut the two modes of a histogram at a fixed norm, which
    holds for one layer of one model. Normally distributed norms exceed five standard deviations once in 3.5
    million tokens. The ratio keeps out tokens that differ little where nearly all norms are equal.
    """
    patches = norms[..., prefix:].double()
    median = patches.quantile(0.5, dim=-1, keepdim=True)
    deviation = MAD_TO_STD * (patches - median).abs().quantile(0.5, dim=-1, keepdim=True)
    return (norms > median + DEVIATIONS * deviation) & (norms >= RATIO * median) & (median > 0)


def received_attention(weights: torch.Tensor) -> torch.Tensor:
    """Return the share of attention that each token receives, averaged over heads and queries.

    [..., heads, T, T] -> [..., T], which sums to 1.
    """
    return weights.mean(dim=(-3, -2))
