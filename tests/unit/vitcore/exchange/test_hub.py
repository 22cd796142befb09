"""A Hub that cannot be connected to is given up soon, and one that answers slowly or with errors is not."""

from __future__ import annotations

import socket
import time

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from vitcore.errors import UserError
from vitcore.exchange import hub

NAME = "timm/vit_small.test"


@pytest.fixture
def port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def waits(monkeypatch, tmp_path):
    """Seconds that would have been waited between attempts. The cache is empty."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield found
    close_session()


def test_hub_that_cannot_be_connected_to_is_given_up_after_seconds(port, waits, monkeypatch):
    monkeypatch.setattr(hub, "hf_hub_url", lambda name, file: f"http://127.0.0.1:{port}/{name}/{file}")
    with pytest.raises(UserError, match=f"{NAME}.*internet"):
        hub.download(NAME, ("model.safetensors",), lambda done, total: None)
    assert sum(waits) <= 2


@pytest.mark.parametrize("kind", ["ReadTimeout", "ReadError", "HTTPStatusError"])
def test_library_keeps_its_patience_with_a_hub_that_was_reached(kind, waits, monkeypatch):
    def answer(url, timeout):
        raise type(kind, (OSError,), {})("too slow")

    asked = []

    def download(name, file, *, local_files_only, **options):
        asked.append(local_files_only)
        return f"/nowhere/{file}"

    monkeypatch.setattr(hub, "get_hf_file_metadata", answer)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert hub.download(NAME, ("model.safetensors",), lambda done, total: None).name == "nowhere"
    assert not any(asked)
    assert sum(waits) == 0
