"""Models that are known and not supported. `OTHERS` lists them, so that a refusal says what a file holds.

Some of their names are those of a supported family, which would otherwise be named in their place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Other:
    """A model that is recognized by the name of a tensor, with or without the names of modules around it.

    `own` is a pattern of names that only this model has, if it has none like `without`. `block` begins the
    names of a block. `maps` says which of its attention maps the explorer in a notebook can show.
    """

    name: str  # as sentences name it, with its article
    own: str
    block: str
    missing: str  # what is not supported
    without: str = r"(?!)"
    maps: str = "its maps"

    def recognize(self, names: Collection[str]) -> bool:
        own, without = (re.compile(rf"(?:.+\.)?(?:{part})") for part in (self.own, self.without))
        return any(own.fullmatch(name) for name in names) and not any(map(without.fullmatch, names))

    def refusal(self, names: Collection[str]) -> str:
        """Return what follows the name of a file or a module in a sentence, up to the advice."""
        block = re.compile(rf"(?:.+\.)?(?:{self.block})\.")
        count = len({match[0] for name in names if (match := block.match(name))})
        return f"is {self.name} with {count} blocks; {self.missing} not supported"


OTHERS = (
    Other(
        "a Swin Transformer",
        # in this order: timm, torchvision, and transformers in its versions 5 and 4, each with Swin V2
        r"layers\.0\.blocks\.0\.attn\.(?:relative_position_bias_table|cpb_mlp\.0\.weight)"
        r"|features\.1\.0\.attn\.(?:relative_position_bias_table|cpb_mlp\.0\.weight)"
        r"|layers\.0\.blocks\.0\.attention\.(?:self\.)?(?:relative_position_bias\.)?relative_position_bias_table"
        r"|layers\.0\.blocks\.0\.attention\.(?:self\.)?continuous_position_bias_mlp\.0\.weight",
        r"layers\.\d+\.blocks\.\d+|features\.\d+\.\d+(?=\.attn\.)",
        "attention within windows is",
        # whose window is the whole image, so that they have one shape
        maps="the maps of its last stage",
    ),
    Other(
        "a SigLIP",
        r"attn_pool\.latent|head\.probe",  # of timm (also in open_clip) and transformers
        r"(?<!text_model\.encoder\.)(?:blocks|layers)\.\d+",
        "attention pooling is",
        without="cls_token",  # other ViTs of timm may have such a pooling, too
    ),
    Other(
        "a BEiT",
        r"blocks\.0\.attn\.relative_position_bias_table|rel_pos_bias\.relative_position_bias_table"
        r"|layers?\.0\.lambda_1",
        r"(?:blocks|layers?)\.\d+",
        "relative positions are",
    ),
    Other("a CaiT", r"blocks\.0\.attn\.proj_l\.weight", r"blocks\.\d+", "mixing of heads is"),
    Other(
        "a ConvNeXt",
        r"stages\.0\.blocks\.0\.conv_dw\.weight|stages\.0\.layers\.0\.dwconv\.weight|features\.1\.0\.layer_scale",
        r"stages\.\d+\.(?:blocks|layers)\.\d+|features\.\d+\.\d+(?=\.block\.)",
        "a convolutional network other than a ResNet is",
        maps="",
    ),
)


def other_of(names: Collection[str]) -> Other | None:
    """Return the unsupported model that has these names, or None."""
    return next((other for other in OTHERS if other.recognize(names)), None)
