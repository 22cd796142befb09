"""Own images that only a browser can give: pasted ones, and a square that is moved."""

from __future__ import annotations

import base64
import re

from playwright.sync_api import expect

from tests.uploads import png

PASTE = """(element, text) => {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0)), data = new DataTransfer();
    data.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
    const look = { clipboardData: data, bubbles: true, cancelable: true };
    element.dispatchEvent(new ClipboardEvent("paste", look));
}"""


def test_pasted_image_is_shown_and_its_square_can_be_moved(visitor):
    page = visitor.open("patches")
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("radio", name="Paste").click()
    box = page.get_by_test_id("stChatInputTextArea")
    box.evaluate(PASTE, base64.b64encode(png((90, 30))).decode())
    expect(page.get_by_test_id("stChatInput").get_by_text("pasted.png")).to_be_visible()
    visitor.settle()
    box.press("Enter")
    expect(page.get_by_text(re.compile(r"pasted\.png\b.*\b32\b"))).to_be_visible()
    visitor.settle()
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("slider", name="From left to right").press("ArrowLeft")
    visitor.settle()
    expect(page.get_by_role("slider", name="From left to right")).to_have_value("49")
    page.get_by_role("button", name="Back to the test images").click()
    visitor.settle()
    visitor.check()
