"""Seconds to the first picture on the first page: `python -m tests.benchmarks.first_paint`.

Cold: from the start of the server, with a browser that already runs; budget 3 s (design). Warm: a visit by
another visitor with an empty cache; budget 1 s. By the side, how far things jump meanwhile (cumulative layout
shift, web.dev/cls; below 0.1 is good). Five starts, a visit after each. Needs Chromium.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import urllib.request

from playwright.sync_api import Browser, sync_playwright

from tests.chromium import FLAGS, find
from tests.conftest import ROOT

PORT = 8699
URL = f"http://127.0.0.1:{PORT}"
SETTLED_MS = 3000  # after the first picture
WATCH = """
window.shift = 0;
const add = entry => { if (!entry.hadRecentInput) window.shift += entry.value };
const watch = new PerformanceObserver(list => list.getEntries().forEach(add));
watch.observe({type: "layout-shift", buffered: true});
"""


def starts(browser: Browser) -> list[tuple[float, float]]:
    """One start of the server: (seconds to the first picture, layout shift), cold and warm."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "dashboard", "--port", str(PORT)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{URL}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        return [_visit(browser, began), _visit(browser, None)]
    finally:
        server.kill()
        server.wait()


def _visit(browser: Browser, began: float | None) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(WATCH)
    page = context.new_page()
    began = began or time.perf_counter()
    page.goto(URL)
    page.wait_for_selector('[data-testid="stImage"] img', timeout=60_000)
    seconds = time.perf_counter() - began
    page.wait_for_timeout(SETTLED_MS)
    shift = page.evaluate("window.shift")
    context.close()
    return seconds, shift


def main() -> None:
    """Print the median and the worst."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        found = [starts(browser) for _ in range(5)]
        browser.close()
    for i, name in enumerate(("server start to first picture", "warm visit to first picture")):
        times, shifts = zip(*(pair[i] for pair in found), strict=True)
        print(
            f"{name}: median {statistics.median(times):.2f} s, worst {max(times):.2f} s, of {len(times)}; "
            f"layout shift {max(shifts):.3f} at most"
        )


if __name__ == "__main__":
    main()
