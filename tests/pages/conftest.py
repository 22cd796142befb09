"""What the tests of whole pages share with the unit tests."""

import pytest

from tests.own_talk import TEXT
from tests.unit.conftest import no_supervisor, no_waiting_for_the_disk  # noqa: F401  fixtures for all tests


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_TALKS", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(TEXT)
    return tmp_path / "mine.yaml"
