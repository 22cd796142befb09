"""Editing and deleting runs: only ended runs in the runs folder, and nothing in read-only mode."""

from __future__ import annotations

import os
import shutil

import pytest
from filelock import FileLock

from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.exchange.published import import_tutorial
from vitcore.paths import runs_dir
from vitcore.queue import launch, order
from vitcore.runs import edit
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run, list_runs
from vitcore.runs.status import Status
from vitcore.training import train

ENDED = Status(state="stopped")
HOSTILE = ["../x", "/etc/passwd", "a" * 80, "Ünï ☃ 模型", "<script>alert(1)</script>", "x\x00y\x1b[31m", ""]


@pytest.mark.parametrize("title", HOSTILE)
def test_title_is_plain_text(title):
    run = create_run(make_config(), title="before", status=ENDED)
    edit.describe(run, title, "first line\nsecond line")
    clean = "".join(c for c in title if c.isprintable())
    assert run.meta.title == clean
    assert run.title == (clean or run.id)
    assert run.meta.note == "first line\nsecond line"
    assert [r.path for r in list_runs(bundled=False)] == [run.path]
    edit.describe(run, note="")
    assert (run.meta.title, run.meta.note) == (clean, "")
    edit.delete(run)
    assert not [p for p in runs_dir().iterdir() if p.name != ".lock"]


def test_too_long_title_changes_nothing():
    run = create_run(make_config(), title="before", status=ENDED)
    with pytest.raises(UserError, match=r"\b81\b.*\b80\b"):
        edit.describe(run, "x" * 81)
    assert run.title == "before"


@pytest.mark.parametrize(
    "action",
    [
        lambda run: edit.describe(run, "after"),
        edit.delete,
        launch.stop,
        launch.resume,
        launch.take_over,
        lambda run: order.move(run, "first"),
    ],
)
@pytest.mark.parametrize("state", ["queued", "stopped"])
def test_action_on_a_run_that_was_removed_says_so_and_writes_nothing(state, action):
    run = create_run(make_config(), status=Status(state=state))
    shutil.rmtree(run.path)
    with pytest.raises(UserError, match=rf"{run.id} was removed"):
        action(run)
    assert not run.path.exists()


@pytest.mark.parametrize("state", ["queued", "running", "stopping"])
def test_active_run_is_not_deleted(state):
    run = create_run(make_config(), status=Status(state=state))
    with pytest.raises(UserError, match=rf"{run.id}.*\b{state}\b") as refused:
        edit.delete(run)
    assert run.config
    with FileLock(run.path / ".lock", timeout=0):  # free, although the error still refers to the call
        assert refused.value


def test_run_locked_by_another_process_is_not_deleted():
    run = create_run(make_config(), status=ENDED)
    with FileLock(run.path / ".lock"), pytest.raises(UserError, match=run.id):
        edit.delete(run)
    edit.delete(run)
    assert not run.path.exists()


def test_nothing_outside_the_runs_folder_is_deleted(tmp_path):
    elsewhere = create_run(make_config(), tmp_path / "elsewhere", status=ENDED)
    with pytest.raises(UserError, match=str(runs_dir())):
        edit.delete(elsewhere)
    with pytest.raises(UserError, match=str(runs_dir())):
        edit.delete(Run(runs_dir() / ".." / "elsewhere" / elsewhere.id))
    for bundled in (find_run("vit-cifar10"), find_run("resnet-cifar10")):
        with pytest.raises(UserError):
            edit.delete(bundled)
        with pytest.raises(UserError, match=bundled.id):
            edit.describe(bundled, "mine")
    runs_dir().mkdir(exist_ok=True)
    link = runs_dir() / "link"
    link.symlink_to(elsewhere.path)
    edit.delete(Run(link))
    assert not link.is_symlink()
    assert elsewhere.config  # only the link is deleted


def test_interrupted_deletion_is_completed_by_the_next_one():
    runs_dir().mkdir(exist_ok=True)
    left = runs_dir() / ".trash-left"
    (left / "checkpoints").mkdir(parents=True)
    os.utime(left, (1, 1))
    assert not list_runs(bundled=False)
    edit.delete(create_run(make_config(), status=ENDED))
    assert not left.exists()


def test_read_only_mode_reads_everything_and_changes_nothing(monkeypatch):
    run = create_run(make_config(), title="before", status=ENDED)
    monkeypatch.setenv("VITLAB_READONLY", "1")
    actions = [
        lambda: launch.launch(make_config()),
        lambda: launch.resume(run),
        lambda: launch.stop(run),
        lambda: edit.delete(run),
        lambda: edit.describe(run, "after"),
        lambda: train(make_config(data="cifar10-mini")),
        import_tutorial,
    ]
    for action in actions:
        with pytest.raises(UserError, match="read-only"):
            action()
    assert [r.id for r in list_runs(bundled=False)] == [run.id]
    assert (run.title, run.status()) == ("before", ENDED)
    monkeypatch.setenv("VITLAB_READONLY", "0")
    edit.describe(run, "after")
    assert run.title == "after"
