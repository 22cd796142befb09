"""The rehearsal's process: what it says, and that nothing of it outlives the visitor's session."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import psutil
import pytest

from dashboard.training import rehearsal
from dashboard.training.rehearsal import TOO_LONG, Child
from tests.waiting import until
from vitcore.config import dump_config, make_config


@pytest.fixture
def child():
    """A rehearsal of complete CIFAR-10's size, seconds away from its end."""
    child = Child("a", dump_config(make_config("quick", model="vit", device="cpu")))
    yield child
    child.end()


def test_rehearsal_ends_and_leaves_no_file_when_its_session_is_gone():
    child = Child("a", dump_config(make_config("quick", model="vit", device="cpu")))
    pid, place = child.process.pid, child.place
    assert psutil.pid_exists(pid)
    assert (place / "config.yaml").is_file()
    del child
    gc.collect()
    assert not psutil.pid_exists(pid)
    assert not place.exists()


def test_cancel_in_one_session_keeps_the_rehearsal_of_another(child, monkeypatch):
    other = Child("a", dump_config(make_config("quick", model="vit", device="cpu")))
    state = SimpleNamespace(session_state={"rehearsal": other})
    monkeypatch.setattr(rehearsal, "st", state)
    rehearsal._cancel()
    assert state.session_state == {}
    assert not other.going
    assert not other.place.exists()
    assert child.going
    assert child.place.exists()


def test_rehearsal_has_a_time_limit_without_a_viewer(monkeypatch):
    monkeypatch.setattr(rehearsal, "LIMIT_S", 0.3)
    child = Child("a", dump_config(make_config("quick", model="vit", device="cpu")))
    until(lambda: not child.going, 20)
    assert child.words() == (False, TOO_LONG)
    child.end()


def test_errors_of_the_training_are_reported():
    config = make_config("quick", model="vit", device="cpu", data="folder:/nowhere/at-all")
    child = Child("a", dump_config(config))
    until(lambda: not child.going)
    assert child.words() == (False, "There is no folder /nowhere/at-all.")
    child.end()
