"""Attribution: methods that ask which regions of an image support a class. No torch when imported.

This file is the catalog. `methods` holds one file for each method, and `checks` compares a map with that of a
model with random weights and with random orders of the regions.
"""

from __future__ import annotations

from collections.abc import Iterable

from vitcore.attribution.method import Method, Needs, Setting
from vitcore.attribution.methods import discover
from vitcore.errors import UserError

__all__ = ["METHODS", "Method", "Needs", "Setting", "find_method", "methods_for"]

METHODS: dict[str, Method] = discover()


def methods_for(has: Iterable[Needs]) -> dict[str, Method]:
    """Return the methods for a model that has `has`, in the order of the menus."""
    suited = {"anything", *has}
    return {name: method for name, method in METHODS.items() if suited & set(method.takes)}


def find_method(name: str, has: Iterable[Needs]) -> Method:
    """Return the method with this name. Raise `UserError` if there is none for such a model."""
    suited = methods_for(has)
    if name not in suited:
        reason = "cannot explain this model" if name in METHODS else "is unknown"
        raise UserError(f"The method {name[:40]!r} {reason}: choose one of {', '.join(suited)}.")
    return suited[name]
