"""Names and shapes of the tensors in the published checkpoints.

They are written out from the text and the code of the UvA Deep Learning Tutorials 5 and 15, independently
of the models of this project.
"""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]


def _conv(name: str, given: int, made: int, size: int, *, bias: bool) -> Shapes:
    found: Shapes = {f"{name}.weight": (made, given, size, size)}
    return found | ({f"{name}.bias": (made,)} if bias else {})


def _norm(name: str, channels: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (channels,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def _linear(name: str, given: int, made: int) -> Shapes:
    return {f"{name}.weight": (made, given), f"{name}.bias": (made,)}


def resnet() -> Shapes:
    found = _conv("input_net.0", 3, 16, 3, bias=False) | _norm("input_net.1", 16)
    given = 16
    for i, made in enumerate([16] * 3 + [32] * 3 + [64] * 3):
        at = f"blocks.{i}"
        found |= _conv(f"{at}.net.0", given, made, 3, bias=False) | _norm(f"{at}.net.1", made)
        found |= _conv(f"{at}.net.3", made, made, 3, bias=False) | _norm(f"{at}.net.4", made)
        if given != made:
            found |= _conv(f"{at}.downsample", given, made, 1, bias=True)
        given = made
    return found | _linear("output_net.2", 64, 10)


def preactresnet() -> Shapes:
    found = _conv("input_net.0", 3, 16, 3, bias=False)
    given = 16
    for i, made in enumerate([16] * 3 + [32] * 3 + [64] * 3):
        at = f"blocks.{i}"
        found |= _norm(f"{at}.net.0", given) | _conv(f"{at}.net.2", given, made, 3, bias=False)
        found |= _norm(f"{at}.net.3", made) | _conv(f"{at}.net.5", made, made, 3, bias=False)
        if given != made:
            found |= _norm(f"{at}.downsample.0", given)
            found |= _conv(f"{at}.downsample.2", given, made, 1, bias=False)
        given = made
    return found | _linear("output_net.2", 64, 10)


INCEPTION = {  # place: input; reductions before 3x3 and 5x5; outputs 1x1, 3x3, 5x5, pool
    0: (64, (32, 16), (16, 32, 8, 8)),
    1: (64, (32, 16), (24, 48, 12, 12)),
    3: (96, (32, 16), (24, 48, 12, 12)),
    4: (96, (32, 16), (16, 48, 16, 16)),
    5: (96, (32, 16), (16, 48, 16, 16)),
    6: (96, (32, 16), (32, 48, 24, 24)),
    8: (128, (48, 16), (32, 64, 16, 16)),
    9: (128, (48, 16), (32, 64, 16, 16)),
}


def googlenet() -> Shapes:
    found = _conv("input_net.0", 3, 64, 3, bias=True) | _norm("input_net.1", 64)
    for place, (given, (less3, less5), (one, three, five, pool)) in INCEPTION.items():
        at = f"inception_blocks.{place}"
        found |= _conv(f"{at}.conv_1x1.0", given, one, 1, bias=True) | _norm(f"{at}.conv_1x1.1", one)
        for size, less, made in ((3, less3, three), (5, less5, five)):
            branch = f"{at}.conv_{size}x{size}"
            found |= _conv(f"{branch}.0", given, less, 1, bias=True) | _norm(f"{branch}.1", less)
            found |= _conv(f"{branch}.3", less, made, size, bias=True) | _norm(f"{branch}.4", made)
        found |= _conv(f"{at}.max_pool.1", given, pool, 1, bias=True) | _norm(f"{at}.max_pool.2", pool)
    return found | _linear("output_net.2", 128, 10)


def densenet() -> Shapes:
    found, channels = _conv("input_net.0", 3, 32, 3, bias=True), 32
    for block in range(4):
        for layer in range(6):
            at = f"blocks.{2 * block}.block.{layer}.net"
            found |= _norm(f"{at}.0", channels) | _conv(f"{at}.2", channels, 32, 1, bias=False)
            found |= _norm(f"{at}.3", 32) | _conv(f"{at}.5", 32, 16, 3, bias=False)
            channels += 16
        if block < 3:
            at = f"blocks.{2 * block + 1}.transition"
            found |= _norm(f"{at}.0", channels) | _conv(f"{at}.2", channels, channels // 2, 1, bias=False)
            channels //= 2
    return found | _norm("output_net.0", channels) | _linear("output_net.4", channels, 10)


def vit() -> Shapes:
    found = {"cls_token": (1, 1, 256), "pos_embedding": (1, 65, 256)} | _linear("input_layer", 48, 256)
    for layer in range(6):
        at = f"transformer.{layer}"
        for norm in ("layer_norm_1", "layer_norm_2"):
            found |= {f"{at}.{norm}.weight": (256,), f"{at}.{norm}.bias": (256,)}
        found |= {f"{at}.attn.in_proj_weight": (768, 256), f"{at}.attn.in_proj_bias": (768,)}
        found |= _linear(f"{at}.attn.out_proj", 256, 256)
        found |= _linear(f"{at}.linear.0", 256, 512) | _linear(f"{at}.linear.3", 512, 256)
    found |= {"mlp_head.0.weight": (256,), "mlp_head.0.bias": (256,)}
    return found | _linear("mlp_head.1", 256, 10)


SHAPES = {f.__name__: f() for f in (vit, resnet, preactresnet, googlenet, densenet)}
