"""The guide of every page: its formulas fit the popover, and its glossary can be searched."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from dashboard import guide
from dashboard.page_table import PAGES


def open_guide(page):
    page.get_by_role("button", name="How it works").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body.locator(".st-key-guide")).to_be_visible()
    return body


UNFOLD = "e => e.querySelectorAll('details:not([open]) > summary').forEach((one) => one.click())"
# for each section, its title and the overflow of its formulas in pixels
SECTIONS = """e => [...e.querySelectorAll("details")].map((one) => [
  one.querySelector("summary").innerText.trim(),
  [...one.querySelectorAll(".katex-display")].map(
    (formula) => formula.checkVisibility() ? formula.scrollWidth - formula.clientWidth : Infinity),
])"""


@pytest.mark.parametrize("name", PAGES)
def test_formulas_of_every_guide_fit_the_popover(visitor, name):
    page = visitor.open("" if name == "overview" else name)
    if name == "overview":  # fits one screen
        assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight") <= 720
    body = open_guide(page)
    body.evaluate(UNFOLD)
    visitor.wait_for_transitions()
    expect(body.locator("details:not([open])")).to_have_count(0)
    overflow = {title.split("\n")[-1]: pixels for title, pixels in body.evaluate(SECTIONS)}
    for section in guide.guide(name).sections:
        assert len(overflow[section.title]) == section.text.count("$$") // 2, section.title
        assert max(overflow[section.title], default=0) <= 1, section.title
    assert body.locator(".katex-error").count() == 0
    assert body.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    box = body.bounding_box()
    assert box["y"] + box["height"] <= 720
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_glossary_is_searched_while_typing(visitor):
    page = visitor.open("patches")
    body = open_guide(page)
    body.get_by_role("tab", name="Glossary").click()
    terms = body.locator("[role=tabpanel]").last.locator("p > strong:first-child")
    expect(terms).to_have_count(len(guide.glossary()) + 2)  # plus two headings
    search = body.locator(".st-key-glossary input")
    search.press_sequentially("rollout")
    expect(terms).to_have_text(guide.look_up("rollout"))
    search.fill("zebra")
    expect(terms).to_have_count(0)
    search.fill("")
    expect(terms).to_have_count(len(guide.glossary()) + 2)
    visitor.settle()
