"""What the benchmarks of both steppers measure in the same way: messages, and redraws under the pointer."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright

from dashboard.shared import selection
from tests.benchmarks.explorer import milliseconds
from tests.browser.conftest import Server
from tests.browser.steppers import Stepper
from tests.chromium import FLAGS, find
from vitcore.data import Dataset

MOVES = 60  # of the pointer, in each step
LOADED = "!{0}.sum || {0}.sum.weights !== null"  # the weights of the number that is written out


def computing(data: Dataset, blocks: list[str], message_of: Callable[..., bytes], *, repeats: int) -> None:
    """Print the time to compute a block of one image, and the sizes of the messages of all blocks.

    `message_of(chosen, block)` returns the message for an image. Each block is computed for `repeats` images.
    """
    numbers = iter(range(1, 101))

    def compute(block: str = blocks[-1]) -> int:
        chosen = selection.find_image(data, "ship", next(numbers))
        assert chosen is not None
        return len(message_of(chosen, block))

    compute()
    print(f"a block of another image: {milliseconds(compute):.1f} ms")
    sizes = [compute(block) / 1e6 for block in blocks for _ in range(repeats)]
    print(f"message: {min(sizes):.2f} to {max(sizes):.2f} MB")


def redraws(stepper: Stepper, parameters: str) -> None:
    """Print redraws while the pointer moves over each step, and the WebSocket frames sent meanwhile."""
    server = Server(Path(tempfile.mkdtemp())).start()
    sent: list[object] = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
            page.goto(f"{server.url}/{stepper.view}&{parameters}")
            page.wait_for_selector(f"{stepper.selector}[data-step]", timeout=60_000)
            page.wait_for_timeout(3000)
            frames, times = 0, []
            buttons = page.locator(f"{stepper.selector} ol button")
            for step in range(buttons.count()):
                buttons.nth(step).click()
                page.wait_for_selector(f"{stepper.selector}[data-step='{step + 1}']")
                page.wait_for_function(LOADED.format(stepper.script))
                before = len(sent)
                page.evaluate(f"{stepper.script}.times.length = 0")
                box = page.locator(".inside-stage").bounding_box()
                assert box is not None
                for i in range(MOVES):
                    x, y = (i * 37) % 101 / 101, (i * 61) % 103 / 103
                    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
                times += page.evaluate(f"{stepper.script}.times")
                frames += len(sent) - before
            times.sort()
            most = times[int(0.95 * len(times))]
            print(f"redraw {statistics.median(times):.1f} ms, 95 % under {most:.1f} ms (n = {len(times)})")
            print(f"WebSocket frames sent meanwhile: {frames}")
            browser.close()
    finally:
        server.stop()
