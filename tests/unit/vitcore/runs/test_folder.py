"""The run folder: atomic writes, truncated files, and the state derived from the process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from tests.waiting import until
from vitcore.config import dump_config, make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run, find_run, list_runs, step_of
from vitcore.runs.listing import as_rows, print_table
from vitcore.runs.log import tail
from vitcore.runs.status import Meta, Status, derive


def test_new_run_is_queued_and_found_by_id_and_path():
    run = create_run(make_config(), title="My run")
    assert run.status().state == "queued"
    assert (run.title, run.config) == ("My run", make_config())
    assert find_run(run.id) == find_run(run.path) == run
    assert run in list_runs()
    assert not [p for p in runs_dir().iterdir() if p.name.startswith(".new")]


def test_runs_of_the_same_second_get_different_ids():
    assert len({create_run(make_config()).id for _ in range(5)}) == 5


@pytest.mark.parametrize("name", ["nothing", "../../etc", "", "a" * 300, "ünï/..", "."])
def test_unknown_run_is_reported(name):
    with pytest.raises(UserError, match="no run"):
        find_run(name)


def test_unwritable_runs_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=str(tmp_path)):
        create_run(make_config(), tmp_path / "file" / "runs")


def test_truncated_or_missing_status_is_lost_and_never_queued():
    run = create_run(make_config())
    complete = (run.path / "status.json").read_bytes()
    for length in range(len(complete)):
        (run.path / "status.json").write_bytes(complete[:length])
        assert run.status().state == "lost"
    # Of a later version
    (run.path / "status.json").write_text(complete.decode().replace("queued", "archived"))
    assert run.status().state == "lost"
    (run.path / "status.json").unlink()
    assert run.status().state == "lost"
    run.write_status(Status(state="finished"))
    assert run.status().state == "finished"


def test_failed_atomic_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    write_atomic(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def here(**values):
    return Status(state="running", heartbeat=time.time(), **{**process.identity(), **values})


def test_states_are_derived_from_the_process():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert derive(here()).state == "running"
    assert derive(here(pid=ended.pid)).state == "failed"
    assert derive(here(process_start=1.0)).state == "lost"  # another process has the PID
    assert derive(here(boot_id="another")).state == "lost"
    assert derive(here(host="elsewhere")).state == "running"
    assert derive(here(host="renamed"), now=time.time() + 61).state == "running"  # the same boot
    elsewhere = here(host="elsewhere", boot_id="another")
    assert derive(elsewhere).state == "running"
    assert derive(elsewhere, now=time.time() + 61).state == "lost"
    for state in ("queued", "finished", "stopped", "failed"):
        assert derive(Status(state=state)).state == state


def test_a_training_without_a_step_for_minutes_may_hang_and_has_no_time_left():
    now = time.time()
    steady = here(step=100, steps=1000, active_s=40.0, eta_s=360.0, progressed=now - 200)
    assert derive(steady, now) == steady
    hanging = derive(steady, now + 130)
    assert hanging.state == "running"
    assert hanging.eta_s is None
    assert "6 min" in hanging.reason
    assert "0.4 s" in hanging.reason
    slow = here(step=2, steps=1000, active_s=200.0, eta_s=360.0, progressed=now - 400)  # 100 s a step
    assert derive(slow, now) == slow
    starting = here(steps=None, progressed=now - 4000)  # it may download the data
    assert derive(starting, now) == starting


def test_zombie_process_is_not_running():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = process.start_time(child.pid)
    assert process.alive(child.pid, started)
    child.kill()
    until(lambda: not process.alive(child.pid, started), 20)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE  # its parent has not waited for it
    child.wait()


def test_stop_request_is_shown_as_stopping():
    run = create_run(make_config())
    run.write_status(here())
    run.stop_request.touch()
    assert run.status().state == "stopping"


def test_runs_folder_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        list_runs(tmp_path / "file")


def test_invalid_runs_are_listed_without_an_error():
    run = create_run(make_config())
    (run.path / "config.yaml").write_text("model: [")
    (run.path / "meta.json").write_text("{")
    rows = {row["id"]: row for row in as_rows()}
    assert rows[run.id]["model"] == "?"
    assert Run(run.path).meta == Meta()


def test_second_list_reads_only_the_files_that_have_changed(monkeypatch):
    runs = [create_run(make_config(), status=Status(state="stopped", created=float(i))) for i in range(5)]
    assert list_runs(bundled=False) == runs[::-1]
    read = []
    monkeypatch.setattr(Run, "read_status", lambda run: read.append(run) or Status(state="lost", created=9.0))
    assert list_runs(bundled=False) == runs[::-1]
    assert not read
    runs[2].write_status(Status(state="stopped", created=9.0))
    assert list_runs(bundled=False) == [runs[2], runs[4], runs[3], runs[1], runs[0]]
    assert read == [runs[2]]


def test_list_follows_runs_that_are_added_changed_and_deleted():
    old, new = (create_run(make_config(), status=Status(state="stopped", created=c)) for c in (1.0, 2.0))
    assert [run.config.epochs for run in list_runs(bundled=False)] == [make_config().epochs] * 2
    (new.path / "config.yaml").write_text(dump_config(make_config(epochs=77)))  # in place, by an editor
    assert list_runs(bundled=False)[0].config.epochs == 77
    (new.path / "config.yaml").write_text("model: [")
    with pytest.raises(UserError):
        _ = list_runs(bundled=False)[0].config
    shutil.rmtree(old.path)
    assert list_runs(bundled=False) == [new]
    copied = runs_dir() / "copied"
    copied.mkdir()  # as while a run is copied: its files come later
    assert list_runs(bundled=False) == [new]
    write_atomic(copied / "config.yaml", dump_config(make_config(epochs=3)))
    write_atomic(copied / "status.json", Status(state="finished", created=3.0).model_dump_json())
    assert list_runs(bundled=False) == [Run(copied), new]
    assert not list_runs(bundled=False)[0].weights
    copied.joinpath("checkpoints").mkdir()
    Run(copied).best.touch()
    assert list_runs(bundled=False)[0].weights == copied / "checkpoints" / "best.safetensors"


def test_tail_reads_the_end_and_applies_carriage_returns(tmp_path):
    path = tmp_path / "log"
    path.write_text("first\n" + "x" * 100_000 + "\n10 %\r50 %\r100 %\nlast\n")
    assert tail(path, 2) == "100 %\nlast"
    assert tail(tmp_path / "none") == ""


def test_broken_runs_are_listed_with_their_reason(tmp_path, capsys):
    broken = create_run(make_config("quick"), tmp_path)
    with (broken.path / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("future_setting: 1\n")
    create_run(make_config("quick"), tmp_path)
    print_table(as_rows(tmp_path))
    *_, last = capsys.readouterr().out.splitlines()
    assert broken.id in last
    assert "config.yaml" in last
    assert "future_setting" in last


def test_control_characters_in_a_folder_name_do_not_reach_the_terminal(tmp_path, capsys):
    run = create_run(make_config("quick"), tmp_path)
    run.path.rename(tmp_path / "wiped\x1b[2J")
    print_table(as_rows(tmp_path))
    text = capsys.readouterr().out
    assert "wiped" in text
    assert "\x1b" not in text


def test_snapshots_are_in_the_order_of_their_steps_and_each_step_is_one():
    run = create_run(make_config())
    run.checkpoints.mkdir(exist_ok=True)
    for name in ("step-9", "step-100", "step-0000020", "step-20", "step-20 (1)", "step-0"):
        (run.checkpoints / f"{name}.safetensors").touch()
    assert [step_of(path) for path in run.snapshots] == [0, 9, 20, 100]
    assert run.weights == run.checkpoints / "step-100.safetensors"
