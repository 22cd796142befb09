"""The table of what each patch size costs."""

from __future__ import annotations

from vitcore import numbers


def patch_costs(
    sizes: list[int], shown: int, pixels: int, *, conv_stem: bool = False
) -> list[dict[str, str | int | float]]:
    """Return a table of the cost of each patch size for a ViT of the tutorial's shape.

    `sizes` are in pixels, `pixels` is the side of the image, and the size `shown` is marked.
    With `conv_stem`, convolutions make its tokens.
    """
    from vitcore.analysis.cost import vit_cost

    rows = []
    for size in sizes:
        cost = vit_cost(size, image_size=pixels, conv_stem=conv_stem)
        rows.append(
            {
                "patch size": f"{size} x {size}" + ("  (shown)" if size == shown else ""),
                "tokens with CLS": cost.tokens,
                "numbers per patch": cost.numbers,
                "multiply-adds, million": round(cost.multiply_adds / 1e6, 1),
                "of which attention": numbers.percent(cost.of_attention / cost.multiply_adds, 1),
                "attention weights": cost.weights,
                "in float32, kB": round(cost.weights * 4 / 1000, 1),
            }
        )
    return rows
