"""Seconds from starting the server to the first picture on the first page: `python -m
tests.benchmarks.first_paint`.

Budget (design): under 3 s. Five starts of the server with a browser that already runs. Needs Chromium.
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


def cold(browser: Browser) -> float:
    """One start of the server and one visit by a browser that already runs."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
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
        page.goto(URL)
        page.wait_for_selector('[data-testid="stImage"] img', timeout=60_000)
        return time.perf_counter() - began
    finally:
        page.close()
        server.kill()
        server.wait()


def main() -> None:
    """Print the median and the worst."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        times = [cold(browser) for _ in range(5)]
        middle, worst = statistics.median(times), max(times)
        print(f"server start to first picture: median {middle:.2f} s, worst {worst:.2f} s, of {len(times)}")
        browser.close()


if __name__ == "__main__":
    main()
