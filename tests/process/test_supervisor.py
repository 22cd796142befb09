"""The supervisor in real processes, with a fake trainer: queue, stop, exit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import psutil
import pytest

from tests.process.trainings import LONG, config, supervisors, wait_for, wait_until_training
from tests.waiting import until
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch as background
from vitcore.queue.supervisor import Supervisor
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run

pytestmark = pytest.mark.usefixtures("fake_trainer")


def test_runs_train_one_at_a_time_in_launch_order_and_queued_runs_can_be_stopped(colors):
    runs = [background.launch(config(colors, epochs)) for epochs in (LONG, 1, 1)]
    wait_until_training(runs[0])
    assert [run.status().state for run in runs] == ["running", "queued", "queued"]
    background.stop(runs[1])
    assert "queue" in wait_for(runs[1], "stopped", seconds=15).reason
    background.stop(runs[0])
    assert wait_for(runs[0], "stopped").state == "stopped"
    assert runs[0].last.is_file()
    assert wait_for(runs[2], "finished").started > runs[0].status().ended
    with pytest.raises(UserError):  # it is finished
        background.stop(runs[2])


def test_exit_between_two_checks_of_a_child_is_recorded_with_its_signal(colors, tmp_path):
    run = create_run(config(colors), tmp_path / "aside")

    class Dying(subprocess.Popen):
        """Lives when it is polled first, and is dead by the next instruction."""

        def poll(self):
            if self.returncode is None and not hasattr(self, "looked"):
                self.looked = True
                self.kill()
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
                return None
            return super().poll()

    child = Dying([sys.executable, "-c", "import time; time.sleep(60)"])
    now = {"state": "running", **process.identity()}
    now |= {"pid": child.pid, "process_start": process.start_time(child.pid)}
    run.write_status(run.stored_status().model_copy(update=now))
    watcher = Supervisor(run.path.parent)
    watcher.children[run.id] = child
    watcher.tick()
    assert run.stored_status().state == "failed"
    assert "signal 9" in run.stored_status().reason


def test_supervisor_ignores_a_folder_without_status(colors):
    done = background.launch(config(colors))
    wait_for(done, "finished")
    copy = runs_dir() / "copied"
    shutil.copytree(done.path, copy)
    (copy / "status.json").unlink()
    before = (copy / "checkpoints" / "best.safetensors").stat().st_mtime_ns
    wait_for(background.launch(config(colors)), "finished")
    assert find_run("copied").status().state == "lost"
    assert (copy / "checkpoints" / "best.safetensors").stat().st_mtime_ns == before


def test_queue_continues_after_its_supervisor_is_killed(colors):
    first, second = (background.launch(config(colors, epochs)) for epochs in (LONG, 1))
    child = psutil.Process(wait_until_training(first).pid)
    supervisor = child.parent()
    assert "vitcore.queue.supervisor" in " ".join(supervisor.cmdline())
    supervisor.kill()
    supervisor.wait(5)
    assert first.status().state == "running"
    background.stop(first)
    third = background.launch(config(colors))  # starts the next supervisor
    assert wait_for(first, "stopped").state == "stopped"
    assert wait_for(second, "finished").state == "finished"
    assert wait_for(third, "finished").started >= second.status().ended


@pytest.mark.slow
def test_supervisor_exits_when_idle(colors):
    run = background.launch(config(colors))
    wait_for(run, "finished")
    until(lambda: not supervisors(), 20)


@pytest.mark.parametrize("values", [{"data": "folder:/nowhere"}, {"device": "mps"}])
def test_invalid_input_queues_nothing(colors, values):
    with pytest.raises(UserError):
        background.launch(config(colors).model_copy(update=values))
    assert not runs_dir().exists()


def test_supervisor_exits_when_its_folder_is_deleted(tmp_path):
    home = tmp_path / "short-lived"
    home.mkdir()
    watcher = subprocess.Popen([sys.executable, "-m", "vitcore.queue.supervisor", str(home)])
    until(lambda: list(home.glob(".supervisor-*.lock")), 30)
    shutil.rmtree(home)
    assert watcher.wait(20) == 0
