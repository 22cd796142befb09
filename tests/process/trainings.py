"""Real trainings in the background, for the tests of this folder."""

from __future__ import annotations

import time

import psutil

from tests.conftest import TINY_VIT
from vitcore.config import make_config
from vitcore.paths import runs_dir

LONG = 2000  # epochs: never ends by itself within a test


def config(colours, epochs=1):
    return make_config(
        "quick", model="vit", data=f"folder:{colours}", device="cpu", **{**TINY_VIT, "epochs": epochs}
    )


def wait_for(run, *states, seconds=90.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = run.status()
        if status.state in states:
            return status
        time.sleep(0.1)
    raise AssertionError(
        f"{run.status()} after {seconds} s\n{run.log.read_text() if run.log.exists() else ''}"
    )


def wait_until_training(run, seconds=90.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if run.status().step:
            return run.status()
        time.sleep(0.1)
    raise AssertionError(f"no step of {run.status()}")


def wait_for_reason(run, words, seconds=10.0):
    end = time.monotonic() + seconds
    while words not in run.status().reason and time.monotonic() < end:
        time.sleep(0.1)
    assert words in run.status().reason
    return run.status().reason


def supervisors():
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if "vitcore.queue.supervisor" in line and str(runs_dir()) in line]
