"""What one tick of a live page costs the server: `python -m tests.benchmarks.live_tick`.

Five runs of 7,000 points in each of four curves; every tick each has grown by ten points. Budget (design):
under 100 ms. The reference is reading everything again with TensorBoard's EventAccumulator, in the same run.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from dashboard.shared.run_curves import MAIN, CurveStyle, collect
from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run

RUNS, POINTS, TICKS = 5, 7_000, 20


class Growing:
    """A run whose curves grow."""

    def __init__(self, home: Path, model: str) -> None:
        self.run: Run = create_run(make_config("quick", model=model), home)
        self.writer, self.step = SummaryWriter(str(self.run.path)), 0

    def grow(self, points: int) -> None:
        for _ in range(points):
            for tag in (*MAIN[0], *MAIN[1]):
                self.writer.add_scalar(tag, 0.5 + 0.001 * (self.step % 97), self.step)
            self.writer.add_scalar("epoch", self.step / 100, self.step)
            self.step += 1
        self.writer.flush()


def tick(runs: list[Run], look: CurveStyle) -> float:
    """Milliseconds to read what is new and make what both charts are sent."""
    began = time.perf_counter()
    for tags in MAIN:
        drawing = collect(runs, tags, look, "66")
        json.dumps([drawing.items, drawing.best])
    return 1000 * (time.perf_counter() - began)


def again(runs: list[Run]) -> float:
    """Milliseconds to read everything with TensorBoard's own reader."""
    began = time.perf_counter()
    for run in runs:
        EventAccumulator(str(run.path), size_guidance={SCALARS: 0}).Reload()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Print milliseconds and the ratio."""
    with tempfile.TemporaryDirectory() as place:
        growing = [Growing(Path(place), "vit" if i % 2 else "resnet") for i in range(RUNS)]
        for run in growing:
            run.grow(POINTS)
        runs = [run.run for run in growing]
        first = tick(runs, CurveStyle())
        for look, name in ((CurveStyle(), "plain"), (CurveStyle("wall clock", 0.9), "smoothed, wall clock")):
            times = []
            for _ in range(TICKS):
                for run in growing:
                    run.grow(10)
                times.append(tick(runs, look))
            middle, whole = statistics.median(times), again(runs)
            print(
                f"{name}: median {middle:.0f} ms, worst {max(times):.0f} ms of {TICKS} ticks; reading it all "
                f"with EventAccumulator takes {whole:.0f} ms, {whole / middle:.0f} times as long"
            )
        print(f"the first time, {RUNS} runs of {POINTS:,} points: {first:.0f} ms")


if __name__ == "__main__":
    main()
