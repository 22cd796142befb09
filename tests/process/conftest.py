from __future__ import annotations

import functools

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


@pytest.fixture(scope="session")
def uninterrupted(colors, tmp_path_factory):
    """A function from a model's name to its reference training, made once in each process of pytest."""
    from tests.small_trainings import reference_config
    from vitcore.training import train

    place = tmp_path_factory.mktemp("uninterrupted")

    @functools.cache
    def trained(model):
        return train(reference_config(colors, model), runs_dir=place, progress=False)

    return lambda model="vit": trained(model)
