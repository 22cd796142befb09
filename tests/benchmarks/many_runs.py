"""How ViT Lab does with many runs: `python -m tests.benchmarks.many_runs [--runs 3000] [--queued 500]`.

The runs are finished copies of a bundled one, with a status and a title of their own; their weights and
curves are hard links. It measures the command `vitcore runs`, the first and the next view of the Overview
page, a move of one of the queued runs, and a supervisor whose only device is taken. All figures are processor
time, which depends little on other work on the machine. Each is followed by its limit and by its ratio to the
same with three runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT
from vitcore.config import make_config
from vitcore.queue import order
from vitcore.queue.devices import Device
from vitcore.queue.supervisor import TICK_S, Supervisor
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, find_run
from vitcore.runs.status import Meta, Status

LIMITS = {
    "command `runs`, s": 2.0,
    "Overview, first view, s": 1.0,
    "Overview, next view, s": 1.0,
    "move of a queued run, s": 0.3,
    "idle supervisor, % of a core": 1.0,
}
TICKS = 60
OVERVIEW = """
import json, os, time
from streamlit.testing.v1 import AppTest
many, os.environ["VITLAB_RUNS"] = os.environ["VITLAB_RUNS"], "nowhere"
AppTest.from_file("dashboard/app.py", default_timeout=120).run()  # imports the page, as a server has
os.environ["VITLAB_RUNS"] = many
app = AppTest.from_file("dashboard/app.py", default_timeout=120)
times = []
for _ in range(4):
    began = time.process_time()
    app.run()
    times.append(time.process_time() - began)
assert not app.exception, app.exception
print(json.dumps([times[0], min(times[1:])]))
"""


def make_runs(home: Path, count: int) -> None:
    """Write finished runs to a runs folder."""
    source = find_run("resnet-cifar10")
    for number in range(count):
        run = Run(home / f"resnet-quick-{number:05d}")
        shutil.copytree(source.path, run.path, copy_function=_link)
        status = source.stored_status().model_copy(update={"created": 1e9 + number})
        (run.path / "status.json").write_text(status.model_dump_json(), encoding="utf-8")
        (run.path / "meta.json").write_text(Meta(title=f"Run {number}").model_dump_json(), encoding="utf-8")


def _link(source: str, target: str) -> None:
    if Path(source).suffix in (".json", ".yaml"):
        shutil.copyfile(source, target)
    else:
        try:
            os.link(source, target)
        except OSError:  # another file system
            os.symlink(source, target)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def with_runs(count: int) -> dict[str, float]:
    """Return the seconds of the command and of the Overview page with so many runs."""
    with tempfile.TemporaryDirectory() as place:
        make_runs(Path(place), count)
        here = {**os.environ, "VITLAB_RUNS": place}

        def seconds(*arguments: str) -> tuple[float, str]:
            began = _of_children()
            done = subprocess.run(
                [sys.executable, *arguments], cwd=ROOT, env=here, capture_output=True, text=True, check=True
            )
            return _of_children() - began, done.stdout

        command = min(seconds("-m", "vitcore", "runs")[0] for _ in range(3))
        first, following = json.loads(seconds("-c", OVERVIEW)[1].splitlines()[-1])
    return dict(zip(LIMITS, (command, first, following), strict=False))


def with_queue(count: int) -> dict[str, float]:
    """Return the seconds of a move among so many queued runs, and the load of a supervisor that waits."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        busy = Status(state="running", slots=["cpu"], heartbeat=time.time(), **process.identity())
        create_run(make_config(), home, status=busy)
        source = create_run(make_config(), home, status=Status(state="queued", queued=1000.0))
        for number in range(1, count):
            run = Run(home / f"{source.id}-{number}")
            shutil.copytree(source.path, run.path)
            status = Status(state="queued", queued=1000.0 + number).model_dump_json()
            (run.path / "status.json").write_text(status, encoding="utf-8")
        code = f"""
import sys, time
from pathlib import Path
from vitcore.queue import order
from vitcore.runs.folder import Run
began = time.process_time()
order.move(Run(Path({str(run.path)!r})), "first")
print(time.process_time() - began)
"""
        moves = []
        for _ in range(3):  # a fresh process each time, as on the command line
            done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
            moves.append(float(done.stdout))
        supervisor = Supervisor(home, devices=lambda: [Device("cpu", "cpu", "a CPU")])
        supervisor.tick()  # reads every run once
        assert len(order.waiting(home)) == count
        began = time.process_time()
        for _ in range(TICKS):
            supervisor.tick()
        load = 100 * (time.process_time() - began) / (TICKS * TICK_S)
    return dict(zip(list(LIMITS)[3:], (min(moves), load), strict=True))


def main() -> None:
    """Print each figure, its limit and its ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3000)
    parser.add_argument("--queued", type=int, default=500)
    chosen = parser.parse_args()
    many = with_runs(chosen.runs) | with_queue(chosen.queued)
    few = with_runs(3) | with_queue(3)
    for name, limit in LIMITS.items():
        verdict = "" if many[name] <= limit else "  TOO MUCH"
        ratio = many[name] / few[name]
        print(f"{name:30} {many[name]:7.3f}  (limit {limit:g}, {ratio:.1f} times that of 3 runs){verdict}")


if __name__ == "__main__":
    main()
