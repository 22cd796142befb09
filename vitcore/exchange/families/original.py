"""The releases of DINO, DINOv2, MAE and DeiT by their authors: timm's names with some of their own.

Without names of their own they are the same as timm's, and `timm` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from vitcore.exchange.families import timm
from vitcore.exchange.families.family import Family

OWN = re.compile(
    r"register_tokens|mask_token|blocks\.0\.gamma_1|decoder_.*|head\.(mlp|last_layer)\..*|blocks\.0\.mlp\.w12\..*"
)
RULES = {
    **timm.RULES,
    r"register_tokens": "register_tokens",
    rf"{timm.BLOCK}gamma_([12])": r"transformer.\1.layer_scale_\2",
}
LEFT_OUT = (
    r"mask_token$",
    r"decoder_",  # of MAE
    r"head\.(mlp|last_layer)\.",  # of DINO's training, and
    r"(dino|ibot)_head\.",  # of DINOv2's
)


def recognize(names: Collection[str]) -> bool:
    return timm.recognize(names) and any(OWN.fullmatch(name) for name in names)


FAMILY = Family("a ViT in the names of DINO, DINOv2, MAE or DeiT", recognize, RULES, timm.assumed, LEFT_OUT)
