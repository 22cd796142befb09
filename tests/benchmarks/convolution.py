"""The budgets of the stepper through a convolution: `python -m tests.benchmarks.convolution`.

Needs a Chromium and an idle machine. Prints the time to compute a block of one image, the sizes of the
messages, redraws while the pointer moves over each step, and WebSocket frames sent meanwhile.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from dashboard.attention import convolution
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from tests.benchmarks.explorer import milliseconds
from tests.browser.conftest import Server
from tests.chromium import FLAGS, find
from vitcore.runs.folder import find_run

MOVES = 60  # of the pointer, in each step
VIEW = "attention?run=resnet-cifar10&view=Inside+a+convolution&block=9&convolution=2"
TIMES = "document.querySelector('.convolution').stepper.times"


def computing() -> None:
    """Print the times and sizes on the server."""
    run = find_run("resnet-cifar10")
    data = resources.dataset_of(run)
    numbers = iter(range(1, 101))

    def compute(block: str = "9") -> int:
        chosen = selection.find_image(data, "ship", next(numbers))
        assert chosen is not None
        header, view = convolution.prepare(run, chosen, data, {"block": block})
        return len(message(header, chosen.image, view.floats))

    compute()
    print(f"a block of another image: {milliseconds(compute):.1f} ms")
    sizes = [compute(block) / 1e6 for block in ("input", *map(str, range(1, 10)))]
    print(f"message: {min(sizes):.2f} to {max(sizes):.2f} MB")


def main() -> None:
    """Print all figures."""
    computing()
    server = Server(Path(tempfile.mkdtemp())).start()
    sent: list[object] = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
            page.goto(f"{server.url}/{VIEW}")
            page.wait_for_selector(".convolution[data-step]", timeout=60_000)
            page.wait_for_timeout(3000)
            before, times = len(sent), []
            for step in range(8):
                page.locator(".convolution ol button").nth(step).click()
                page.wait_for_selector(f".convolution[data-step='{step + 1}']")
                page.evaluate(f"{TIMES}.length = 0")
                box = page.locator(".inside-stage").bounding_box()
                assert box is not None
                for i in range(MOVES):
                    x, y = (i * 37) % 101 / 101, (i * 61) % 103 / 103
                    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
                times += page.evaluate(TIMES)
            times.sort()
            most = times[int(0.95 * len(times))]
            print(f"redraw {statistics.median(times):.1f} ms, 95 % under {most:.1f} ms (n = {len(times)})")
            print(f"WebSocket frames sent meanwhile: {len(sent) - before}")
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
