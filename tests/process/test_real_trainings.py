"""Background trainings that need the real trainer: launch, kill, signals, faults."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.process.trainings import LONG, config, wait_for, wait_until_training
from tests.waiting import until
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs


def test_launch_returns_before_the_training_starts_and_the_run_finishes(colors):
    run = background.launch(config(colors), title="In the background")
    assert run.stored_status().step == 0
    status = wait_for(run, "finished", "failed")
    assert status.state == "finished", run.log.read_text()
    assert "val_acc" in run.log.read_text()
    assert run.title == "In the background"


def test_killed_training_is_failed_within_ten_seconds_and_resumes(colors):
    run = background.launch(config(colors, LONG))
    status = wait_until_training(run)
    until(run.last.exists)
    os.kill(status.pid, signal.SIGKILL)
    step = wait_for(run, "failed", seconds=10).step
    until(lambda: "signal 9" in run.status().reason, 10)  # only the supervisor knows the signal
    background.resume(run)
    wait_until_training(run, beyond=step)
    background.stop(run)
    assert wait_for(run, "stopped").reason == "stopped on request"


def test_training_has_low_priority_and_saves_when_terminated(colors):
    run = background.launch(config(colors, LONG))
    pid = wait_until_training(run).pid
    assert psutil.Process(pid).nice() > psutil.Process().nice()
    weight = Path(f"/proc/{pid}/autogroup")  # of its session, if the system groups them
    assert not weight.exists() or "nice 10" in weight.read_text(encoding="utf-8")
    os.kill(pid, signal.SIGTERM)
    assert wait_for(run, "stopped").reason == "stopped on request"
    assert run.last.is_file()


def test_run_with_missing_data_fails_and_names_the_folder(colors, tmp_path):
    place = tmp_path / "gone"
    shutil.copytree(colors, place)
    run = create_run(resolve(config(place)))
    shutil.rmtree(place)
    background.wake()
    assert str(place) in wait_for(run, "failed").reason


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
def test_full_disk_ends_a_run_with_the_reason_and_the_previous_checkpoint_resumes(
    colors, small_disk, monkeypatch
):
    monkeypatch.setenv("VITLAB_RUNS", str(small_disk / "runs"))
    run = background.launch(config(colors, LONG))
    wait_until_training(run)
    until(run.last.exists)
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb") as filler:
        while True:
            filler.write(b"\0" * 4096)
            filler.flush()
    status = wait_for(run, "failed", seconds=30)
    assert "disk is full" in status.reason
    with pytest.raises(UserError):
        background.launch(config(colors))
    assert [r.id for r in list_runs(bundled=False)] == [run.id]
    (small_disk / "filler").unlink()
    step = run.stored_status().step
    background.resume(run)
    wait_until_training(run, beyond=step)
    background.stop(run)
    assert wait_for(run, "stopped").reason == "stopped on request"


@pytest.fixture
def small_memory():
    """Create a control group with 200 MB, and yield the file for the ids of its processes."""
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


def test_training_killed_for_out_of_memory_is_reported(colors, small_memory):
    run = create_run(config(colors))
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "from vitcore.queue.supervisor import Supervisor\nfrom pathlib import Path\nimport time\n"
        "watcher = Supervisor(Path(sys.argv[2]))\nwhile watcher.tick(): time.sleep(0.2)"
    )
    subprocess.run([sys.executable, "-c", code, small_memory, runs_dir()], check=True, timeout=60)
    status = run.stored_status()
    assert status.state == "failed"
    assert status.reason.startswith("out of memory: the system killed it; choose a smaller batch_size")
