"""The popover of every page: formulas drawn, nothing from elsewhere, the glossary searched while typing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dashboard import guide
from dashboard.shared import resources
from dashboard.sweeps import sample_curves


def path_of(name):
    return "" if name == "overview" else name


def open_guide(page):
    page.get_by_role("button", name="How it works").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body.locator(".st-key-guide")).to_be_visible()
    return body


@pytest.mark.parametrize("name", guide.NAMES)
def test_every_page_says_how_it_works(visitor, name):
    page = visitor.open(path_of(name))
    body = open_guide(page)
    sections = guide.guide(name).sections
    for section in sections:
        place = body.locator("details").filter(
            has=page.locator("summary").get_by_text(section.title, exact=True)
        )
        if place.get_attribute("open") is None:
            place.locator("summary").click()
        expect(place).to_have_attribute("open", "")
        blocks = section.text.count("$$") // 2
        expect(place.locator(".katex-display")).to_have_count(blocks)
        for i in range(blocks):
            expect(place.locator(".katex-display").nth(i)).to_be_visible()
            cut = place.locator(".katex-display").nth(i).evaluate("e => e.scrollWidth - e.clientWidth")
            assert cut <= 1, f"a formula of {section.title} is {cut} pixels too wide"
    assert body.locator(".katex-error").count() == 0
    wide = (
        "(e => e.scrollWidth > e.clientWidth + 1)(document.querySelector('[data-testid=\"stPopoverBody\"]'))"
    )
    assert not page.evaluate(wide)
    box = body.bounding_box()
    assert box["y"] + box["height"] <= 720
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_the_overview_fits_its_screen_and_says_how_it_was_measured(visitor):
    page = visitor.open()
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight") <= 720
    body = open_guide(page)
    body.locator("summary").filter(has_text="How it was measured").click()
    run = resources.bundled()["vit"]
    size, minutes = resources.parameters(run) / 1e6, run.status().active_s / 60
    said = f"the ViT, {size:.1f} million parameters, for {minutes:.0f} minutes on two"
    expect(body.get_by_text(said)).to_be_visible()
    curves = body.get_by_text("The curves:")
    expect(curves).to_have_count(1 if sample_curves.bundled_points() else 0)


def test_the_explorer_s_keys_stay_at_hand(open_explorer):
    page = open_explorer()
    body = open_guide(page)
    expect(body.get_by_text("a second click compares")).to_be_visible()
    expect(body.get_by_text("with the pointer over the explorer")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("inductive_bias?probe=Frequencies", "Frequencies"),
        ("compare?show=Calibration", "Calibration"),
        ("compare", "Scores"),
        ("attention", "How to use it"),
    ],
)
def test_what_is_shown_is_unfolded(visitor, path, title):
    page = visitor.open(path)
    body = open_guide(page)
    expect(body.locator("details[open]")).to_have_count(1)
    expect(body.locator("details").first.locator("summary")).to_have_text(re.compile(title))
    assert body.locator("details").first.get_attribute("open") is not None


def test_the_glossary_lists_this_page_s_words_and_is_searched_while_typing(visitor):
    page = visitor.open("patches")
    body = open_guide(page)
    body.get_by_role("tab", name="Glossary").click()
    words = body.locator("[role=tabpanel]").last.locator("p > strong:first-child")
    own = guide.words_of("patches")
    assert 0 < len(own) < len(guide.glossary())
    expect(words).to_have_count(len(guide.glossary()) + 2)  # and two headings
    expect(words.nth(1)).to_have_text(own[0])
    expect(words.nth(len(own) + 1)).to_have_text("Elsewhere")
    search = body.get_by_placeholder(f"Search {len(guide.glossary())} words")
    search.press_sequentially("rollout", delay=30)
    expect(words).to_have_text(guide.look_up("rollout"))
    expect(body.get_by_text(guide.glossary()["attention rollout"])).to_be_visible()
    search.fill("zebra")
    expect(body.get_by_text("try a shorter word")).to_be_visible()
    search.fill("")
    expect(words).to_have_count(len(guide.glossary()) + 2)
    visitor.settle()
