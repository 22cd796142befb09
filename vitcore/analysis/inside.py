"""The weights and intermediate layers of a Vision Transformer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vitcore.analysis.attention import needs_attention
from vitcore.errors import UserError
from vitcore.networks.vit import Trace


@torch.inference_mode()
def logit_lens(model: nn.Module, trace: Trace) -> torch.Tensor:
    """Apply the head to the tokens before the first and after every block (nostalgebraist 2020).

    These are the model's predictions if it ended there. -> logits [B, layers + 1, classes]. The last ones are
    the model's own.
    """
    model = needs_attention(model)
    return torch.stack([model.head(tokens) for tokens in trace.hidden.unbind(dim=1)], dim=1)


@torch.inference_mode()
def positions_only(model: nn.Module) -> Trace:
    """Return the trace of an image of uniform mean color: attention depends only on positions. B = 1"""
    model = needs_attention(model)
    blank = torch.zeros(1, 3, model.image_size, model.image_size, device=model.pos_embedding.device)
    return model.trace(blank)


@torch.inference_mode()
def patch_filters(model: nn.Module, count: int = 28) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the principal components of the patch projection (Dosovitskiy et al. 2021, figure 7, left).

    -> (unit components [n, 3, P, P], fractions of the variance [n] in descending order), n <= count. Raise
    `UserError` for a model that has convolutions in place of the projection.
    """
    model = needs_attention(model)
    if not isinstance(model.input_layer, nn.Linear):
        raise UserError(
            "This model has convolutions in place of the patch projection: it has no patch filters."
        )
    weights = model.input_layer.weight.float()  # [D, 3 * P * P], the channel slowest
    _, strength, components = torch.linalg.svd(weights - weights.mean(dim=0), full_matrices=False)
    shares = strength.square() / strength.square().sum()
    size = model.patch_size
    return components[:count].unflatten(1, (-1, size, size)), shares[:count]


@torch.inference_mode()
def position_similarity(model: nn.Module) -> torch.Tensor:
    """Return the cosine similarity of position embeddings (Dosovitskiy et al. 2021, figure 7, middle).

    -> [N, N], all zero for a model without positions.
    """
    model = needs_attention(model)
    positions = F.normalize(model.patch_positions.float(), dim=-1)  # [N, D]
    return positions @ positions.T
