"""Trainings in the background, for the tests of this folder."""

from __future__ import annotations

import psutil

from tests.conftest import TINY_VIT
from tests.waiting import until
from vitcore.config import make_config
from vitcore.paths import runs_dir

LONG = 2000  # epochs: never ends by itself within a test


def config(colors, epochs=1):
    return make_config(
        "quick", model="vit", data=f"folder:{colors}", device="cpu", **{**TINY_VIT, "epochs": epochs}
    )


def wait_for(run, *states, seconds=90.0):
    """Its status once its state is one of these."""

    def reached():
        status = run.status()
        return status if status.state in states else None

    def story():
        return f"{run.status()}\n{run.log.read_text() if run.log.exists() else ''}"

    return until(reached, seconds, story)


def wait_until_training(run, beyond=0, seconds=90.0):
    """Its status once it has made more than `beyond` steps."""

    def reached():
        status = run.status()
        return status if status.step > beyond else None

    return until(reached, seconds, lambda: f"no step of {run.status()}")


def processes(*words):
    """The processes of this test's runs folder whose command line has these words."""
    found = []
    for one in psutil.process_iter(["cmdline"]):
        line = " ".join(one.info["cmdline"] or [])
        if str(runs_dir()) in line and all(word in line for word in words):
            found.append(one)
    return found


def supervisors():
    return processes("vitcore.queue.supervisor")
