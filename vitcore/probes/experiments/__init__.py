"""The experiments, one file each in this folder. They are discovered automatically. No torch when imported.

A file declares `PROBE`: its name, texts, formula and paper, the type of its values, the generator that
measures them, and the finding, a sentence computed from them. The generator takes (model, other, images uint8
[N, 3, S, S], labels int [N] or None, settings), yields (images done, values so far), and imports torch when
called.
The command line, the stored results, the page with its figures, and the guide are derived from `PROBE`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from vitcore.probes.probe import Probe


def discover() -> dict[str, Probe[Any]]:
    """Return the probes of all files in this package by name, in the order of the page."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    probes = sorted((module.PROBE for module in modules), key=lambda probe: (probe.order, probe.name))
    return {probe.name: probe for probe in probes}
