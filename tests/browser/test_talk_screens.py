"""Talks on screens of several sizes, also on a phone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WINDOW, Server, Visitor
from tests.browser.test_talk import WHY, expect_step, open_talk, wait_for_view
from tests.waiting import until

SEEN = """e => parseFloat(getComputedStyle(e).fontSize) * e.getBoundingClientRect().height
    / e.getBBox().height"""  # font size in pixels of the window


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_figure_fills_the_width_with_text_of_two_percent_of_the_height(visitor, width, height):
    page = visitor.page
    page.set_viewport_size({"width": width, "height": height})
    open_talk(visitor, "?talk=why&step=7")
    wait_for_view(page)
    plot = page.locator(".st-key-talk_stage .js-plotly-plot")
    for part in (".xtitle", ".legendtext", ".annotation-text"):
        expect(plot.locator(part).first).to_be_visible()
        until(lambda part=part: plot.locator(part).first.evaluate(SEEN) > 0.02 * height)  # once laid out
    box, stage = plot.bounding_box(), page.locator(".st-key-talk_stage").bounding_box()
    assert box["width"] == pytest.approx(stage["width"], abs=2)
    assert box["height"] == pytest.approx(0.69 * height, abs=0.01 * height)


def test_hover_label_is_at_the_pointer_and_as_large_as_the_figures_text(visitor):
    page = open_talk(visitor, "?talk=why&step=7")
    wait_for_view(page)
    plot = page.locator(".st-key-talk_stage .js-plotly-plot")
    point = plot.locator(".scatterlayer .points path").nth(5)
    box = point.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + box["height"] / 2)
    label = plot.locator(".hoverlayer .legendtext, .hoverlayer text").last
    expect(label).to_be_visible()
    assert label.evaluate(SEEN) >= 17
    line = plot.locator(".hoverlayer .spikeline").first.bounding_box()
    assert line["x"] + line["width"] / 2 == pytest.approx(x, abs=3)


@pytest.mark.parametrize("step", [2, 3], ids=["patches", "attention"])
def test_text_on_a_canvas_grows_with_the_window(fresh_visitor, step):
    """Labels on a canvas grow like the other text, so that the last row can read them."""
    page = fresh_visitor.page
    page.add_init_script("""window.sizes = []; const write = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (...given) {
          const size = parseFloat(this.font.match(/([\\d.]+)px/)[1]) * this.getTransform().a;
          if (this.canvas.getClientRects().length) window.sizes.push(size / devicePixelRatio); // visible
          return write.apply(this, given);
        };""")
    for width, height in ((1280, 720), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        open_talk(fresh_visitor, f"?talk=why&step={step}")
        wait_for_view(page)
        page.wait_for_function("sizes.length > 2")
        assert page.evaluate("Math.min(...sizes)") / height > 0.02


@pytest.mark.parametrize("step", [1, 3, 7])
def test_nothing_overlaps_or_overflows_on_a_phone(visitor, step):
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 844})
    open_talk(visitor, f"?talk=why&step={step}")
    wait_for_view(page)
    expect_step(page, step)
    boxes = [
        page.locator(f".{name}").bounding_box()
        for name in ("st-key-talk_words", "st-key-talk_stage", "talk-foot")
    ]
    for upper, lower in pairwise(boxes):
        assert upper["y"] + upper["height"] <= lower["y"] + 1
    stage = page.locator(".st-key-talk_stage")
    assert stage.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1")
    page.get_by_role("button", name=f"{step + 1} {WHY.steps[step].title}").click()
    expect_step(page, step + 1)


@pytest.mark.parametrize("step", [10, 11])
def test_axis_titles_end_above_a_source_in_two_lines(visitor, step):
    page = visitor.page
    page.set_viewport_size({"width": 1280, "height": 900})
    open_talk(visitor, f"?talk=why&step={step}")
    wait_for_view(page)
    page.wait_for_function(
        """() => {
            const titles = [...document.querySelectorAll(".st-key-talk_stage .xtitle")];
            const bottom = Math.max(...titles.map((title) => title.getBoundingClientRect().bottom));
            const scale = document.documentElement.style.getPropertyValue("--talk-scale")
                || getComputedStyle(document.documentElement).getPropertyValue("--talk-scale");
            const foot = document.querySelector(".talk-source").getBoundingClientRect().top;
            return titles.length > 0 && scale.trim() === "1.25" && bottom <= foot;
        }"""
    )


def test_explorer_keeps_three_columns_in_a_low_window(visitor):
    page = visitor.page
    page.set_viewport_size({"width": 900, "height": 600})  # below this width the page stacks them
    open_talk(visitor, "?talk=why&step=3")
    wait_for_view(page)
    left, middle, right = (page.locator(f".xp-{part}").bounding_box() for part in ("left", "middle", "right"))
    assert left["x"] + left["width"] < middle["x"] < middle["x"] + middle["width"] < right["x"]
    for part in (left, middle, right):
        assert part["y"] + part["height"] <= 600 - 0.05 * 600


@pytest.mark.slow
def test_first_step_shows_that_models_are_loading_after_a_start(browser, tmp_path):
    server = Server(tmp_path).start()
    context = browser.new_context(viewport=WINDOW)
    try:
        visitor = Visitor(context.new_page(), server.url)
        page = open_talk(visitor, "?talk=why")
        expect(page.locator(".talk-loading")).to_be_visible()  # torch is being imported
        wait_for_view(page)
        expect(page.locator(".talk-loading")).to_have_count(0)
        visitor.check()
    finally:
        context.close()
        server.stop()


MAPS = """\
title: Maps
steps:
  - title: Class maps
    say: With their checks.
    link: attention?view=Class+maps&run=vit-cifar10-gpu&beside=resnet-cifar10-gpu&method=rollout&check=true
"""


@pytest.mark.parametrize(
    ("link", "place", "smallest"),
    [("?talk=maps", "talk_stage", 200), ("talks?edit=maps", "talk_preview", 100)],
    ids=["talk", "preview in the editor"],
)
def test_pictures_of_a_step_are_in_one_row_whatever_their_titles(server, visitor, link, place, smallest):
    path = server.home / "talks" / "maps.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(MAPS)
    page = visitor.open(link)
    pictures = page.locator(f".st-key-{place} .talk-pictures img")
    expect(pictures).to_have_count(5, timeout=60_000)
    titles = page.locator(f".st-key-{place} .talk-pictures figcaption").all()
    assert len({title.bounding_box()["height"] for title in titles}) > 1  # some wrap
    boxes = [picture.bounding_box() for picture in pictures.all()]
    assert max(box["y"] for box in boxes) == pytest.approx(min(box["y"] for box in boxes), abs=1)
    for box in boxes:
        assert box["width"] == pytest.approx(box["height"], abs=1)
        assert box["width"] >= smallest
    bar = page.locator(f".st-key-{place} .talk-legend img").bounding_box()
    assert bar["width"] >= 100
    assert 5 <= bar["height"] <= 30
