"""message.json, which the JavaScript tests read, is up to date."""

from __future__ import annotations

import json

import numpy as np

from dashboard.attention import explorer
from tests.unit.components.messages import FILE, message_with_values, parts


def test_message_file_equals_what_python_packs():
    """After a change of the format, run `python -m tests.unit.components.messages`, then `make test-js`."""
    assert json.loads(FILE.read_text()) == message_with_values()


def test_server_reads_the_mask_of_the_message_file(monkeypatch):
    image, *_, mask = parts()
    monkeypatch.setattr(explorer, "image_key", lambda image: "abc123")
    assert np.array_equal(explorer._mask(message_with_values()["mask"]["text"], image), mask)
