"""Helpers for trainings in the background."""

from __future__ import annotations

import psutil

from tests.conftest import TINY_VIT
from tests.waiting import until
from vitcore.config import make_config
from vitcore.paths import runs_dir

LONG = 2000  # epochs: longer than any test


def config(colors, epochs=1):
    return make_config(
        "quick", model="vit", data=f"folder:{colors}", device="cpu", **{**TINY_VIT, "epochs": epochs}
    )


def wait_for(run, *states, seconds=90.0):
    """Wait until the run is in one of these states, and return its status."""

    def reached():
        status = run.status()
        return status if status.state in states else None

    def explanation():
        return f"{run.status()}\n{run.log.read_text() if run.log.exists() else ''}"

    return until(reached, seconds, explanation)


def wait_until_training(run, beyond=0, seconds=90.0):
    """Wait until the run has made more than `beyond` steps, and return its status."""

    def reached():
        status = run.status()
        return status if status.step > beyond else None

    return until(reached, seconds, lambda: f"no step of {run.status()}")


def processes(*words):
    """Return the processes of this test's runs folder whose command line contains these words."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(runs_dir()) in line and all(word in line for word in words):
            found.append(process)
    return found


def supervisors():
    return processes("vitcore.queue.supervisor")
