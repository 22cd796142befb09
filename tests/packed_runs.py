"""Runs in zip files: unpacked, and compared with the run that was packed."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from vitcore.runs.metrics import read_scalars


def unpack(content, place):
    """Unpack the content of a zip file into a folder."""
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(place)


def same_curves(a, b):
    """Assert that two runs have the same curves, and at least one."""
    a, b = read_scalars(a.path), read_scalars(b.path)
    assert a.curves.keys() == b.curves.keys() != set()
    for tag, curve in a.curves.items():
        assert np.array_equal(curve.steps, b[tag].steps)
        assert np.array_equal(curve.values, b[tag].values, equal_nan=True)
