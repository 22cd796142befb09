"""Every view opens without faults and jumps, is accessible, and fits a narrow window."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.keyboard import tab_stops, unreachable
from tests.browser.views import DRAWN, PAGES, VIEWS

JUMP = 10  # pixels: the row of the title may grow by a control
WATCH = """
window.tops = [];
(function record() {
  const title = document.querySelector("[data-testid=stMain] h1");
  if (title) window.tops.push(title.getBoundingClientRect().top);
  requestAnimationFrame(record);
})();
"""
OUTSIDE = """e => [...e.querySelectorAll("button, canvas, p, span")].filter(
  (one) => one.offsetWidth && one.getBoundingClientRect().right > innerWidth).length"""


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


def violations(page):
    """Return the violations that axe-core finds, a line per element."""
    return "\n".join(
        f"{one['impact']}, {one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in Axe().run(page).response["violations"]
        for node in one["nodes"]
    )


def open_view(visitor, view):
    page = visitor.open(VIEWS[view])
    if drawn := DRAWN.get(view):
        expect(page.locator(drawn).first).to_be_visible()
        visitor.settle()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_view_opens_without_jumps_and_is_accessible(watched, view, scheme):
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": 1280, "height": 720})
    page = open_view(watched, view)
    path = VIEWS[view]
    if "talk=" not in path:
        expect(page.locator("h1")).to_have_text(PAGES[path.split("?")[0]])
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
        without_ring = {one["name"] for one in stops if one["tag"] in ("A", "BUTTON") and not one["ringed"]}
        assert without_ring <= {"Show/hide columns"}  # of Streamlit's tables
        assert not unreachable(page)


@pytest.mark.parametrize("view", [view for view in VIEWS if not view.startswith("talk")])
def test_view_fits_a_narrow_window(visitor, view):
    """`Visitor.check` finds elements that are wider than the window."""
    visitor.page.set_viewport_size({"width": 420, "height": 900})
    page = open_view(visitor, view)
    visitor.check()  # before a rerun
    if view in ("attention", "patches"):
        assert page.locator(DRAWN[view]).evaluate(OUTSIDE) == 0


# path, and the button that opens a popover
POPOVERS = {
    "guide": ("attention", "How it works"),
    "talk": ("", "Talk"),
    "command of an experiment": ("inductive_bias", "How it was measured"),
    "export": ("training?watch=resnet-cifar10", "Export"),
}


@pytest.mark.parametrize(("path", "button"), POPOVERS.values(), ids=list(POPOVERS))
def test_popover_is_accessible(visitor, path, button):
    page = visitor.open(path)
    page.get_by_role("button", name=button).first.click()
    page.wait_for_selector('[data-testid="stPopoverBody"]')
    visitor.settle()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(BACKGROUND, arg=scheme)
        visitor.wait_for_transitions()
        found = violations(page)
        assert not found, f"{scheme}: {found}"


# whether the background is light or dark as the scheme requires
BACKGROUND = """(scheme) => {
  const color = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
  return (parseInt(color.match(/\\d+/)[0]) > 128) === (scheme === "light");
}"""


def test_score_table_is_scrolled_by_keyboard_in_a_narrow_window(visitor):
    visitor.page.set_viewport_size({"width": 420, "height": 900})
    page = visitor.open("compare?show=Scores&runs=vit-cifar10,resnet-cifar10")
    frame = page.get_by_role("region", name="Scores")
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth")
    frame.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.scores-frame').scrollLeft > 0")


def test_axe_finds_known_violations(tab):
    page = tab.context.new_page()
    page.set_content(
        "<html lang='en'><body style='background:#fff'><p style='color:#aaa'>faint</p><img src='a'>"
    )
    found = {one["id"] for one in Axe().run(page).response["violations"]}
    page.close()
    assert {"color-contrast", "image-alt"} <= found
