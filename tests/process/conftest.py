from __future__ import annotations

import psutil
import pytest

from vitcore.paths import runs_dir
from vitcore.queue import supervisor


@pytest.fixture(autouse=True)
def no_process_stays():
    yield
    for found in psutil.process_iter(["cmdline"]):
        if str(runs_dir()) in " ".join(found.info["cmdline"] or []):
            found.kill()


@pytest.fixture
def fake_trainer(monkeypatch):
    """Supervisors start `tests.fake_training`, which has no torch, instead of a training."""
    monkeypatch.setenv("VITLAB_TRAINER", "tests.fake_training")  # in processes
    monkeypatch.setattr(supervisor, "TRAINER", "tests.fake_training")  # in this one
