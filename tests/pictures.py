"""Take the pictures of README from the running dashboard: `python -m tests.pictures`.

Needs Chromium and playwright (requirements-dev.txt). Writes assets/pictures/NAME.png, 1280 wide, light.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import WINDOW, Server, Visitor
from tests.chromium import FLAGS, find
from tests.conftest import ROOT

HOME = ROOT / "assets" / "pictures"


def explorer(page: Page) -> None:
    page.wait_for_selector(".xp[data-frame]", timeout=60_000)
    box = page.locator(".xp-image").bounding_box()
    page.mouse.click(box["x"] + 0.44 * box["width"], box["y"] + 0.31 * box["height"])
    for key in "o[[..":  # without the overlay, and with a selective head
        page.keyboard.press(key)


def shift(page: Page) -> None:
    page.wait_for_selector(".replay[data-frame]", timeout=60_000)
    canvas = page.locator(".replay figure canvas").bounding_box()
    unit = canvas["width"] / 32
    page.mouse.move(canvas["x"] + 90, canvas["y"] + 90)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 90 + 5 * unit, canvas["y"] + 90 - 4 * unit, steps=5)
    page.mouse.up()


def replay(page: Page) -> None:
    page.wait_for_selector(".replay[data-frame]", timeout=60_000)


def stepper(page: Page) -> None:
    page.wait_for_selector(".steps[data-still='true']", timeout=60_000)


def block(page: Page) -> None:
    page.wait_for_selector(".inside[data-step]", timeout=60_000)


def convolution(page: Page) -> None:
    page.wait_for_selector(".convolution[data-step]", timeout=60_000)


def figure(page: Page) -> None:
    page.wait_for_selector(".js-plotly-plot .main-svg", timeout=60_000)


# address, and what is done there
PICTURES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "attention": ("attention?class=dog&image=1", explorer),
    "shift": ("inductive_bias?class=ship&image=2", shift),
    "patches": ("patches?class=horse&image=3&step=3", stepper),
    "block": ("attention?view=Inside+a+block&class=dog&image=1&query=3.4&layer=4&head=3&step=3", block),
    "convolution": (
        "attention?run=resnet-cifar10&view=Inside+a+convolution&class=dog&image=1&block=4&step=4",
        convolution,
    ),
    "compare": ("compare?runs=vit-cifar10,resnet-cifar10", figure),
    "talk": ("?talk=why&step=6", replay),
}


def take(page: Page, url: str, name: str) -> Path:
    """Take one picture and return its path."""
    address, act = PICTURES[name]
    visitor = Visitor(page, url)
    visitor.open(address)
    act(page)
    page.mouse.move(1270, 715)
    visitor.settle()
    visitor.wait_for_transitions()
    path = HOME / f"{name}.png"
    page.screenshot(path=path)
    return path


def main() -> None:
    HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as play:
        server = Server(Path(home)).start()
        try:
            browser = play.chromium.launch(executable_path=find(), args=FLAGS)
            for name in PICTURES:
                page = browser.new_page(viewport=WINDOW, color_scheme="light")
                print(take(page, server.url, name))
                page.close()
            browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
