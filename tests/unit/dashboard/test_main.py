"""The command that starts the dashboard."""

from __future__ import annotations

import pytest

from dashboard.__main__ import loopback


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)])
def test_only_loopback_addresses_count_as_local(host, local):
    assert loopback(host) == local
