"""All intermediate results of one encoder block of a Vision Transformer and of its head, for one image.

The model records them itself while it computes (`vitcore.networks.vit.Record`). T tokens, D channels, H heads
of d = D/H, M hidden units of the MLP.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import nn

from vitcore.analysis.attention import as_input, needs_attention
from vitcore.errors import UserError
from vitcore.networks.vit import Block, Record

BATCH = 10  # images at once when many are computed
TOKENS = 64  # whose values are projected at once


@dataclass(frozen=True)
class BlockSteps:
    """The results of one block in order of computation, all float32. Token 0 is CLS if the model has one.

    LayerScale, where there is one, is part of `projected` and `mlp`.
    Pre-norm normalizes the input of each branch. Then `middle` is `sum_1`, and `output` is `sum_2`. Post-norm
    normalizes the sums. Then `attention_input` is `input`, and `mlp_input` is `middle`. A CCT normalizes the
    input of attention, and `sum_1` to `middle`, which is `mlp_input`.
    """

    input: torch.Tensor  # [T, D]
    attention_input: torch.Tensor  # [T, D]
    q: torch.Tensor  # [H, T, d]
    k: torch.Tensor  # [H, T, d]
    v: torch.Tensor  # [H, T, d]
    scores: torch.Tensor  # [H, T, T]: q k / sqrt(d), rows are queries
    weights: torch.Tensor  # [H, T, T]: softmax of the scores, rows sum to 1
    mixed: torch.Tensor  # [H, T, d]: weighted sums of the values
    joined: torch.Tensor  # [T, D]: the heads next to each other
    projected: torch.Tensor  # [T, D]: output of attention
    sum_1: torch.Tensor  # [T, D]: input + projected
    middle: torch.Tensor  # [T, D]: the residual stream after attention
    mlp_input: torch.Tensor  # [T, D]
    hidden: torch.Tensor  # [T, M]: before the activation
    active: torch.Tensor  # [T, M]: after the activation
    mlp: torch.Tensor  # [T, D]: output of the MLP
    sum_2: torch.Tensor  # [T, D]: middle + mlp
    output: torch.Tensor  # [T, D]: the residual stream after the block


@dataclass(frozen=True)
class HeadSteps:
    """The results of the classification head.

    The last layer norm comes before pooling in some models. Then `pooled` is what pooling without it gives.
    """

    pooled: torch.Tensor  # [D]: CLS, or the mean of all patches; [2 D] if the head reads two of them
    normalized: torch.Tensor  # [D] or [2 D]
    features: torch.Tensor  # [F]: what the classifier reads, `normalized` in most models
    logits: torch.Tensor  # [classes], or the features [F] of a model without a classifier


@dataclass(frozen=True)
class Exciting:
    """For each unit of an MLP, the patches that excite it most, best first, at most one per image."""

    values: torch.Tensor  # [M, n], after the activation
    images: torch.Tensor  # int [M, n], index of the image
    patches: torch.Tensor  # int [M, n], index of the patch, row by row


@torch.inference_mode()
def block_steps(model: nn.Module, image: torch.Tensor, layer: int) -> BlockSteps:
    """Return the results of block `layer` (from 0) for an image [1, 3, S, S], uint8 or normalized.

    The model must be in evaluation mode. Raise `UserError` if it has no attention, or no such block.
    """
    model = needs_attention(model)
    if model.training:
        raise RuntimeError(
            "block_steps needs model.eval(): in training mode dropout would falsify the results"
        )
    if not 0 <= layer < len(model.blocks):
        raise UserError(f"The model has no block {layer + 1}: choose one from 1 to {len(model.blocks)}.")
    x = model.embed(as_input(image, model))
    for block in model.blocks[:layer]:
        x = block(x)
    record: Record = {}
    model.blocks[layer](x, record=record)
    return BlockSteps(**{field.name: record[field.name][0].float() for field in fields(BlockSteps)})


@torch.inference_mode()
def head_steps(model: nn.Module, tokens: torch.Tensor) -> HeadSteps:
    """Return the results of the head for the tokens [T, D] after the last block.

    For the tokens after an earlier block, this is the logit lens.
    """
    model = needs_attention(model)
    pooled, normalized = model.pooled(tokens[None]), model.normalized(tokens[None])
    features, logits = model.features(normalized), model.classify(normalized)
    return HeadSteps(pooled[0], normalized[0], features[0], logits[0])


@torch.inference_mode()
def classifier(model: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights [classes, F] and the offsets [classes] that turn the features into logits.

    The average of the two heads of a distilled model is one linear layer on both tokens. A model without a
    classifier has no classes.
    """
    model = needs_attention(model)
    if not model.has_classifier:
        return torch.zeros(0, 0), torch.zeros(0)
    linear, second = model.mlp_head[1], model.distillation_head
    assert isinstance(linear, nn.Linear)
    if second is None:
        return linear.weight, linear.bias
    return torch.cat([linear.weight, second.weight], dim=1) / 2, (linear.bias + second.bias) / 2


@torch.inference_mode()
def unit_norms(block: Block) -> torch.Tensor:
    """Return the norm of what each unit of the MLP with activation 1 adds to its output. [M]"""
    narrow = block.linear[3]
    assert isinstance(narrow, nn.Linear)
    weight = narrow.weight  # [D, M]
    if block.layer_scale_2 is not None:
        weight = weight * block.layer_scale_2[:, None]
    return weight.norm(dim=0)


@torch.inference_mode()
def head_norms(block: Block, joined: torch.Tensor) -> torch.Tensor:
    """Return the norm of what each head adds to the output of attention. [T, D] -> [T, H]"""
    heads = block.attn.heads
    parts = joined.unflatten(1, (heads, -1))  # [T, H, d]
    weight = block.attn.out_proj.weight
    if block.layer_scale_1 is not None:
        weight = weight * block.layer_scale_1[:, None]
    columns = weight.unflatten(1, (heads, -1))  # [D, H, d]
    return torch.einsum("thd,ehd->the", parts, columns).norm(dim=-1)


@torch.inference_mode()
def token_norms(block: Block, steps: BlockSteps, rows: slice = slice(None)) -> torch.Tensor:
    """Return the norm of what each token adds to the output of attention of the tokens `rows`. [R, T]

    Token t adds the sum over heads h of W_h a_h[r, t] v_h[t] to token r, where W_h are the columns of the
    output projection that read head h, with LayerScale. The offset of the projection belongs to no token.
    Kobayashi et al. 2020, Attention is Not Only a Weight.
    """
    weight = block.attn.out_proj.weight.double()
    if block.layer_scale_1 is not None:
        weight = weight * block.layer_scale_1[:, None].double()
    columns = weight.unflatten(1, (block.attn.heads, -1))  # [D, H, d]
    squares = []
    for values, weights in zip(
        steps.v.double().split(TOKENS, dim=1),
        steps.weights[:, rows].double().split(TOKENS, dim=2),
        strict=True,
    ):
        added = torch.einsum("htd,ehd->the", values, columns)
        products = added @ added.mT  # [t, H, H]: of what the heads would add at weight 1
        squares.append((torch.einsum("thg,grt->hrt", products, weights) * weights).sum(0))
    return torch.cat(squares, dim=1).clamp(min=0).sqrt().float()


@torch.inference_mode()
def exciting_patches(model: nn.Module, images: torch.Tensor, count: int = 4) -> list[Exciting]:
    """Return the patches of `images` that excite the MLP units of each layer most. uint8 [N, 3, S, S]

    Only the most exciting patch of each image counts, so that the `count` patches show `count` images.
    """
    model = needs_attention(model)
    first = model.prefix_tokens
    best: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in model.blocks]
    for batch in images.split(BATCH):
        x = model.embed(as_input(batch, model))
        for layer, block in enumerate(model.blocks):
            record: Record = {}
            x = block(x, record=record)
            top = record["active"][:, first:].max(dim=1)  # [B, M]
            best[layer].append((top.values, top.indices))
    found = []
    for parts in best:
        values, patches = (torch.cat(part).T for part in zip(*parts, strict=True))  # [M, N]
        top = values.topk(min(count, len(images)), dim=1)
        found.append(Exciting(top.values, top.indices, patches.gather(1, top.indices)))
    return found
