"""Run the command line in this process or in a child process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import NamedTuple
from unittest import mock

from tests.conftest import ROOT


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object) -> Done:
    """Run `python -m vitcore ARGUMENTS` in this process, with the same error handling and exit code."""
    from vitcore.__main__ import main

    out, err = io.StringIO(), io.StringIO()
    argv = ["vitcore", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
    return Done(code, out.getvalue(), err.getvalue())


def run_process(*arguments: object, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    """Run `python -m vitcore ARGUMENTS` in a child process."""
    command = [sys.executable, "-m", "vitcore", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment, check=False
    )


def check_refused(done: Done | subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert exit code 2, nothing on stdout, and one line on stderr that contains these words."""
    assert done.returncode == 2
    assert not done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not [word for word in words if word.lower() not in done.stderr.lower()], done.stderr
