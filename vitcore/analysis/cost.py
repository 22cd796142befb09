"""The computational cost of a Vision Transformer by patch size, without building it. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from vitcore.networks.tokenizer_sizes import stem_widths


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
    conv_stem: bool = False,
) -> Cost:
    """Return the cost of a prediction with a ViT, by default the tutorial's.

    With a CLS token, the last block of a prediction computes only CLS. `complete` counts all tokens of all
    blocks, as for the attention maps. Registers are tokens. With `conv_stem`, convolutions make the tokens.
    Raise `ValueError` for a patch size that does not fit them.
    """
    patches = (image_size // patch_size) ** 2
    tokens, numbers = patches + cls + registers, 3 * patch_size**2
    last = 1 if cls and not complete else tokens  # queries of the last block
    queries = (num_layers - 1) * tokens + last  # of all blocks
    products = 2 * queries * tokens * embed_dim
    keys_and_values = num_layers * tokens * 2 * embed_dim * embed_dim
    linear = keys_and_values + queries * (2 * embed_dim * embed_dim + 2 * embed_dim * hidden_dim)
    projection = patches * numbers * embed_dim
    if conv_stem:
        projection = _stem(patch_size, image_size, embed_dim)
    ends = projection + embed_dim * num_classes
    weights = num_layers * num_heads * tokens * tokens
    return Cost(tokens, numbers, products + linear + ends, products, weights)


def _stem(patch_size: int, image_size: int, embed_dim: int) -> int:
    """Return the multiply-adds of a convolutional stem: of 3x3 convolutions with stride 2, and of a 1x1."""
    side, before, count = image_size, 3, 0
    for width in stem_widths(patch_size, embed_dim):
        side //= 2
        count += side**2 * 9 * before * width
        before = width
    return count + side**2 * before * embed_dim
