"""The message that the JavaScript tests read is the one that Python writes today."""

from __future__ import annotations

import json

import numpy as np

from dashboard.attention import explorer
from tests.unit.components.messages import FILE, made, parts


def test_the_file_for_the_javascript_tests_is_what_python_packs():
    """If it is not: `python -m tests.unit.components.messages`, then `make test-js`."""
    assert json.loads(FILE.read_text()) == made()


def test_the_mask_of_the_file_is_read_by_the_server(monkeypatch):
    image, *_, mask = parts()
    monkeypatch.setattr(explorer, "image_key", lambda image: "abc123")
    assert np.array_equal(explorer._mask(made()["mask"]["text"], image), mask)
