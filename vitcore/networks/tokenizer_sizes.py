"""The sizes of the convolutions that make tokens. No torch.

They are the tokenizer of a CCT (Hassani et al. 2021), and the stem of a ViT (Xiao et al. 2021).
"""

from __future__ import annotations


def stride_of(kernel_size: int) -> int:
    """Return the stride of the tokenizer's convolutions."""
    return max(1, kernel_size // 2 - 1)


def step_of(kernel_size: int) -> int:
    """Return by what a convolution and the pooling after it divide the side, which the pooling halves."""
    return 2 * stride_of(kernel_size)


def layers_of(patch_size: int, kernel_size: int) -> int:
    """Return how many convolutions give tokens of `patch_size` pixels. Raise `ValueError` if none do."""
    step, size, count = step_of(kernel_size), 1, 0
    while size < patch_size:
        size, count = size * step, count + 1
    if size != patch_size or not count:
        raise ValueError(
            f"patch_size {patch_size} does not fit kernel_size {kernel_size}: choose a power of {step}"
        )
    return count


def stem_widths(patch_size: int, embed_dim: int) -> list[int]:
    """Return the channels of the convolutions of stride 2 of a ViT's stem. The last one has `embed_dim`.

    Raise `ValueError` for a patch size that is not a power of two.
    """
    halvings = patch_size.bit_length() - 1
    if patch_size != 2**halvings:
        raise ValueError(f"conv_stem needs a patch_size that is a power of two, not {patch_size}")
    return [max(1, embed_dim >> (halvings - 1 - i)) for i in range(halvings)]
