"""The budgets of the stepper through a block: `python -m tests.benchmarks.block`.

Needs a Chromium and an idle machine. Prints the time to compute a block of one image, the search for the
patches that excite its units, the size of the message, redraws while the pointer moves over each step, and
WebSocket frames sent meanwhile.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

import vitcore
from dashboard.attention import block
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from tests.benchmarks.explorer import milliseconds
from tests.browser.conftest import Server
from tests.chromium import FLAGS, find
from vitcore.analysis.attention import as_input
from vitcore.analysis.block_steps import exciting_patches
from vitcore.runs.folder import find_run

MOVES = 60  # of the pointer, in each step
TIMES = "document.querySelector('.inside').stepper.times"


def computing() -> None:
    """Print the times and sizes on the server."""
    run = find_run("vit-cifar10")
    data, model = resources.dataset_of(run), vitcore.load("vit-cifar10")
    images = torch.from_numpy(data.test.images[:200].copy())
    begin = time.perf_counter()
    exciting_patches(model, images)
    taken = time.perf_counter() - begin
    begin = time.perf_counter()
    with torch.inference_mode():
        for part in images.split(10):
            model(as_input(part))
    plain = time.perf_counter() - begin
    print(f"search of 200 test images: {taken:.1f} s once, {taken / plain:.1f} times a forward pass")
    numbers = iter(range(1, 101))

    def compute(layer: str = "6") -> int:
        chosen = selection.find_image(data, "ship", next(numbers))
        assert chosen is not None
        header, view = block.prepare(run, chosen, data, {"layer": layer})
        return len(message(header, chosen.image, view.floats, view.crops))

    compute()
    print(f"a block of another image: {milliseconds(compute):.1f} ms")
    sizes = [compute(str(layer)) / 1e6 for layer in range(1, 7) for _ in range(3)]
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
            page.goto(f"{server.url}/attention?view=Inside+a+block&query=4.4")
            page.wait_for_selector(".inside[data-step]", timeout=60_000)
            page.wait_for_timeout(3000)
            before, times = len(sent), []
            for step in range(10):
                page.locator(".inside ol button").nth(step).click()
                page.wait_for_selector(f".inside[data-step='{step + 1}']")
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
