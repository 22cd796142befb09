"""Relevance of patches for a class in a Vision Transformer: gradients times attention, layer by layer."""

from __future__ import annotations

import torch
from torch import nn

from vitcore.analysis.attention import as_input, needs_attention, query_map
from vitcore.networks.vit import Record, ViT


def relevance(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return the class relevance of Chefer, Gur and Wolf 2021.

    This is the rule for self-attention of "Generic attention-model explainability": R starts as the identity,
    and every layer adds mean_h(relu(dA * A)) R, where dA is the gradient of the class's logit.

    images [B, 3, S, S] (uint8 or normalized), classes int [B] -> float [B, T, T]. Row 0 is the relevance for
    CLS, if there is one. The model must be in evaluation mode. Its parameters get no gradients. Raise
    `UserError` for a model without attention.
    """
    weights, gradients = weights_and_gradients(needs_attention(model), images, classes)
    size = weights[0].shape[-1]
    result = torch.eye(size, device=weights[0].device).expand(len(images), size, size)
    for a, da in zip(weights, gradients, strict=True):
        result = result + (a * da).relu().mean(dim=1) @ result
    return result


def weights_and_gradients(
    model: ViT, images: torch.Tensor, classes: torch.Tensor
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return the attention weights of each layer, and the gradients of a logit for them.

    images [B, 3, S, S] (uint8 or normalized), classes int [B] -> two lists of [B, H, T, T]. They stay lists
    because they take gigabytes for thousands of tokens. The model must be in evaluation mode. Its parameters
    get no gradients.
    """
    weights: list[torch.Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        x = model.embed(as_input(images, model).clone().requires_grad_())
        for block in model.transformer:
            record: Record = {}
            x = block(x, record=record)
            weights.append(record["weights"])
        logits = model.head(x)  # [B, classes]
        chosen = logits.gather(1, classes.clone()[:, None]).sum()  # samples do not mix in evaluation mode
        gradients = torch.autograd.grad(chosen, weights)  # layers of [B, H, T, T]
    return [weight.detach() for weight in weights], list(gradients)


@torch.no_grad()
def readout_map(model: ViT, matrix: torch.Tensor, images: torch.Tensor | None = None) -> torch.Tensor:
    """Return what the head reads, as a map of the patches. [B, T, T] -> [B, side, side]

    It is the row of CLS, or the mean over the rows of the tokens that the head reads (`ViT.read_out`). The
    mean of a CCT depends on the images, [B, 3, S, S] or one for all, uint8 or normalized.
    """
    tokens = None
    if model.pool == "sequence" and images is not None:
        tokens = model.transformer(model.embed(as_input(images, model)))
    return query_map(model.read_out(matrix, tokens), prefix=model.prefix_tokens)
