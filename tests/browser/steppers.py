"""The steppers through a block and through a convolution, as browser tests use them."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect


@dataclass(frozen=True)
class Stepper:
    """A stepper on a page: the selector of its root, and the address of its view."""

    selector: str
    view: str

    @property
    def script(self) -> str:
        """Return the JavaScript expression of the stepper."""
        return f"document.querySelector('{self.selector}').stepper"

    def expect_state(self, page: Page, **state: object) -> None:
        """Wait until the stepper shows this: step, kind, block, layer, head, query, channel, position."""
        wanted = "".join(f"[data-{name}='{value}']" for name, value in state.items())
        expect(page.locator(f"{self.selector}[data-step]{wanted}")).to_be_visible()

    def point(self, page: Page, panel: str, x: float = 0.5, y: float = 0.5) -> list[float]:
        """Move the pointer into a panel, once it is drawn, by fractions of its width and height.

        A drawing that is resized meanwhile would be missed: the pointer follows until it stays.
        """
        place: list[float] = []
        while (found := self.place(page, panel, x, y)) != place:
            place = found
            page.mouse.move(*place)
        return place

    def place(self, page: Page, panel: str, x: float, y: float) -> list[float]:
        """Return the point of the window at fractions of a panel's width and height, once it is drawn."""
        return page.wait_for_function(
            f"(([id, x, y]) => {{ const s = {self.script}, box = s.canvas.getBoundingClientRect();"
            "const { image, panels } = s.layout;"
            "const found = id === 'image' ? { ...image, w: image.size, h: image.size }"
            " : panels.find((one) => one.id === id)?.box;"
            "if (!found) return null;"
            "const at = (v) => (v + 4) * s.zoom;"
            "return [box.left + at(found.x + x * found.w), box.top + at(found.y + y * found.h)]; })",
            arg=[panel, x, y],
        ).json_value()


def reading(page: Page) -> Locator:
    """Return the number that is written out."""
    return page.locator(".inside-reading")


BLOCK = Stepper(".inside.block", "attention?view=Inside+a+block")
CONVOLUTION = Stepper(".convolution", "attention?run=resnet-cifar10&view=Inside+a+convolution")
