"""Fixtures of the tests that start processes and trainings."""

from __future__ import annotations

import functools

import psutil
import pytest

from vitcore.paths import runs_dir


@pytest.fixture(autouse=True)
def kill_processes():
    yield
    for found in psutil.process_iter(["cmdline"]):
        if str(runs_dir()) in " ".join(found.info["cmdline"] or []):
            found.kill()


@pytest.fixture
def fake_trainer(monkeypatch):
    """Make supervisors start `tests.fake_training`, which has no torch, instead of a training."""
    monkeypatch.setenv("VITLAB_TRAINER", "tests.fake_training")  # in child processes


@pytest.fixture(scope="session")
def uninterrupted(colors, tmp_path_factory):
    """Return a function that gives the finished reference training of a model. Each is trained once."""
    from tests.small_trainings import reference_config
    from vitcore.training import train

    folder = tmp_path_factory.mktemp("uninterrupted")

    @functools.cache
    def trained(model):
        return train(reference_config(colors, model), runs_dir=folder, progress=False)

    return lambda model="vit": trained(model)
