"""The computational cost of a Vision Transformer by patch size, without building it. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """The cost for one image.

    Multiply-adds include the matrix products as counted by `torch.utils.flop_counter` (which counts two
    operations for each), but not softmax, normalization and GELU.
    """

    tokens: int
    numbers: int  # numbers in a patch
    multiply_adds: int
    of_attention: int  # part for the products of queries, keys and values, which grows with tokens^2
    weights: int  # attention weights of all layers and heads, for all tokens


def vit_cost(
    patch_size: int,
    *,
    image_size: int = 32,
    embed_dim: int = 256,
    hidden_dim: int = 512,
    num_heads: int = 8,
    num_layers: int = 6,
    num_classes: int = 10,
    cls: bool = True,
    registers: int = 0,
    complete: bool = False,
) -> Cost:
    """Return the cost of a prediction with a ViT, by default the tutorial's.

    With a CLS token, the last block of a prediction computes only CLS. `complete` counts all tokens of all
    blocks, as for the attention maps. Registers are tokens.
    """
    patches = (image_size // patch_size) ** 2
    tokens, numbers = patches + cls + registers, 3 * patch_size**2
    last = 1 if cls and not complete else tokens  # queries of the last block
    queries = (num_layers - 1) * tokens + last  # of all blocks
    products = 2 * queries * tokens * embed_dim
    keys_and_values = num_layers * tokens * 2 * embed_dim * embed_dim
    linear = keys_and_values + queries * (2 * embed_dim * embed_dim + 2 * embed_dim * hidden_dim)
    ends = patches * numbers * embed_dim + embed_dim * num_classes
    weights = num_layers * num_heads * tokens * tokens
    return Cost(tokens, numbers, products + linear + ends, products, weights)
