"""Vision Transformers and ResNets from elsewhere, one file for each family of names. `FAMILIES` lists them.

To add one, write a file with a `Family`: how to recognize its names, and the rules that rename them to ours.
`others` names the models that are known and not supported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitcore.exchange.families import clip, dinov3, original, resnet, timm, torchvision, transformers
from vitcore.exchange.families.about import MALFORMED, About, about_of, read_about
from vitcore.exchange.families.family import Family, Foreign, Tensors, without_wrappers
from vitcore.exchange.families.family import read as read_vit
from vitcore.exchange.families.inside import Inside, look_inside
from vitcore.exchange.families.others import Other, other_of

FAMILIES = (  # the first one that recognizes the names reads them
    dinov3.TIMM,
    dinov3.TRANSFORMERS,
    dinov3.RELEASE,
    original.FAMILY,
    timm.FAMILY,
    transformers.FAMILY,
    clip.FAMILY,
    clip.OPENAI,
    torchvision.FAMILY,
    resnet.FAMILY,
)

__all__ = [
    "FAMILIES",
    "MALFORMED",
    "About",
    "Family",
    "Foreign",
    "Inside",
    "Other",
    "about_of",
    "family_of",
    "find_network",
    "other_of",
    "read",
    "read_about",
    "unwrapped",
]


def unwrapped(tensors: Tensors) -> Tensors:
    """Return tensors under their names without those of the modules around the network."""
    names = without_wrappers(tensors)
    return {names[name]: value for name, value in tensors.items()}


def find_network(tensors: Tensors) -> Inside:
    """Return the tensors of a network under their names without wrappers, also from inside another module.

    Without a recognized network, return all tensors without their wrappers.
    """
    outside = unwrapped(tensors)
    if family_of(outside):
        return Inside(outside)

    def recognized(below: Tensors) -> Tensors | None:
        found = unwrapped(below)
        return found if family_of(found) else None

    return look_inside(outside, recognized) or Inside(outside)


def family_of(tensors: Tensors) -> Family | None:
    """Return the family of tensors under their names without wrappers, or None."""
    return next((family for family in FAMILIES if family.recognize(tensors.keys())), None)


def read(family: Family, tensors: Tensors, about: About, settings: Mapping[str, Any], file: str) -> Foreign:
    """Translate the tensors of a network of a family, under their names without wrappers.

    `about` holds what a config.json says, and `settings` what the user says. Raise `UserError` when the
    network does not fit into ours.
    """
    read_tensors = resnet.read if family.network == "resnet" else read_vit
    return read_tensors(family, tensors, about, settings, file)
