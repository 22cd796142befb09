"""Runs that wait on a machine which is gone can be trained on another one."""

from __future__ import annotations

import os
import time

import pytest

from tests.apptests import open_app
from tests.command_line import check_refused, run
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch, order
from vitcore.queue.supervisor import HEARTBEAT_S, Supervisor, lock_path
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.status import SILENCE_S, Status

ELSEWHERE = {"host": "other-host", "boot_id": "another boot"}


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """Return the folders for which a supervisor would have been started."""
    homes = []
    monkeypatch.setattr(launch, "ensure_supervisor", homes.append)
    return homes


def queued(age: float = 1000.0, **values):
    when = time.time() - age
    return create_run(
        make_config(), status=Status(state="queued", created=when, queued=when, **{**ELSEWHERE, **values})
    )


def other_supervisor(age: float):
    """Leave the lock file of a supervisor on the other machine, last touched `age` seconds ago."""
    lock = lock_path(runs_dir(), ELSEWHERE["boot_id"])
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)


@pytest.mark.parametrize("age", [None, SILENCE_S + 5])
def test_run_of_a_vanished_machine_joins_the_queue_here(age, started):
    waiting = queued(wanted="cuda:7")
    if age is not None:
        other_supervisor(age)
    assert order.waiting(runs_dir()) == []
    done = run("take-over", waiting.id)
    assert (done.returncode, done.stderr) == (0, "")
    status = waiting.read_status()
    assert order.waiting(runs_dir()) == [waiting]
    assert (status.host, status.boot_id, status.wanted) == (process.hostname(), process.boot_id(), None)
    assert status.state == "queued"
    assert started == [runs_dir()]


def test_run_of_a_machine_at_work_is_not_taken_over(started):
    waiting = queued()
    other_supervisor(SILENCE_S - 30)
    check_refused(run("take-over", waiting.id), waiting.id, "other-host")
    assert waiting.read_status().host == "other-host"
    assert not started


def test_run_that_was_queued_a_moment_ago_is_not_taken_over():
    with pytest.raises(UserError, match="other-host"):
        launch.take_over(queued(age=5.0))


@pytest.mark.parametrize("values", [{"host": process.hostname()}, {"boot_id": process.boot_id()}])
def test_run_that_waits_here_is_not_taken_over(values):
    with pytest.raises(UserError, match="queued here"):
        launch.take_over(queued(**values))


def test_run_that_has_ended_is_not_taken_over():
    waiting = queued()
    waiting.write_status(waiting.read_status().model_copy(update={"state": "stopped"}))
    check_refused(run("take-over", waiting.id), "stopped")


def test_supervisor_touches_its_lock_file():
    queued()
    lock_path(runs_dir()).touch()
    supervisor = Supervisor(runs_dir(), devices=list)
    for elapsed, touched in ((0.0, True), (HEARTBEAT_S / 2, False), (HEARTBEAT_S, True)):
        supervisor._beaten = time.monotonic() - elapsed if elapsed else supervisor._beaten
        os.utime(lock_path(runs_dir()), (1.0, 1.0))
        supervisor.tick()
        assert (lock_path(runs_dir()).stat().st_mtime > 1.0) is touched


def test_page_offers_to_train_an_abandoned_run_here(started):
    waiting = queued()
    app = open_app("training", watch=waiting.id)
    app.button(key="take_over").click().run()
    assert not app.exception
    assert order.waiting(runs_dir()) == [waiting]
    assert not [button for button in app.button if button.key == "take_over"]


def test_draft_that_a_crash_left_is_not_the_run_that_was_just_launched():
    draft = launch.launch(make_config())
    draft.path.rename(runs_dir() / ".new-abc")
    found = launch.launch(make_config(), dedupe_s=60.0)
    assert found.path.name != ".new-abc"
    assert launch.launch(make_config(), dedupe_s=60.0) == found
