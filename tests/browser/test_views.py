"""Every view opens without faults and jumps, is accessible, and fits a narrow window."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dashboard.attention import class_maps, panel
from tests.browser.conftest import Visitor
from tests.browser.keyboard import tab_stops, unreachable
from tests.browser.views import DRAWN, OUTSIDE, PAGES, VIEWS, open_view, violations

JUMP = 10  # pixels: the row of the title may grow by a control
WATCH = """
window.tops = [];
(function record() {
  const title = document.querySelector("[data-testid=stMain] h1");
  if (title) window.tops.push(title.getBoundingClientRect().top);
  requestAnimationFrame(record);
})();
"""


@pytest.fixture(scope="module")
def watched_page(tab):
    """Return a page that records the position of its title in every frame."""
    page = tab.context.new_page()
    page.add_init_script(WATCH)
    yield page
    page.close()


@pytest.fixture
def watched(server, watched_page):
    visitor = Visitor(watched_page, server.url)
    yield visitor
    visitor.check()
    visitor.detach()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("view", VIEWS)
def test_view_opens_without_jumps_is_accessible_and_fits_a_narrow_window(watched, view, scheme):
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": 1280, "height": 720})
    page = open_view(watched, view)
    path = VIEWS[view]
    if "talk=" not in path:
        others = {
            "attention of a CNN": class_maps.QUESTION,
            "class maps": class_maps.QUESTION,
            "side by side": panel.SIDE_QUESTION,
            "token features": panel.FEATURES_QUESTION,
            "inside a block": panel.QUESTIONS["Inside a block"],
            "a block and a convolution": panel.QUESTIONS["Inside a block"],
            "inside a convolution": panel.QUESTIONS["Inside a convolution"],
        }
        question = others.get(view) or PAGES[path.split("?")[0]]
        expect(page.locator("h1")).to_have_text(question)
    tops = page.evaluate("window.tops")
    assert len(tops) > 5
    assert max(tops) - min(tops) < JUMP
    watched.check()
    watched.wait_for_transitions()
    found = violations(page)
    assert not found, found
    if scheme == "light":  # the keyboard does not depend on colors
        stops = tab_stops(page)
        assert len(stops) > 10
        without_ring = {
            stop["name"] for stop in stops if stop["tag"] in ("A", "BUTTON") and not stop["ringed"]
        }
        assert without_ring <= {"Show/hide columns"}  # of Streamlit's tables
        assert not unreachable(page)
        page.set_viewport_size({"width": 420, "height": 900})
        watched.settle()  # the page runs again, as it does when it is opened in a narrow window
        watched.check()  # finds elements that are wider than the window
        if view in ("attention", "patches"):
            assert page.locator(DRAWN[view]).evaluate(OUTSIDE) == 0


def test_axe_finds_known_violations(tab):
    page = tab.context.new_page()
    page.set_content(
        "<html lang='en'><body style='background:#fff'><p style='color:#aaa'>faint</p><img src='a'>"
    )
    found = {violation["id"] for violation in Axe().run(page).response["violations"]}
    page.close()
    assert {"color-contrast", "image-alt"} <= found
