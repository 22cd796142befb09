"""Run a command of this package as a child process that ends with a line of JSON on stdout. No torch.

A command that fails explains itself in the last line on stderr, as `python -m vitcore` does. Output goes to
files instead of pipes, so that a child that prints a lot never waits for a reader.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from vitcore import numbers
from vitcore.errors import UserError
from vitcore.paths import child_path

PROGRESS = re.compile(r"progress: (\d{1,12}) of (\d{1,12})")


def report_progress(done: int, total: int) -> None:
    """Report the progress of this command on stderr, for `Child.progress` of the parent process."""
    print(f"progress: {done} of {total}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class TextFile:
    """An argument of a command: the path of a temporary file with this text, deleted with the child."""

    name: str
    text: str


class ChildFailed(UserError):
    """The command ended with an error or was killed. The message is the last line that it wrote to stderr."""


class ChildTimedOut(UserError):
    """The command was killed because it ran longer than its limit."""


class Child:
    """A running command, and its outcome when it has ended.

    The process and everything that it started are killed by `cancel`, after `limit_s` even if nobody polls,
    and when this object is garbage collected.
    """

    def __init__(
        self, module: str, *arguments: str | TextFile, name: str, limit_s: float, advice: str = "try again"
    ) -> None:
        """Start `python -m module arguments`. Raise `UserError` if the system cannot start it.

        Error messages begin with `name`, such as "The export". The message about the time limit ends with
        `advice`.
        """
        self.name, self.limit_s, self.advice = name, limit_s, advice
        self._began, self._ended = time.monotonic(), 0.0
        self._timed_out = threading.Event()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="vitlab-child-"))  # of its output
            self.process = _start(self.folder, module, arguments)
        except OSError as error:
            raise UserError(f"{name} cannot start: {error.strerror or error}.") from None
        tree = psutil.Process(self.process.pid)
        # neither the timer nor the finalizer may refer to self, or it would never be garbage collected
        timer = threading.Timer(limit_s, _time_out, (self.process, tree, self._timed_out))
        timer.daemon = True
        timer.start()
        self._end = weakref.finalize(self, _clean_up, self.process, tree, timer, self.folder)

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        if self.process.poll() is None:
            return True
        self._ended = self._ended or time.monotonic()
        return False

    @property
    def seconds(self) -> float:
        """The seconds since the start, up to the end if the process has ended."""
        return (time.monotonic() if self.running else self._ended) - self._began

    @property
    def progress(self) -> tuple[int, int] | None:
        """The last (done, total) that the command has reported with `report_progress`, or None."""
        if not self._end.alive:
            return None
        found = [match for line in self._lines("stderr") if (match := PROGRESS.fullmatch(line))]
        return (int(found[-1][1]), int(found[-1][2])) if found else None

    def ticks(self, every_s: float) -> Iterator[float]:
        """Yield the seconds so far every `every_s` seconds until the process ends.

        Leaving the loop early cancels the process.
        """
        try:
            while self.running:
                yield self.seconds
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(every_s)
        finally:
            if self.running:
                self.cancel()

    def cancel(self) -> None:
        """Kill the process with everything that it started, and delete its output."""
        self._end()

    def result(self) -> dict[str, Any]:
        """Return the JSON object on the last line of stdout. The process must have ended.

        Raise `ChildTimedOut` after the time limit, and `ChildFailed` if the command failed or was canceled.
        """
        if self.running:
            raise RuntimeError(f"{self.name} is still running")
        if not self._end.alive:
            raise ChildFailed(f"{self.name} was canceled: start it again.")
        if self._timed_out.is_set():
            raise ChildTimedOut(
                f"{self.name} took more than {numbers.duration(self.limit_s)}: {self.advice}."
            )
        code = self.process.returncode
        if code < 0:
            raise ChildFailed(f"{self.name} was killed (signal {-code}): free some memory and try again.")
        if code:
            lines = [line for line in self._lines("stderr") if not PROGRESS.fullmatch(line)]
            raise ChildFailed(
                lines[-1] if lines else f"{self.name} ended without an error message: try again."
            )
        try:
            value = json.loads(self._lines("stdout")[-1])
        except (IndexError, json.JSONDecodeError):
            value = None
        if not isinstance(value, dict):
            raise ChildFailed(f"{self.name} ended without a result: try again.")
        return value

    def _lines(self, stream: str) -> list[str]:
        return (self.folder / stream).read_text(encoding="utf-8", errors="replace").strip().splitlines()


def _start(folder: Path, module: str, arguments: Sequence[str | TextFile]) -> subprocess.Popen:
    try:
        words = []
        for argument in arguments:
            if isinstance(argument, TextFile):
                (folder / argument.name).write_text(argument.text, encoding="utf-8")
                argument = str(folder / argument.name)
            words.append(argument)
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "PYTHONPATH": child_path()},
            )
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _time_out(process: subprocess.Popen, tree: psutil.Process, timed_out: threading.Event) -> None:
    if process.poll() is None:
        timed_out.set()
        _kill(tree)


def _clean_up(process: subprocess.Popen, tree: psutil.Process, timer: threading.Timer, folder: Path) -> None:
    timer.cancel()
    if process.poll() is None:
        _kill(tree)
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _kill(tree: psutil.Process) -> None:
    """Kill a process and its descendants; psutil refuses to if the PID was reused."""
    with contextlib.suppress(psutil.NoSuchProcess):
        tree.suspend()  # so that it starts no further process
        for descendant in tree.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()
    with contextlib.suppress(psutil.NoSuchProcess):
        tree.kill()
