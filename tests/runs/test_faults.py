"""Faults for real: killed processes, a full disk, too little memory, who does not listen, a crowd."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.runs.trainings import LONG, config, supervisors, wait_for, wait_until_training
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
from vitcore.runs.folder import Status, create_run, list_runs


def trainings(run):
    """The processes that train this run."""
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if "-m vitcore.training " in line and line.endswith(str(run.path))]


def kill_supervisor():
    for found in psutil.process_iter(["cmdline"]):
        line = " ".join(found.info["cmdline"] or [])
        if "vitcore.queue.supervisor" in line and str(runs_dir()) in line:
            found.kill()
            with contextlib.suppress(psutil.TimeoutExpired):
                found.wait(5)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


@pytest.mark.slow
def test_the_next_supervisor_finds_the_training_again_and_starts_no_second_child(colours):
    run = background.launch(config(colours, LONG))
    waiting = background.launch(config(colours))
    pid = wait_until_training(run).pid
    kill_supervisor()
    step = run.status().step
    background.wake()
    until(supervisors)
    until(lambda: run.status().step > step)
    time.sleep(2.0)  # some rounds of the new one
    assert len(trainings(run)) == 1
    assert run.status().pid == pid
    assert waiting.status().state == "queued"
    os.kill(pid, signal.SIGKILL)  # not its child: it sees it go all the same, and the slot is free
    assert wait_for(run, "failed", seconds=10)
    assert wait_for(waiting, "finished").reason == ""


def test_a_number_that_is_somebody_elses_by_now_is_lost_and_its_owner_unharmed(colours):
    run = background.launch(config(colours, LONG))
    pid = wait_until_training(run).pid
    kill_supervisor()
    os.kill(pid, signal.SIGKILL)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    try:
        reused = run.stored_status().model_copy(update={"pid": stranger.pid})
        assert reused.state == "running"
        run.write_status(reused)
        assert run.status().state == "lost"
        with pytest.raises(UserError, match="nothing to stop"):
            background.stop(run, now=True)
        run.stop_request.write_text("abort")  # somebody pressed it before all was killed
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


def test_ended_at_once_it_does_not_save_and_resumes_from_the_last_checkpoint(colours):
    run = background.launch(config(colours, LONG))
    wait_until_training(run)
    until(run.last.exists)
    background.stop(run, now=True)
    ended = wait_for(run, "stopped", seconds=10)
    assert ended.reason.startswith("ended at once on request")
    background.resume(run)
    wait_for(run, "running")
    until(lambda: run.status().step > ended.step)
    background.stop(run)
    assert wait_for(run, "stopped").reason == "stopped on request"


def test_a_training_that_does_not_listen_is_terminated_and_killed(colours):
    run = background.launch(config(colours, LONG))
    pid = wait_until_training(run).pid
    kill_supervisor()
    os.kill(pid, signal.SIGSTOP)  # it hangs
    background.stop(run)
    kill_supervisor()  # the one with the long limits
    assert "terminated in" in run.status().reason
    impatient = Supervisor(runs_dir(), limits=(1.0, 1.0))
    began = time.monotonic()
    while impatient.tick():
        assert time.monotonic() - began < 10
        time.sleep(0.1)
    status = run.stored_status()
    assert status.state == "stopped"
    assert "after it was asked to stop" in status.reason
    assert time.monotonic() - began >= 1.0
    assert not process.alive(pid, status.process_start)


def test_a_slot_is_free_when_the_process_is_gone_not_when_it_says_so(colours, tmp_path):
    """Also by whoever has written `finished` and hangs."""
    run, waiting = create_run(config(colours)), create_run(config(colours))
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


def test_two_gpus_train_two_runs_each_confined_to_its_own(colours, monkeypatch):
    gpus = [Device("cuda:GPU-aa", "cuda", "", 8, 0), Device("cuda:GPU-bb", "cuda", "", 8, 4)]
    there = [*gpus, Device("cpu", "cpu", "")]
    start = supervisor._detached

    def tells(command, log, **environment):
        code = "import os, time; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); time.sleep(100)"
        return start([sys.executable, "-c", code, command[-1]], log, **environment)

    monkeypatch.setattr(supervisor, "_detached", tells)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cuda = config(colours).model_copy(update={"device": "cuda"})
    runs = [create_run(c) for c in (cuda, cuda, cuda, config(colours))]
    for at, run in enumerate(runs):
        run.write_status(run.stored_status().model_copy(update={"queued": at + 1.0}))
    watcher = Supervisor(runs_dir(), devices=lambda: there)
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


def test_a_waiting_run_is_moved(colours):
    first, *waiting = (background.launch(config(colours, epochs)) for epochs in (LONG, 1, 1, 1))
    wait_until_training(first)
    a, b, c = (run.id for run in waiting)
    order = lambda: [run.id for run in queue.waiting(runs_dir())]  # noqa: E731
    assert order() == [a, b, c]
    for run, to, then in [(2, "first", [c, a, b]), (0, "down", [c, b, a]), (0, "up", [c, a, b]),
                          (2, "last", [a, b, c]), (2, "down", [a, b, c]), (0, "up", [a, b, c]),
                          (1, "first", [b, a, c])]:  # fmt: skip
        queue.move(waiting[run], to)
        assert order() == then
    with pytest.raises(UserError, match="only a queued run"):
        queue.move(first, "up")
    for run in waiting[:1] + waiting[2:]:
        background.stop(run)
    background.stop(first)
    assert wait_for(waiting[1], "finished").started


def test_the_same_launch_by_two_at_once_is_one_run(colours):
    code = (
        "import sys; from vitcore.config import read_config; from vitcore.queue.launch import launch\n"
        "print(launch(read_config(sys.argv[1]), dedupe_s=30.0).id)"
    )
    place = runs_dir().parent / "wanted.yaml"
    place.write_text(dump_config(config(colours)))
    both = [subprocess.Popen([sys.executable, "-c", code, place], stdout=subprocess.PIPE) for _ in range(2)]
    ids = {one.communicate()[0] for one in both}
    assert len(ids) == 1
    assert len(list_runs(bundled=False)) == 1
    again = background.launch(config(colours, 2), dedupe_s=30.0)  # other settings are another run
    assert len(list_runs(bundled=False)) == 2
    background.stop(again)
    anew = background.launch(config(colours, 2), dedupe_s=30.0)  # who stopped it and launches it means it
    assert anew != again
    background.stop(anew)


@pytest.mark.slow
def test_twenty_launches_at_once_train_one_after_the_other_in_their_order(colours):
    place = runs_dir().parent / "wanted.yaml"
    place.write_text(dump_config(config(colours)))
    command = [sys.executable, "-m", "vitcore", "launch", "--config", place]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(20)]
    assert all(one.wait() == 0 for one in crowd)
    runs = list_runs(bundled=False)
    assert len({run.id for run in runs}) == 20
    ended = sorted((wait_for(run, "finished", "failed", seconds=600) for run in runs), key=lambda s: s.queued)
    assert {status.state for status in ended} == {"finished"}
    for before, after in itertools.pairwise(ended):
        assert before.ended <= after.started


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "none", place], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    for found in psutil.process_iter(["cmdline"]):
        if str(place) in " ".join(found.info["cmdline"] or []):
            found.kill()
            found.wait(10)
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_a_run_with_its_reason_and_the_checkpoint_of_before_goes_on(
    colours, small_disk, monkeypatch
):
    monkeypatch.setenv("VITLAB_RUNS", str(small_disk / "runs"))
    run = background.launch(config(colours, LONG))
    wait_until_training(run)
    until(run.last.exists)
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb") as filler:
        while True:
            filler.write(b"\0" * 4096)
            filler.flush()
    status = wait_for(run, "failed", seconds=30)
    assert status.reason == "the disk is full: make room and resume"
    with pytest.raises(UserError, match="MB free and a run needs"):
        background.launch(config(colours))
    assert [r.id for r in list_runs(bundled=False)] == [run.id]
    (small_disk / "filler").unlink()
    step = run.stored_status().step
    background.resume(run)
    until(lambda: run.status().step > step)
    background.stop(run)
    assert wait_for(run, "stopped").reason == "stopped on request"


@pytest.fixture
def small_memory():
    """A control group that may have 200 MB; yields the file that takes the numbers of its processes."""
    for parent, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        place = Path("/sys/fs/cgroup") / parent / f"vitlab-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            place.mkdir()
            if (place / limit).exists():
                (place / limit).write_text(str(200 * 2**20))
                yield place / "cgroup.procs"
                until(lambda place=place: not (place / "cgroup.procs").read_text().split(), 10)
                place.rmdir()
                return
            place.rmdir()
    pytest.skip("no control group can be made here")


def test_a_training_that_the_system_kills_for_its_memory_says_so(colours, small_memory):
    run = create_run(config(colours))
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "from vitcore.queue.supervisor import Supervisor\nfrom pathlib import Path\nimport time\n"
        "watcher = Supervisor(Path(sys.argv[2]))\nwhile watcher.tick(): time.sleep(0.2)"
    )
    subprocess.run([sys.executable, "-c", code, small_memory, runs_dir()], check=True, timeout=60)
    status = run.stored_status()
    assert status.state == "failed"
    assert status.reason.startswith("out of memory: the system killed it; choose a smaller batch_size")


def test_a_process_that_was_killed_alone_did_not_lack_memory(colours):
    run = background.launch(config(colours, LONG))
    os.kill(wait_until_training(run).pid, signal.SIGKILL)
    until(lambda: "signal 9" in run.stored_status().reason)
    assert "memory" not in run.stored_status().reason


def test_a_run_whose_configuration_is_torn_fails_with_a_sentence_and_the_queue_goes_on(colours):
    torn, good = (create_run(resolve(config(colours))) for _ in range(2))
    (torn.path / "config.yaml").write_text("model: [vi")
    background.wake()
    assert "not a valid YAML file" in wait_for(torn, "failed", seconds=15).reason
    assert wait_for(good, "finished")


HOSTILE = ["../x", "/etc", "a" * 5000, "ünïcode-💥", "x\0y", "..", ".", "", "-rf", "%2e%2e", "runs/../.."]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command", [["delete"], ["describe", "--title", "x"], ["stop"], ["launch", "--resume"], ["move"]]
)
def test_hostile_names_get_a_sentence_and_change_nothing(name, command, tmp_path, monkeypatch, capsys):
    from vitcore.__main__ import main

    bystander = tmp_path / "x"
    bystander.mkdir()
    (bystander / "notes.txt").write_text("not a run")
    create_run(config(tmp_path), tmp_path / "runs", status=Status(state="stopped"))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    more = ["first"] if command == ["move"] else []
    monkeypatch.chdir(tmp_path / "runs")
    monkeypatch.setattr(sys, "argv", ["vitcore", *command, name, *more])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file() and p.name != ".queue.lock"}
    assert after == before
