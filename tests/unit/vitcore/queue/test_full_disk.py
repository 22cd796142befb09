"""A disk that fills up at any write of a user's action: one sentence, and nothing half-made is left."""

from __future__ import annotations

import builtins
import errno
import io
import os
from pathlib import Path

import pytest

from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch, order, supervisor
from vitcore.runs import edit
from vitcore.runs.creation import create_run
from vitcore.runs.status import Status

MOST = 40  # more writes than any action has
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class FullDisk:
    """Let `left` writes succeed below the runs folder, then fail all others as a full disk does."""

    def __init__(self, monkeypatch, left):
        self.left, self.failed = left, 0
        self.patch = monkeypatch.setattr
        for name in ("mkdir", "rename", "replace", "fsync", "utime"):
            self.wrap(os, name, lambda *args, **more: True)
        self.wrap(os, "open", lambda path, flags, *args, **more: flags & WRITING and self.below(path))
        for module in (io, builtins):
            self.wrap(
                module,
                "open",
                lambda path, mode="r", *args, **more: set(mode) & set("wax+") and self.below(path),
            )

    @staticmethod
    def below(path):
        return not isinstance(path, int) and str(path).startswith(str(runs_dir()))

    def wrap(self, module, name, counts):
        original = getattr(module, name)

        def write(*args, **more):
            if counts(*args, **more):
                self.left -= 1
                if self.left < 0:
                    self.failed += 1
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            return original(*args, **more)

        self.patch(module, name, write)


@pytest.mark.parametrize(
    ("name", "state", "action"),
    [
        ("../.queue.lock", "queued", lambda run: order.move(run, "last")),
        ("stop.request", "stopped", launch.resume),
        ("meta.json", "stopped", lambda run: edit.describe(run, "title")),
    ],
)
def test_folder_in_place_of_a_file_is_named_with_advice(name, state, action):
    run = create_run(make_config(), status=Status(state=state))
    place = Path(os.path.normpath(run.path / name))
    place.unlink(missing_ok=True)
    place.mkdir()
    with pytest.raises(UserError) as error:
        action(run)
    assert f"{place} " in str(error.value)
    assert "remove" in str(error.value)
    assert "space" not in str(error.value)


@pytest.fixture(autouse=True)
def detached(monkeypatch):
    """Open the log as for a supervisor, but start no process."""
    monkeypatch.setattr(supervisor, "_detached", lambda command, log, **more: log.open("ab").close())


def queued(**values):
    status = Status(state="queued", created=1000.0, queued=1000.0, **values)
    return create_run(make_config(), title="before", status=status)


def stopped():
    run = queued()
    run.write_status(run.read_status().model_copy(update={"state": "stopped"}))
    return run


def elsewhere():
    return queued(host="other-host", boot_id="another boot")


ACTIONS = {
    "launch": (lambda: None, lambda run: launch.launch(make_config())),
    "resume": (stopped, launch.resume),
    "take over": (elsewhere, launch.take_over),
    "stop": (queued, launch.stop),
    "move": (lambda: [queued(), queued()][0], lambda run: order.move(run, "last")),
    "describe": (queued, lambda run: edit.describe(run, "after")),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_full_disk_ends_an_action_with_one_sentence_and_leaves_nothing(name, tmp_path, monkeypatch):
    prepare, act = ACTIONS[name]
    for writes in range(MOST):
        monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / f"runs {writes}"))
        run = prepare()
        before = names()
        with monkeypatch.context() as patch:
            disk = FullDisk(patch, writes)
            refusal = refusal_of(act, run)
        if refusal:
            assert "\n" not in refusal
            assert os.strerror(errno.ENOSPC) in refusal
            assert names() == before
        elif not disk.failed:
            break
    assert 2 <= writes < MOST - 1  # the last attempt succeeded, after some that failed


def refusal_of(act, run) -> str:
    """Return the sentence with which an action is refused, or an empty string if it succeeds."""
    try:
        act(run)
    except UserError as error:
        return str(error)
    return ""


def names() -> list[Path]:
    """Return the files and folders of the runs folder, without locks and logs."""
    kept = [path for path in runs_dir().rglob("*") if path.suffix not in (".lock", ".log")]
    return sorted(path.relative_to(runs_dir()) for path in kept)


def test_runs_folder_that_is_a_file_is_refused_in_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"Cannot write to .*file"):
        launch.launch(make_config())
