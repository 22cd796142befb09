"""The explorer on a touch screen: a finger scrolls over it, a tap selects, and the brush paints."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.explorer_page import EXPLORER, expect_shown, patch_position

SCROLLED = "document.querySelector('[data-testid=\"stMain\"]').scrollTop"


@pytest.fixture
def phone(browser, server):
    context = browser.new_context(viewport={"width": 420, "height": 700}, has_touch=True, is_mobile=True)
    visitor = Visitor(context.new_page(), server.url)
    visitor.open("attention?class=ship&image=1")
    expect(visitor.page.locator(".xp[data-frame]")).to_be_visible()
    visitor.page.locator(".xp-image").scroll_into_view_if_needed()
    yield visitor
    visitor.check()
    context.close()


def swipe_up(page):
    """Move a finger up over the image by 100 pixels."""
    box = page.locator(".xp-image").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for moved in range(0, 101, 10):
        kind = "touchMove" if moved else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y - moved}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.slow
def test_finger_scrolls_over_the_explorer_unless_the_brush_paints(phone):
    page = phone.page
    before = page.evaluate(SCROLLED)
    swipe_up(page)
    page.wait_for_function(f"{SCROLLED} > {before + 30}")
    page.locator(".xp [data-do=brush]").first.click()
    expect(page.locator(".xp.brushing")).to_be_visible()
    page.locator(".xp-image").scroll_into_view_if_needed()
    before = page.evaluate(SCROLLED)
    swipe_up(page)
    page.wait_for_function(f"{EXPLORER}.mask.some((v) => v)")
    assert page.evaluate(SCROLLED) == before
    phone.settle()


@pytest.mark.slow
def test_tap_selects_a_patch(phone):
    page = phone.page
    page.touchscreen.tap(*patch_position(page, 2, 3))
    expect_shown(page, "2.3")


# whether the browser's menu is prevented; Chromium without a screen does not open it by itself
MENU = """document.querySelector(".xp-image").dispatchEvent(
  new MouseEvent("contextmenu", { bubbles: true, cancelable: true, composed: true })) === false"""


@pytest.mark.slow
def test_resting_finger_shows_a_map_and_opens_no_menu(phone):
    page = phone.page
    x, y = patch_position(page, 2, 3)
    touch = page.context.new_cdp_session(page)
    assert not page.evaluate(MENU)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect_shown(page, "2.3")
    assert page.evaluate(MENU)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    selectable = "getComputedStyle(document.querySelector('.xp-image')).userSelect"
    assert page.evaluate(selectable) == "none"
