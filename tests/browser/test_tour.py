"""The tour: it leads through the pages, hides nothing, and is offered until it was finished or skipped."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from dashboard import tour
from dashboard.guide.tour import stops
from tests.browser.views import violations

OFFER = ".st-key-tour_offer .tour-offer"
COUNT = len(stops())


@pytest.fixture
def phone(visitor):
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    return visitor


def expect_stop(page, number):
    expect(page.locator(".tour-count")).to_have_text(f"{number} of {COUNT}")


def assert_nothing_is_hidden(page):
    """The page begins where the strip ends, and both fit the window."""
    page.wait_for_function(
        "document.querySelector('[data-testid=stMain]').getBoundingClientRect().top >= "
        "document.querySelector('.tour').getBoundingClientRect().bottom - 1"
    )
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.getBoundingClientRect().bottom <= innerHeight + 1")
    assert page.locator(".tour").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize(("number", "last"), [(2, ".steps-hover"), (3, ".xp-summary"), (4, ".inside-facts")])
def test_stop_shows_all_of_its_drawing_in_a_small_window(visitor, number, last):
    page = visitor.open(tour.addresses()[number - 1].removeprefix("./"))
    expect_stop(page, number)
    expect(page.locator(last)).to_be_visible()
    visitor.settle()
    assert_nothing_is_hidden(page)
    box = page.locator(last).bounding_box()
    assert box["y"] + box["height"] <= 720


@pytest.mark.slow
def test_tour_is_walked_with_the_keyboard_and_remembered(visitor):
    page = visitor.open()
    page.locator(f"{OFFER} a").focus()
    page.keyboard.press("Enter")
    for number, stop in enumerate(stops(), start=1):
        expect_stop(page, number)
        visitor.settle()
        visitor.check()
        expect(page.locator(".tour-words b")).to_have_text(stop.title)
        assert f"tour={number}" in page.url
        assert_nothing_is_hidden(page)
        if number < COUNT:
            page.keyboard.press("n")
    page.keyboard.press("p")
    expect_stop(page, COUNT - 1)
    page.keyboard.press("n")
    expect_stop(page, COUNT)
    visitor.settle()
    page.keyboard.press("n")  # finishes it
    expect(page.locator(".tour")).to_have_count(0)
    assert "tour=" not in page.url
    visitor.open()
    expect(page.locator(OFFER)).to_be_hidden()


def test_skipped_tour_is_not_offered_and_starts_from_the_menu(visitor):
    page = visitor.open("patches?run=vit-cifar10-gpu&step=5&tour=2")
    expect_stop(page, 2)
    page.locator(".tour a").last.focus()
    page.keyboard.press("Escape")
    expect(page.locator(".tour")).to_have_count(0)
    page.wait_for_function("!location.search.includes('tour')")
    assert page.locator("[data-testid=stMain]").evaluate("e => e.clientHeight") == 720
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()  # the page remains
    visitor.open()
    expect(page.locator(OFFER)).to_be_hidden()
    page.get_by_role("button", name="Talk").click()
    page.locator(".st-key-tour_link a").click()
    expect_stop(page, 1)
    visitor.settle()


def test_interrupted_tour_continues_at_its_last_stop(visitor):
    page = visitor.open("patches?run=vit-cifar10-gpu&step=5&tour=2")
    expect_stop(page, 2)
    visitor.open()
    page.locator(f"{OFFER} a").click()
    expect_stop(page, 2)
    visitor.settle()


def test_dismissed_offer_does_not_return(visitor):
    page = visitor.open()
    page.locator(f"{OFFER} button").click()
    expect(page.locator(OFFER)).to_be_hidden()
    visitor.open()
    expect(page.locator(OFFER)).to_be_hidden()


def test_keys_in_a_text_field_do_not_leave_the_stop(visitor):
    page = visitor.open("compare?view=Sweeps&sweep=samples-cifar10&tour=9")
    expect_stop(page, 9)
    page.get_by_role("combobox").first.press("n")
    expect_stop(page, 9)
    assert "tour=9" in page.url
    page.keyboard.press("Escape")  # closes the list, not the tour
    expect_stop(page, 9)


def test_tour_stays_while_the_page_is_used(visitor):
    page = visitor.open("patches?run=vit-cifar10-gpu&class=cat&image=1&step=5&tour=2")
    expect_stop(page, 2)
    page.locator(".st-key-image input").fill("5")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('image=5')")
    visitor.settle()
    expect_stop(page, 2)
    page.wait_for_function("location.search.includes('tour=2')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_strip_is_accessible_in_both_themes(visitor, scheme):
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open("patches?run=vit-cifar10-gpu&step=5&tour=2")
    expect_stop(page, 2)
    visitor.wait_for_transitions()
    assert not violations(page)


def test_strip_and_name_fit_a_phone(phone):
    page = phone.open("patches?run=vit-cifar10-gpu&step=5&tour=2")
    expect_stop(page, 2)
    assert_nothing_is_hidden(page)
    for button in page.locator(".tour :is(a, button)").all():
        assert button.bounding_box()["height"] >= 36
    page.locator(".tour [data-do=next]").click()
    expect_stop(page, 3)
    phone.settle()
