"""The order of the queue, its lock, and runs that belong to another machine."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.waiting import until
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch, order
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.status import LATEST, Status


def queue(count: int, *, apart: float = 1.0):
    return [
        create_run(make_config(), status=Status(state="queued", created=1000.0, queued=1000.0 + apart * i))
        for i in range(count)
    ]


@pytest.mark.parametrize("apart", [1.0, 0.0, 1e-7])
def test_moves_equal_those_of_a_list(apart):
    runs, draw = queue(6, apart=apart), random.Random(0)
    expected = order.waiting(runs_dir())
    for _ in range(120):
        run, to = draw.choice(runs), draw.choice(["first", "up", "down", "last"])
        at = expected.index(run)
        expected.remove(run)
        expected.insert({"first": 0, "up": max(0, at - 1), "down": at + 1, "last": len(expected)}[to], run)
        order.move(run, to)
        assert order.waiting(runs_dir()) == expected


def test_moving_a_run_writes_one_status_only(monkeypatch):
    runs, written = queue(50), []
    monkeypatch.setattr(
        "vitcore.runs.folder.write_atomic", lambda path, data: written.append(path) or path.write_text(data)
    )
    order.move(runs[-1], "first")
    order.move(runs[10], "up")
    assert [path.parent for path in written] == [runs[-1].path, runs[10].path]


def test_a_stopped_process_that_holds_the_lock_gives_a_sentence_and_not_an_endless_wait(monkeypatch):
    (run,) = queue(1)
    monkeypatch.setattr(order, "LOCK_S", 0.2)
    hold = (
        "import sys, time; from pathlib import Path; from vitcore.queue import order\n"
        "with order.lock(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(runs_dir())], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=r"queue"):
            order.move(run, "first")
    finally:
        holder.kill()
        holder.communicate()
    until(lambda: order.move(run, "first") is None, 20)


def test_a_new_host_name_leaves_the_machines_runs_its_own(monkeypatch):
    run = create_run(
        make_config(), status=Status(state="queued", host=process.hostname(), boot_id=process.boot_id())
    )
    monkeypatch.setattr(process, "hostname", lambda: "another-name")
    assert order.waiting(runs_dir()) == [run]
    monkeypatch.setattr(process, "boot_id", lambda: "another-boot")
    assert order.waiting(runs_dir()) == []


def test_all_active_runs_are_stopped_the_last_in_the_queue_first():
    first, ended, last = queue(3)
    launch.stop(ended)
    assert launch.stop_all([first, ended, last]) == [(last, "queued"), (first, "queued")]
    assert [run.status().state for run in (first, ended, last)] == ["stopped"] * 3
    assert launch.stop_all([first, ended, last]) == []


def test_run_that_ends_meanwhile_does_not_keep_the_others_from_being_stopped(monkeypatch):
    first, last = queue(2)
    stop = launch.stop

    def ends_meanwhile(run):
        if run == last:
            stop(run)
        stop(run)

    monkeypatch.setattr(launch, "stop", ends_meanwhile)
    assert launch.stop_all([first, last]) == [(first, "queued")]


def test_active_run_that_cannot_be_stopped_is_an_error(monkeypatch):
    def refuse(run):
        raise UserError(f"{run.id} cannot be written.")

    (run,) = queue(1)
    monkeypatch.setattr(launch, "stop", refuse)
    with pytest.raises(UserError, match=run.id):
        launch.stop_all([run])


@pytest.mark.parametrize("when", [0.0, LATEST])
@pytest.mark.parametrize("to", ["first", "up", "down", "last"])
def test_moving_next_to_a_run_of_a_wrong_clock_keeps_all_runs_in_the_queue(when, to):
    """A clock that starts in 1970, or a status from elsewhere, has times at the bounds."""
    runs = [create_run(make_config(), status=Status(state="queued", queued=when)) for _ in range(3)]
    ordered = order.waiting(runs_dir())
    for run in runs:
        order.move(run, to)
        ordered = order.waiting(runs_dir())
        assert len(ordered) == 3
    assert to not in ("first", "last") or runs[-1] == ordered[{"first": 0, "last": -1}[to]]
