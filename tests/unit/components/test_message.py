"""message.json and pair.json, which the JavaScript tests read, are up to date."""

from __future__ import annotations

import json

import numpy as np

from dashboard.attention import explorer
from tests.unit.components.messages import FILE, PAIR_FILE, message_with_values, pair_messages, parts


def test_message_files_equal_what_python_packs():
    """After a change of the format, run `python -m tests.unit.components.messages`, then `make test-js`."""
    assert json.loads(FILE.read_text()) == message_with_values()
    assert json.loads(PAIR_FILE.read_text()) == pair_messages()


def test_server_reads_the_mask_of_the_message_file(monkeypatch):
    image, *_, mask = parts()
    monkeypatch.setattr(explorer, "image_key", lambda image: "abc123")
    assert np.array_equal(explorer._mask(message_with_values()["mask"]["text"], image), mask)
