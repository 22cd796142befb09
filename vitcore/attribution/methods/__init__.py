"""The attribution methods, one file each in this folder. They are discovered automatically. No torch.

A file declares `METHOD`: its name, texts, formula and paper, the models that it takes, its settings, and the
function that computes the maps. The controls of the page, the guide, talks and the command line are derived
from `METHOD`.
"""

from __future__ import annotations

import importlib
import pkgutil

from vitcore.attribution.method import Method


def discover() -> dict[str, Method]:
    """Return the methods of all files in this package by name, in the order of the menus."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    methods = sorted((module.METHOD for module in modules), key=lambda method: (method.order, method.name))
    return {method.name: method for method in methods}
