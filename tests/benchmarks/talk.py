"""Seconds from a key to the next step's view in the bundled talk: `python -m tests.benchmarks.talk`.

Budget: under 0.5 s, compared with a page change of the dashboard in the same run. The benchmark
goes through the talk twice: the first time, the next steps are prepared in the background while a step is
shown. Needs Chromium and idle processors.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from dashboard.talk.files import find_talk
from tests.browser.conftest import IDLE, Server
from tests.chromium import FLAGS, find

SPEAKS_S = 4.0  # on each step, at least; a sentence takes longer
VIEW = (
    ".xp[data-frame], .steps-stage, .similarity, .replay[data-frame], .js-plotly-plot .main-svg, "
    ".talk-pictures"
)


def wait_drawn(page: Page, number: int, title: str) -> None:
    """Until the step's words and a view on the stage are there, and Streamlit has dimmed nothing."""
    page.wait_for_function(
        """([number, title, view]) => {
          const words = document.querySelector(".st-key-talk_words h1")?.textContent === title;
          const count = document.querySelector(".talk-count")?.textContent.startsWith(`${number} /`);
          const stage = document.querySelector(".st-key-talk_stage");
          const shown = stage && [...stage.querySelectorAll(view)].some(
            (e) => e.getBoundingClientRect().height > 20 && !e.closest("[data-stale=true]"));
          return words && count && shown;
        }""",
        arg=[number, title, VIEW],
        polling="raf",
        timeout=60_000,
    )


def through(page: Page, url: str) -> list[float]:
    """Seconds for each step after the first."""
    steps = find_talk("why").steps
    page.goto(f"{url}/?talk=why")
    wait_drawn(page, 1, steps[0].title)
    times = []
    for number, step in enumerate(steps[1:], start=2):
        page.wait_for_timeout(1000 * SPEAKS_S)
        began = time.perf_counter()
        page.keyboard.press("PageDown")
        wait_drawn(page, number, step.title)
        times.append(time.perf_counter() - began)
    return times


def page_change(page: Page, url: str) -> float:
    """The reference: from Patches to Attention and back, warm."""
    page.goto(f"{url}/patches")
    page.wait_for_selector(".steps-stage", timeout=60_000)
    times = []
    for name, view in [("Attention", ".xp[data-frame]"), ("Patches", ".steps-stage")] * 3:
        page.wait_for_timeout(1500)
        page.wait_for_selector(IDLE)
        began = time.perf_counter()
        page.get_by_role("link", name=name).first.click()
        page.wait_for_selector(view, timeout=60_000)
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def main() -> None:
    """Print both passes and the reference."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home)).start()
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            for words in ("first time", "again"):
                times = through(page, server.url)
                each = " ".join(f"{t:.2f}" for t in times)
                middle, worst = statistics.median(times), max(times)
                print(f"moving on, {words}: median {middle:.2f} s, worst {worst:.2f} s; steps 2 on: {each}")
            print(f"a page change, warm: {page_change(page, server.url):.2f} s")
            browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
