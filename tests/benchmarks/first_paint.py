"""Seconds to the first picture on the first page: `python -m tests.benchmarks.first_paint`.

Cold: from the start of the server, with a browser that already runs; budget 3 s (design). Warm: again in that
browser; budget 1 s. Reference: the least page that Streamlit can show, a title and one picture, just as warm.
By the side, how far things jump meanwhile (cumulative layout shift, web.dev/cls; below 0.1 is good). Five
starts, five warm visits after each. Needs Chromium, and a machine that does nothing else.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, sync_playwright

from tests.chromium import FLAGS, find
from tests.conftest import ROOT

PORT = 8699
URL = f"http://127.0.0.1:{PORT}"
STARTS, VISITS = 5, 5
SETTLED_MS = 1000  # after the first picture
LOADED_S = 12  # until the server has loaded what it loads behind the first page
LEAST = "import streamlit as st\nst.title('A title')\nst.image('picture.png')\n"
WATCH = """
window.shift = 0;
const add = entry => { if (!entry.hadRecentInput) window.shift += entry.value };
const watch = new PerformanceObserver(list => list.getEntries().forEach(add));
watch.observe({type: "layout-shift", buffered: true});
"""
Visit = tuple[float, float]  # seconds, layout shift


@contextmanager
def serving(*command: str, cwd: Path = ROOT) -> Iterator[float]:
    """A server that answers; yields when it was started."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{URL}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield began
    finally:
        server.kill()
        server.wait()


def visit(context: BrowserContext, began: float | None = None) -> Visit:
    """Open the first page in a new tab, until its picture is there."""
    page = context.new_page()
    began = began or time.perf_counter()
    page.goto(URL)
    page.wait_for_selector('.st-key-looks img, [data-testid="stImage"] img', timeout=60_000)
    seconds = time.perf_counter() - began
    page.wait_for_timeout(SETTLED_MS)
    shift = page.evaluate("window.shift")
    page.close()
    return seconds, shift


def say(name: str, visits: list[Visit]) -> float:
    """Print the median and the worst; returns the median."""
    times, shifts = zip(*visits, strict=True)
    middle = statistics.median(times)
    print(
        f"{name}: median {middle:.2f} s, worst {max(times):.2f} s, of {len(times)}; "
        f"layout shift {max(shifts):.3f} at most"
    )
    return middle


def main() -> None:
    """Measure and print."""
    cold, warm, least = [], [], []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        app = Path(folder) / "app.py"
        app.write_text(LEAST)
        Image.new("RGB", (32, 32)).save(app.parent / "picture.png")
        bare = ("streamlit", "run", str(app), "--server.port", str(PORT), "--server.headless", "true")
        for _ in range(STARTS):
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            context.add_init_script(WATCH)
            with serving("dashboard", "--port", str(PORT)) as began:
                cold.append(visit(context, began))
                time.sleep(LOADED_S)
                warm += [visit(context) for _ in range(VISITS)]
            with serving(*bare, cwd=app.parent):
                visit(context)
                least += [visit(context) for _ in range(VISITS)]
            context.close()
        browser.close()
    say("server start to first picture", cold)
    ours, theirs = say("warm visit to first picture", warm), say("the same of Streamlit's least page", least)
    print(f"ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
