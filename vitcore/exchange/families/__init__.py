"""Vision Transformers from elsewhere, one file for each family of names. `FAMILIES` lists them.

To add one, write a file with a `Family`: how to recognize its names, and the rules that rename them to ours.
"""

from __future__ import annotations

from vitcore.exchange.families import clip, original, timm, torchvision, transformers
from vitcore.exchange.families.about import About, about_of, read_about
from vitcore.exchange.families.family import Family, Foreign, Tensors, read, without_wrappers

FAMILIES = (  # the first one that recognizes the names reads them
    original.FAMILY,
    timm.FAMILY,
    transformers.FAMILY,
    clip.FAMILY,
    clip.OPENAI,
    torchvision.FAMILY,
)

__all__ = [
    "FAMILIES",
    "About",
    "Family",
    "Foreign",
    "about_of",
    "family_of",
    "read",
    "read_about",
    "unwrapped",
]


def unwrapped(tensors: Tensors) -> Tensors:
    """Return tensors under their names without those of the modules around the network."""
    names = without_wrappers(tensors)
    return {names[name]: value for name, value in tensors.items()}


def family_of(tensors: Tensors) -> Family | None:
    """Return the family of tensors under their names without wrappers, or None."""
    return next((family for family in FAMILIES if family.recognize(tensors.keys())), None)
