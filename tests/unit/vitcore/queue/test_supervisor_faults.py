"""The supervisor among damaged runs: every other run gets its device, and none gets one that is taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from tests.unit.vitcore.test_reading import CONFIGS
from vitcore.config import make_config
from vitcore.paths import runs_dir
from vitcore.queue import order, supervisor
from vitcore.queue.devices import Device
from vitcore.queue.supervisor import Supervisor, lock_path
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.status import Status

CPU = Device("cpu", "cpu", "a CPU")


@pytest.fixture
def started(monkeypatch):
    """The ids of the runs that a supervisor starts, without any process."""
    ids: list[str] = []
    monkeypatch.setattr(Supervisor, "_start", lambda self, run, keys: ids.append(run.id))
    return ids


def queued(title: str, when: float = 1000.0):
    return create_run(make_config(), title=title, status=Status(state="queued", created=when, queued=when))


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS)
def test_a_queued_run_with_a_damaged_configuration_fails_and_the_next_one_starts(started, content):
    damaged, sound = queued("damaged"), queued("sound", 2000.0)
    (damaged.path / "config.yaml").write_text(content, encoding="utf-8", errors="surrogatepass")
    Supervisor(runs_dir(), devices=lambda: [CPU]).tick()
    assert started == [sound.id]
    assert damaged.stored_status().state == "failed"
    assert damaged.stored_status().reason


def test_a_training_whose_status_is_torn_for_a_moment_keeps_its_device(started):
    running, waiting = queued("running"), queued("waiting", 2000.0)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    alive = process.identity() | {"pid": child.pid, "process_start": process.start_time(child.pid)}
    status = Status(state="running", slots=["cpu"], heartbeat=time.time(), **alive)
    running.write_status(status)
    supervisor = Supervisor(runs_dir(), devices=lambda: [CPU])
    try:
        with FileLock(running.path / ".lock"):  # as the training holds it
            supervisor.tick()
            assert started == []
            (running.path / "status.json").write_text('{"state": "runn')
            supervisor.tick()
            assert started == []
            Supervisor(runs_dir(), devices=lambda: [CPU]).tick()  # one that has never read the status
            assert started == []
            running.write_status(status)
            supervisor.tick()
            assert started == []
        (running.path / "status.json").write_text('{"state": "runn')
        supervisor.tick()
        assert started == [waiting.id]
    finally:
        child.kill()
        child.wait()


def test_a_run_that_cannot_be_started_does_not_keep_the_next_one_waiting(monkeypatch):
    bad, good = queued("bad"), queued("good", 2000.0)
    ids = []

    def start(self, run, keys):
        if run.id == bad.id:
            raise PermissionError(13, "Permission denied")
        ids.append(run.id)

    monkeypatch.setattr(Supervisor, "_start", start)
    supervisor = Supervisor(runs_dir(), devices=lambda: [CPU])
    supervisor.tick()
    supervisor.tick()
    assert ids == [good.id]


def test_stray_files_and_folders_are_no_runs(started):
    sound = queued("sound")
    (runs_dir() / "notes.txt").write_text("x")
    (runs_dir() / "folder" / "status.json").mkdir(parents=True)
    (runs_dir() / "binary").mkdir()
    (runs_dir() / "binary" / "status.json").write_bytes(b"\xff\xfe\0\0")
    (runs_dir() / "loop").symlink_to(runs_dir() / "loop")
    (sound.path / "stop.request").mkdir()
    Supervisor(runs_dir(), devices=lambda: [CPU]).tick()
    assert started == [sound.id]


@pytest.mark.parametrize("saved", [False, True])
def test_reason_of_a_killed_run_says_whether_it_can_be_resumed(saved):
    run = queued("killed")
    if saved:
        run.last.touch()
    status = run.stored_status().model_copy(update={"oom_kills": process.oom_kills()})
    supervisor = Supervisor(runs_dir(), devices=lambda: [CPU])
    reasons = [supervisor._outcome(run, status, status, -9)["reason"]]
    run.stop_request.touch()
    reasons.append(supervisor._outcome(run, status, status, -9)["reason"])
    run.stop_request.write_text("abort")
    reasons.append(supervisor._outcome(run, status, status, -15)["reason"])
    note = run.resume_note
    run.last.unlink() if saved else run.last.touch()
    assert note != run.resume_note
    assert all(note in reason.lower() for reason in reasons)


def test_a_log_that_is_a_pipe_fails_its_run_and_the_supervisor_does_not_wait():
    piped = queued("piped")
    os.mkfifo(piped.log)
    Supervisor(runs_dir(), devices=lambda: [CPU]).tick()
    status = piped.stored_status()
    assert status.state == "failed"
    assert str(piped.log) in status.reason


def test_the_lock_is_free_at_the_last_look_at_the_queue(monkeypatch):
    """A process that queues a run before this look finds no supervisor, and starts one."""
    runs_dir().mkdir(parents=True)
    looks = []

    def waiting(home):
        with FileLock(lock_path(home), timeout=0):
            looks.append(home)
        return []

    monkeypatch.setattr(supervisor, "IDLE_S", 0.0)
    monkeypatch.setattr(order, "waiting", waiting)
    supervisor.main(runs_dir())
    assert looks == [runs_dir()]
