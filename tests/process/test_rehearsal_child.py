"""The process of a rehearsal: its outcome, and its end with the session."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import psutil
import pytest

from dashboard.training import rehearsal
from dashboard.training.rehearsal import rehearse
from tests.waiting import until
from vitcore.config import dump_config, make_config


@pytest.fixture
def config():
    """Return a configuration whose rehearsal takes seconds."""
    return dump_config(make_config("quick", model="vit", device="cpu"))


@pytest.fixture
def running(config):
    """Return a running rehearsal."""
    running = rehearse("a", config)
    yield running
    running.child.cancel()


def test_process_and_files_end_when_the_session_forgets_the_rehearsal(config):
    forgotten = rehearse("a", config)
    pid, folder = forgotten.child.process.pid, forgotten.child.folder
    assert psutil.pid_exists(pid)
    assert (folder / "config.yaml").is_file()
    del forgotten
    gc.collect()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def test_cancel_leaves_the_rehearsals_of_other_visitors_alone(running, config, monkeypatch):
    other = rehearse("a", config)
    state = SimpleNamespace(session_state={"rehearsal": other})
    monkeypatch.setattr(rehearsal, "st", state)
    rehearsal._cancel()
    assert state.session_state == {}
    assert not other.child.running
    assert not other.child.folder.exists()
    assert running.child.running
    assert running.child.folder.exists()


def test_time_limit_ends_with_advice(config, monkeypatch):
    monkeypatch.setattr(rehearsal, "LIMIT_S", 0.3)
    late = rehearse("a", config)
    until(lambda: not late.child.running, 20)
    success, text = late.outcome()
    assert not success
    assert "0.3" in text


def test_refused_configuration_is_reported_in_a_sentence():
    config = make_config("quick", model="vit", device="cpu", data="folder:/nowhere/at-all")
    refused = rehearse("a", dump_config(config))
    until(lambda: not refused.child.running)
    success, text = refused.outcome()
    assert not success
    assert "/nowhere/at-all" in text
