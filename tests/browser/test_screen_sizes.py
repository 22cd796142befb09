"""Every view fits every size of screen: no cut text, no overlapping controls, one grid."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.views import VIEWS, open_view
from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.status import Status

pytestmark = pytest.mark.slow  # two minutes
SIZES = [(390, 844), (768, 1024), (1024, 768), (1280, 720), (1920, 1080), (2560, 1440)]
# True once the size of the main area and of all drawings has been the same in three frames
CALM = """() => {
  const boxes = [...document.querySelectorAll("[data-testid=stMain], canvas, .main-svg")];
  const now = boxes.map((e) => `${e.clientWidth} ${e.clientHeight}`).join();
  window.calmFrames = now === window.lastBoxes ? (window.calmFrames ?? 0) + 1 : 0;
  window.lastBoxes = now;
  return window.calmFrames >= 3;
}"""
# texts that their element or their field hides in part
CUT = """() => [...document.querySelectorAll("[data-testid=stMain] *, .st-key-talk_menu *")].filter((e) => {
  const style = getComputedStyle(e);
  const hides = ["hidden", "clip"].includes(style.overflowX) || e.tagName === "INPUT" ||
    e.getAttribute("role") === "radiogroup";
  return hides && e.clientWidth > 8 && e.clientHeight > 8 && e.scrollWidth > e.clientWidth + 1 &&
    e.checkVisibility({ visibilityProperty: true }) && (e.value || e.textContent).trim() &&
    !e.closest("[data-testid=stDataFrame], .katex, :has(> .st-key-talk_figures)");
}).map((e) => `${e.className || e.tagName}: ${(e.value || e.textContent).trim().slice(0, 60)}`)"""
# controls, headings and texts of figures whose boxes have an area in common
OVERLAPS = """() => {
  const names = "button, a[href], h1, h2, h3, .annotation-text, .xtitle, .ytitle, .legendtext";
  const found = [...document.querySelectorAll(names)].filter((e) =>
    e.closest("[data-testid=stMain]") && !e.closest(".st-key-talk_warm, .st-key-guide_text p, [hidden]") &&
    e.textContent.trim() &&
    e.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  const boxes = found.map((e) => e.getBoundingClientRect());
  const named = (e) => `${e.tagName} ${e.textContent.trim().slice(0, 40)}`;
  const pairs = [];
  found.forEach((one, i) => found.slice(i + 1).forEach((other, k) => {
    const a = boxes[i], b = boxes[i + 1 + k];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 3 && high > 3 && !one.contains(other) && !other.contains(one)) {
      pairs.push(`${named(one)} | ${named(other)}`);
    }
  }));
  return pairs;
}"""
BLOCKING = """() => [...document.querySelectorAll("[data-testid=stMain] canvas")].filter((e) =>
  !/auto|manipulation|pan-y/.test(getComputedStyle(e).touchAction)).map((e) => e.className)"""


@pytest.mark.parametrize("view", VIEWS)
def test_no_text_is_cut_and_no_controls_overlap_at_any_size(visitor, view):
    faults = []
    visitor.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    page = open_view(visitor, view)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        visitor.settle()
        page.wait_for_function(CALM)
        visitor.check()
        faults += [f"{width}: cut: {found}" for found in page.evaluate(CUT)]
        faults += [f"{width}: overlap: {found}" for found in page.evaluate(OVERLAPS)]
        if width < 600:
            faults += [f"{width}: a finger cannot scroll from {found}" for found in page.evaluate(BLOCKING)]
    assert not faults, "\n".join(faults)


def test_long_name_of_the_watched_run_is_shown_whole(visitor, server):
    config = make_config("quick", model="preactresnet", epochs=120)
    run = create_run(config, server.home / "runs", status=Status(state="stopped"))
    page = visitor.open(f"training?watch={run.id}")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        visitor.settle()
        page.wait_for_function(CALM)
        assert not page.evaluate(CUT), width


def test_panels_of_a_figure_are_below_each_other_on_a_phone_only(visitor):
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = open_view(visitor, "inductive bias, curves")
    tops = """() => [...document.querySelector(".js-plotly-plot").querySelectorAll(".annotation-text")]
        .map((e) => Math.round(e.getBoundingClientRect().top))"""
    page.wait_for_function(f"new Set(({tops})()).size > 2")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(f"new Set(({tops})()).size === 1")


@pytest.mark.parametrize("width", [1280, 1920, 2560, 3440])
def test_name_title_and_content_have_the_same_edges(visitor, width):
    visitor.page.set_viewport_size({"width": width, "height": 9 * width // 16})
    page = visitor.open("compare")
    name = page.get_by_test_id("stHeaderLogo").bounding_box()
    title = page.locator("h1").bounding_box()
    guide = page.locator(".st-key-head").get_by_test_id("stPopoverButton").bounding_box()
    menu = page.locator(".st-key-talk_menu").get_by_test_id("stPopoverButton").bounding_box()
    assert abs(name["x"] - title["x"]) < 2
    right = page.locator(".st-key-head").bounding_box()
    right = right["x"] + right["width"]
    assert abs(menu["x"] + menu["width"] - right) < 6
    assert abs(guide["x"] + guide["width"] - right) < 6


def test_name_navigation_and_menu_do_not_overlap_at_any_size(visitor):
    page = visitor.open("compare?tour=9")
    boxes = """() => [
      document.querySelector(":has(> [data-testid=stHeaderLogo])"),
      ...document.querySelectorAll("[data-testid=stTopNavLink], [data-testid=stExpandSidebarButton]"),
      document.querySelector(".st-key-talk_menu button"),
    ].filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect())
      .map((box) => [box.left, box.right])"""
    for width, height in [*SIZES, (600, 900), (700, 900), (800, 600)]:
        page.set_viewport_size({"width": width, "height": height})
        visitor.settle()
        page.wait_for_function(CALM)
        found = page.evaluate(boxes)
        assert len(found) >= 3, width
        assert found == sorted(found), width
        assert all(right <= left for (_, right), (left, _) in pairwise(found)), (width, found)
        assert found[0][1] - found[0][0] > 60, width  # the icon and the name
        assert found[-1][1] <= width, width


def test_type_grows_with_large_screens(visitor):
    page = visitor.open()
    sizes = {}
    for width, height in SIZES[2:]:
        page.set_viewport_size({"width": width, "height": height})
        sizes[width] = page.locator("h1").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert sizes[1024] == sizes[1280] < sizes[1920] < sizes[2560]


def test_hyphen_is_not_as_wide_as_a_digit(visitor):
    page = visitor.open()
    expect(page.locator("h1")).to_be_visible()
    hyphen, digit = page.evaluate("""async () => {
        const app = document.querySelector("[data-testid=stApp]");
        await document.fonts.load("15px Inter", "-0");
        return ["-", "0"].map((text) => {
            const one = document.createElement("span");
            one.textContent = text.repeat(40);
            app.append(one);
            const { width } = one.getBoundingClientRect();
            one.remove();
            return width;
        });
    }""")
    assert 0.4 * digit < hyphen < 0.8 * digit
