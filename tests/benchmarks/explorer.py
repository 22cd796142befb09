"""The explorer's budgets: `python -m tests.benchmarks.explorer`. Needs a Chromium and an idle machine.

    python -m tests.benchmarks.explorer --memory    # only the memory, also on a busy machine

Prints the time to capture the attention of an image (against one forward pass), what goes to the browser,
redraws while the pointer moves over the image (the script's own time, and the time between frames), WebSocket
frames sent meanwhile, and the time from a click on the navigation to the explorer's first picture. Then the
same of models of common sizes with random weights, and of one with so many tokens that the browser asks the
server for each patch. `--memory` prints the largest memory of a process that loads a model, captures an image
and makes what goes to the browser, as the server does. Each model has a process of its own.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

import vitcore
from dashboard.attention import views
from dashboard.shared import resources
from tests.browser.conftest import Server
from tests.chromium import FLAGS, find
from tests.made_runs import make_run
from vitcore.analysis.attention import as_input, capture
from vitcore.data import dataset_for, load_dataset
from vitcore.models import load_run
from vitcore.runs.folder import Run, find_run

MOVES = 300
# Tests switch off the optimizing compilers of Chromium, whose pages are short-lived. Visitors have them.
OF_VISITORS = [flag for flag in FLAGS if not flag.startswith("--js-flags")]
BASE = {"embed_dim": 768, "hidden_dim": 3072, "num_heads": 12, "num_layers": 12, "patch_size": 16}
MANY = {"embed_dim": 384, "hidden_dim": 1536, "num_heads": 6, "num_layers": 12, "patch_size": 14}
FRAMES = """() => { window.gaps = []; let last = performance.now();
const tick = now => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick); };
requestAnimationFrame(tick); document.querySelector('.xp').explorer.times.length = 0; }"""


def milliseconds(act, repeats: int = 30) -> float:
    """Median time of `act` in milliseconds, after three warm-ups."""
    times = []
    for _ in range(repeats + 3):
        begin = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[3:])


def capturing() -> None:
    """Capture against a plain forward pass, and the payload."""
    model, image = vitcore.load("vit-cifar10"), load_dataset("cifar10-mini").test.images[0]
    pixels = torch.from_numpy(image[None])
    with torch.inference_mode():
        plain = milliseconds(lambda: model(as_input(pixels, model)))
    taken = milliseconds(lambda: capture(model, pixels))
    print(f"capture of all layers and heads: {taken:.1f} ms, {taken / plain:.2f} times a forward pass")
    count = iter(range(1000))
    images = load_dataset("cifar10-mini").test.images
    whole = milliseconds(lambda: views.view(find_run("vit-cifar10"), images[next(count)]))
    size = len(views.view(find_run("vit-cifar10"), image).packed)
    print(f"with rollout, lens, distances and packing: {whole:.1f} ms; sent: {size / 1e6:.2f} MB")


def hovering(page, words: str) -> None:
    """Redraws while the pointer wanders over the image."""
    box = page.locator(".xp-image").bounding_box()
    page.evaluate(FRAMES)
    for i in range(MOVES):
        x, y = (i * 37) % 101 / 101, (i * 61) % 103 / 103
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    own = sorted(page.evaluate("document.querySelector('.xp').explorer.times"))
    gaps = sorted(page.evaluate("window.gaps"))
    for what, times in ((f"{words}: redraw", own), ("    between frames", gaps)):
        most = times[int(0.95 * len(times))]
        print(f"{what} {statistics.median(times):.1f} ms, 95 % under {most:.1f} ms (n = {len(times)})")


def peak() -> float:
    """Return the largest resident memory that this process has had, in MB. Needs Linux."""
    # `ru_maxrss` also counts the process that started this one
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def memory_of(name: str) -> None:
    """Print the memory of this process before a run is loaded, and at most until its explorer is made."""
    run = Run(Path(name))
    image = resources.dataset_of(run).test.images[0]
    before = peak()
    views.view(run, image)
    print(f"{peak():.0f} MB, of which {before:.0f} MB before the model is loaded")


def memory(runs: dict[str, Run]) -> None:
    """Print the memory for each run, in a process of its own."""
    for words, run in runs.items():
        command = [sys.executable, "-m", "tests.benchmarks.explorer", "--memory-of", str(run.path)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(f"{words}: {done.stdout.strip()}", flush=True)


def made(home: Path) -> dict[str, Run]:
    """Make the runs of common sizes with random weights."""
    photo = {"model": "vit", "data": "photos"}
    return {
        "ViT-B/16, 12 layers x 12 heads x 197 tokens": make_run(
            home / "runs", "ViT-B/16", image_size=224, **photo, **BASE
        ),
        "ViT-S/14 with registers, 12 layers x 6 heads x 1,374 tokens": make_run(
            home / "runs", "ViT-S/14 with registers", image_size=518, registers=4, **photo, **MANY
        ),
    }


def large(page, server: Server, run, words: str) -> None:
    """Capture, payload and redraws of a run on a bundled photograph."""
    model, photo = load_run(run), dataset_for(run.config).test.images[:1]
    taken = milliseconds(lambda: capture(model, torch.from_numpy(photo)), 5)
    print(f"{words}: capture {taken:.0f} ms; sent: {len(views.view(run, photo[0]).packed) / 1e6:.1f} MB")
    page.goto(f"{server.url}/attention?run={run.id}")
    page.wait_for_selector(".xp[data-frame]", timeout=300_000)
    page.wait_for_timeout(3000)
    if not views.too_many_tokens(run):
        return hovering(page, words)
    box, side, times = page.locator(".xp-image").bounding_box(), views.tokens_of(run)[1], []
    for row in range(2, 9):
        begin = time.perf_counter()
        page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + (row - 0.5) / side * box["height"])
        page.wait_for_selector(f".xp[data-shown^='{row}.']:not(.waiting)", timeout=60_000)
        times.append(time.perf_counter() - begin)
    print(f"{words}: another patch {statistics.median(times):.2f} s (n = {len(times)})")


def main() -> None:
    if "--memory-of" in sys.argv:
        return memory_of(sys.argv[-1])
    home = Path(tempfile.mkdtemp())
    runs = made(home)
    memory({"bundled ViT, 6 layers x 8 heads x 65 tokens": find_run("vit-cifar10"), **runs})
    if "--memory" in sys.argv:
        return None
    capturing()
    server = Server(home).start()
    small = make_run(home / "runs", "patch size 2", model="vit", patch_size=2)
    sent: list[object] = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=OF_VISITORS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
            page.goto(f"{server.url}/attention")
            page.wait_for_selector(".xp[data-frame]", timeout=60_000)
            page.wait_for_timeout(3000)
            before = len(sent)
            hovering(page, "65 tokens")
            print(f"WebSocket frames sent meanwhile: {len(sent) - before}")
            times = []
            for _ in range(7):
                page.get_by_test_id("stTopNavLink").filter(has_text="Overview").click()
                page.wait_for_selector("text=What does a Vision Transformer see?")
                page.wait_for_timeout(1500)
                begin = time.perf_counter()
                page.get_by_test_id("stTopNavLink").filter(has_text="Attention").click()
                page.wait_for_selector(".xp[data-frame]")
                times.append(time.perf_counter() - begin)
            print(f"page change to the explorer, warm: {statistics.median(times):.2f} s (n = {len(times)})")
            page.goto(f"{server.url}/attention?run={small.id}")
            page.wait_for_selector(".xp[data-frame]", timeout=60_000)
            page.wait_for_timeout(3000)
            hovering(page, "257 tokens (patch size 2)")
            for words, run in runs.items():
                large(page, server, run, words)
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
