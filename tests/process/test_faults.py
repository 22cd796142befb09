"""The queue under faults, with a fake trainer: killed and unresponsive processes, simultaneous launches."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.process.trainings import LONG, config, processes, supervisors, wait_for, wait_until_training
from tests.waiting import until
from vitcore.config import dump_config
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.queue import order as queue
from vitcore.queue import supervisor
from vitcore.queue.devices import Device
from vitcore.queue.supervisor import Supervisor
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.status import Status

pytestmark = pytest.mark.usefixtures("fake_trainer")


def kill_supervisor():
    for found in supervisors():
        found.kill()
        with contextlib.suppress(psutil.TimeoutExpired):
            found.wait(5)


def test_next_supervisor_adopts_the_running_training(colors):
    run = background.launch(config(colors, LONG))
    waiting = background.launch(config(colors))
    pid = wait_until_training(run).pid
    kill_supervisor()
    background.wake()
    until(supervisors)
    wait_until_training(run, beyond=run.status().step + 40)  # several ticks of the new supervisor
    assert len(processes("tests.fake_training", run.id)) == 1
    assert run.status().pid == pid
    assert waiting.status().state == "queued"
    os.kill(pid, signal.SIGKILL)  # not its child, but it notices the end and frees the slot
    assert wait_for(run, "failed", seconds=10)
    assert wait_for(waiting, "finished").reason == ""


def test_reused_pid_is_marked_lost_and_not_killed(colors):
    run = background.launch(config(colors, LONG))
    pid = wait_until_training(run).pid
    kill_supervisor()
    os.kill(pid, signal.SIGKILL)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    try:
        status = run.stored_status()
        earlier = {"pid": stranger.pid, "process_start": status.process_start - 60}
        reused = status.model_copy(update=earlier)
        assert reused.state == "running"
        run.write_status(reused)
        assert run.status().state == "lost"
        with pytest.raises(UserError):
            background.stop(run, now=True)
        run.stop_request.write_text("abort")  # requested before the processes were killed
        Supervisor(runs_dir()).tick()
        assert stranger.poll() is None
        assert run.stored_status().state in ("lost", "stopped")
    finally:
        stranger.kill()
        stranger.wait()
    background.resume(run)
    wait_for(run, "running")
    background.stop(run)
    wait_for(run, "stopped")


def test_stop_now_does_not_save_and_resumes_from_the_last_checkpoint(colors):
    run = background.launch(config(colors, LONG))
    wait_until_training(run)
    until(run.last.exists)
    background.stop(run, now=True)
    ended = wait_for(run, "stopped", seconds=10)
    assert "without saving" in ended.reason
    background.resume(run)
    wait_for(run, "running")
    wait_until_training(run, beyond=ended.step)
    background.stop(run)
    assert "without saving" not in wait_for(run, "stopped").reason


def test_unresponsive_training_is_terminated_then_killed(colors):
    run = background.launch(config(colors, LONG))
    pid = wait_until_training(run).pid
    kill_supervisor()
    os.kill(pid, signal.SIGSTOP)  # it hangs
    background.stop(run)
    kill_supervisor()  # it has longer limits
    assert re.search(r"\d s\b", run.status().reason)  # the time until it is terminated
    impatient = Supervisor(runs_dir(), limits=(1.0, 1.0))
    start = time.monotonic()
    until(lambda: not impatient.tick(), 10)
    status = run.stored_status()
    assert status.state == "stopped"
    assert "killed" in status.reason
    assert time.monotonic() - start >= 1.0
    assert not process.alive(pid, status.process_start)


def test_device_is_freed_only_when_the_process_is_gone(colors, tmp_path):
    """A process may hang after it has written `finished`."""
    run, waiting = create_run(config(colors)), create_run(config(colors))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    now = process.identity() | {"pid": child.pid, "process_start": process.start_time(child.pid)}
    run.write_status(Status(state="finished", slots=["cpu"], ended=time.time(), **now))
    patient = Supervisor(runs_dir(), limits=(1.0, 2.0))
    patient.children[run.id] = child
    try:
        patient.tick()
        assert waiting.status().state == "queued"
        until(lambda: patient.tick() and waiting.status().state == "running", 20)
        assert child.poll() is not None
        assert run.stored_status().state == "finished"
    finally:
        child.kill()


def test_two_gpus_train_two_runs_each_restricted_to_its_own(colors, monkeypatch):
    gpus = [Device("cuda:GPU-aa", "cuda", "", 8, 0), Device("cuda:GPU-bb", "cuda", "", 8, 4)]
    devices = [*gpus, Device("cpu", "cpu", "")]
    detached = supervisor._detached

    def print_devices(command, log, **environment):
        code = "import os, time; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); time.sleep(100)"
        return detached([sys.executable, "-c", code, command[-1]], log, **environment)

    monkeypatch.setattr(supervisor, "_detached", print_devices)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cuda = config(colors).model_copy(update={"device": "cuda"})
    runs = [create_run(c) for c in (cuda, cuda, cuda, config(colors))]
    for at, run in enumerate(runs):
        run.write_status(run.stored_status().model_copy(update={"queued": at + 1.0}))
    watcher = Supervisor(runs_dir(), devices=lambda: devices)
    watcher.tick()
    assert [run.stored_status().slots for run in runs] == [["cuda:GPU-aa"], ["cuda:GPU-bb"], [], ["cpu"]]
    until(lambda: all(runs[i].log.exists() and runs[i].log.read_text() for i in (0, 1, 3)))
    assert [runs[i].log.read_text().strip() for i in (0, 1, 3)] == ["GPU-aa", "GPU-bb", "None"]
    watcher.children[runs[1].id].kill()
    until(lambda: watcher.tick() and runs[2].stored_status().slots == ["cuda:GPU-bb"])
    gone = create_run(cuda, status=Status(state="queued", created=time.time(), wanted="cuda:GPU-cc"))
    watcher.tick()
    assert "no device cuda:GPU-cc" in gone.stored_status().reason
    for child in watcher.children.values():
        child.kill()
        child.wait()


def test_queued_run_can_be_moved(colors):
    first, *waiting = (background.launch(config(colors, epochs)) for epochs in (LONG, 1, 1, 1))
    wait_until_training(first)
    a, b, c = (run.id for run in waiting)
    order = lambda: [run.id for run in queue.waiting(runs_dir())]  # noqa: E731
    assert order() == [a, b, c]
    for run, to, then in [
        (2, "first", [c, a, b]),
        (0, "down", [c, b, a]),
        (0, "up", [c, a, b]),
        (2, "last", [a, b, c]),
        (2, "down", [a, b, c]),
        (0, "up", [a, b, c]),
        (1, "first", [b, a, c]),
    ]:
        queue.move(waiting[run], to)
        assert order() == then
    with pytest.raises(UserError):
        queue.move(first, "up")
    for run in waiting[:1] + waiting[2:]:
        background.stop(run)
    background.stop(first)
    assert wait_for(waiting[1], "finished").started


def test_two_simultaneous_identical_launches_create_one_run(colors):
    code = (
        "import sys; from vitcore.config import read_config; from vitcore.queue.launch import launch\n"
        "print(launch(read_config(sys.argv[1]), dedupe_s=30.0).id)"
    )
    place = runs_dir().parent / "wanted.yaml"
    place.write_text(dump_config(config(colors)))
    both = [subprocess.Popen([sys.executable, "-c", code, place], stdout=subprocess.PIPE) for _ in range(2)]
    ids = {run.communicate()[0] for run in both}
    assert len(ids) == 1
    assert len(list_runs(bundled=False)) == 1
    again = background.launch(config(colors, 2), dedupe_s=30.0)  # other settings are another run
    assert len(list_runs(bundled=False)) == 2
    background.stop(again)
    anew = background.launch(config(colors, 2), dedupe_s=30.0)  # a launch after a stop is intended
    assert anew != again
    background.stop(anew)


@pytest.mark.slow
def test_twenty_simultaneous_launches_train_one_by_one_in_order(colors):
    place = runs_dir().parent / "wanted.yaml"
    place.write_text(dump_config(config(colors)))
    command = [sys.executable, "-m", "vitcore", "launch", "--config", place]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(20)]
    assert all(visitor.wait() == 0 for visitor in crowd)
    runs = list_runs(bundled=False)
    assert len({run.id for run in runs}) == 20
    ended = sorted((wait_for(run, "finished", "failed", seconds=600) for run in runs), key=lambda s: s.queued)
    assert {status.state for status in ended} == {"finished"}
    for before, after in itertools.pairwise(ended):
        assert before.ended <= after.started


def test_killed_process_without_oom_kill_is_not_reported_as_out_of_memory(colors):
    run = background.launch(config(colors, LONG))
    os.kill(wait_until_training(run).pid, signal.SIGKILL)
    until(lambda: "signal 9" in run.stored_status().reason)
    assert "memory" not in run.stored_status().reason


def test_run_with_malformed_configuration_fails_and_the_queue_continues(colors):
    torn, good = (create_run(resolve(config(colors))) for _ in range(2))
    (torn.path / "config.yaml").write_text("model: [vi")
    background.wake()
    assert "config.yaml" in wait_for(torn, "failed", seconds=15).reason
    assert wait_for(good, "finished")
