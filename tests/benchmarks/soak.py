"""Does a page that is left open grow? `python -m tests.benchmarks.soak [--minutes 30]`. Needs Chromium.

A real dashboard, a real training that lasts longer (the `quick` ResNet on cifar10-mini, below normal
priority), a real browser that watches it. Every ten seconds: resident memory of the server, JavaScript heap
and number of nodes of the tab after a garbage collection. At the end the slope per hour of the second half,
by least squares.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from tests.browser.conftest import Server
from tests.chromium import FLAGS, find
from vitcore.config import make_config
from vitcore.queue import launch as background
from vitcore.runs.status import ACTIVE

EVERY_S = 10.0
NAMES = ("server MB", "heap MB", "nodes")
FLAT = (60.0, 30.0, 2_000.0)  # per hour, what still counts as flat


def main() -> None:
    """Print a line per sample, then slopes and a verdict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place)).start()
        asked = make_config("quick", model="resnet", epochs=10_000)
        run = background.launch(asked, Path(place) / "runs")
        try:
            rows = watch(f"{server.url}/training?watch={run.id}", server.process.pid, 60 * minutes)
        finally:
            if run.status().state in ACTIVE:
                background.stop(run, now=True)
            server.stop()
        table = np.array(rows)
        late = table[len(table) // 2 :]
        for i, (name, most) in enumerate(zip(NAMES, FLAT, strict=True), start=1):
            slope = np.polyfit(late[:, 0] / 3600, late[:, i], 1)[0] if len(late) > 2 else 0.0
            verdict = "flat" if slope <= most else "GROWS"
            print(
                f"{name}: {table[0, i]:,.0f} at first, {table[-1, i]:,.0f} at last, {slope:+,.0f} an hour: "
                f"{verdict}"
            )


def watch(url: str, pid: int, seconds: float) -> list[tuple[float, float, float, float]]:
    """(seconds, server MB, heap MB, nodes) along a visit."""
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url)
        page.wait_for_function("document.querySelector('.curves')?.dataset.points > 2", timeout=120_000)
        tab = page.context.new_cdp_session(page)
        tab.send("Performance.enable")
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            tab.send("HeapProfiler.collectGarbage")
            metrics = {m["name"]: m["value"] for m in tab.send("Performance.getMetrics")["metrics"]}
            server = psutil.Process(pid).memory_info().rss / 1e6
            rows.append((now, server, metrics["JSHeapUsedSize"] / 1e6, metrics["Nodes"]))
            points = page.evaluate("document.querySelector('.curves').dataset.points")
            print(
                f"{now:6.0f} s  {rows[-1][1]:6.0f} MB  {rows[-1][2]:6.1f} MB  {rows[-1][3]:7.0f} nodes  "
                f"{points} points",
                flush=True,
            )
            page.wait_for_timeout(1000 * EVERY_S)
        browser.close()
    return rows


if __name__ == "__main__":
    main()
