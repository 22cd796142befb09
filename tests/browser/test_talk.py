"""Talks: keyboard, notes, views that follow the pointer, and own talk files."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dashboard.talk.files import find_talk
from tests.browser.views import PAGES

WHY = find_talk("why")
COUNT = len(WHY.steps)
TIMEOUT = 60_000


def open_talk(visitor, address):
    page = visitor.page
    page.goto(f"{visitor.url}/{address}")
    expect(page.locator(".talk-count")).to_be_visible()
    return page


def expect_step(page, number, count=COUNT):
    expect(page.locator(".talk-count")).to_have_text(f"{number} / {count}")


def expect_fit(page):
    """Wait until the page has no scrollbars and nothing is cut off."""
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stMain], [data-testid=stMainBlockContainer]')]"
        ".every(e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth)"
    )


def wait_for_view(page):
    """Wait until the view of the step is drawn."""
    stage = page.locator(".st-key-talk_stage")
    view = stage.locator(
        ".xp[data-frame], .steps canvas, .similarity, .replay, .js-plotly-plot, .talk-pictures"
    )
    expect(view.first).to_be_visible()
    expect(stage.get_by_test_id("stAlert")).to_have_count(0)


def test_keys_move_through_the_bundled_talk_in_both_directions(visitor):
    page = open_talk(visitor, "?talk=why")
    keys = ["ArrowRight", "PageDown", "Space", "ArrowDown", "Enter"]
    for number, step in enumerate(WHY.steps, start=1):
        expect_step(page, number)
        expect(page.locator(".st-key-talk_words h1")).to_have_text(step.title)
        expect(page.locator(".st-key-talk_words p")).to_have_text(step.say)
        wait_for_view(page)
        expect_fit(page)
        source = page.locator(".talk-source")
        expect(source).to_have_text(f"Source: {step.source}")
        assert source.bounding_box()["height"] < 30  # one line, which does not cover the view
        if number < COUNT:
            page.keyboard.press(keys[number % len(keys)])
    page.keyboard.press("ArrowRight")  # ignored after the last step
    for number in range(COUNT - 1, 0, -1):
        page.keyboard.press("PageUp" if number % 2 else "ArrowLeft")
        expect_step(page, number)
    wait_for_view(page)
    page.keyboard.press("End")
    expect_step(page, COUNT)
    assert f"step={COUNT}" in page.url
    visitor.check()


def test_talk_hides_the_navigation_and_has_large_type(visitor):
    page = open_talk(visitor, "?talk=why&step=3")
    wait_for_view(page)
    expect(page.get_by_role("link", name="Overview")).to_have_count(0)
    assert not page.get_by_test_id("stHeader").is_visible()
    size = page.locator(".st-key-talk_words p").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 24  # of 720 pixels, like the body text of a slide
    source = page.locator(".talk-source")
    assert source.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16


@pytest.mark.parametrize(
    ("slower", "pauses"),  # slowdown of the browser; ms between presses, in which a step may be drawn
    [(1, (0, 60, 300)), (4, (150,)), pytest.param(8, (300,), marks=pytest.mark.slow)],
)
def test_quick_key_presses_are_all_counted(visitor, slower, pauses):
    page = open_talk(visitor, "?talk=why")
    wait_for_view(page)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    for pause in pauses:
        for _ in range(4):
            page.keyboard.press("PageDown")
            page.wait_for_timeout(pause)
        expect_step(page, 5)
        for _ in range(2):
            page.keyboard.press("PageUp")
            page.wait_for_timeout(pause)
        expect_step(page, 3)
        page.keyboard.press("Home")
        expect_step(page, 1)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.detach()


def test_key_shows_and_hides_the_notes(visitor):
    page = open_talk(visitor, "?talk=why&step=2")
    note = page.locator(".talk-note")
    expect(note).to_be_hidden()
    page.keyboard.press("n")
    expect(note).to_have_text(WHY.steps[1].note)
    page.keyboard.press("ArrowRight")
    expect(note).to_have_text(WHY.steps[2].note)  # stays open, with the note of the next step
    page.keyboard.press("n")
    expect(note).to_be_hidden()


def test_escape_closes_the_notes_and_then_leaves_the_talk(visitor):
    page = open_talk(visitor, "?talk=why&step=3")
    expect_step(page, 3)
    page.keyboard.press("n")
    expect(page.locator(".talk-note")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".talk-note")).to_be_hidden()
    assert "talk=why" in page.url
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-talk_menu")).to_be_visible()
    assert "talk=" not in page.url


def test_back_works_right_after_a_key_press(fresh_visitor):
    page = open_talk(fresh_visitor, "?talk=why")
    wait_for_view(page)
    page.clock.install()
    for number in (2, 3):
        page.keyboard.press("PageDown")
        expect_step(page, number)
    page.go_back()
    expect_step(page, 2)
    page.clock.fast_forward(1600)  # ms: a lost press would be sent again
    fresh_visitor.settle()
    expect_step(page, 2)
    page.keyboard.press("PageDown")
    expect_step(page, 3)


def test_explorer_of_a_step_follows_the_pointer_and_arrows_change_the_step(visitor):
    page = open_talk(visitor, "?talk=why&step=3")
    wait_for_view(page)
    title = page.locator(".xp-title")
    expect(title).to_contain_text("row 4, column 5")  # the query of the link
    image = page.locator(".xp-image")
    image.hover(position={"x": 20, "y": 20})
    expect(title).to_contain_text("row 1, column 1")
    image.click(position={"x": 20, "y": 20})
    assert page.url.endswith("?talk=why&step=3")  # the address does not change
    page.mouse.move(2, 2)
    page.keyboard.press("ArrowRight")
    expect_step(page, 4)
    page.keyboard.press("ArrowLeft")
    expect_step(page, 3)
    wait_for_view(page)
    expect(page.locator(".xp-title")).to_contain_text("row 4, column 5")  # the state of the link again


@pytest.fixture
def own_talks(visitor, server):
    """Return a visitor and the empty folder for own talks."""
    folder = server.home / "talks"
    folder.mkdir(exist_ok=True)
    yield visitor, folder
    for path in folder.iterdir():
        path.unlink()


def test_copied_views_make_a_talk(own_talks):
    visitor, folder = own_talks
    page = visitor.open("attention?class=frog&image=4")
    expect(page.locator(".xp[data-frame]")).to_be_visible()
    page.locator(".xp-image").click(position={"x": 30, "y": 30})
    page.get_by_role("button", name="Talk").click()
    page.get_by_role("tab", name="Add this view").click()
    page.get_by_role("button", name="Copy as talk step").click()
    lines = page.get_by_role("textbox", name="Talk step").input_value()
    (folder / "frog.yaml").write_text(f"title: Frogs\nsteps:\n{lines}")
    page.keyboard.press("Escape")
    page = visitor.open("patches?class=ship&step=4")
    page.get_by_role("button", name="Talk").click()
    page.get_by_role("tab", name="Add this view").click()
    page.get_by_role("button", name="Copy as talk step").click()
    lines = page.get_by_role("textbox", name="Talk step").input_value()
    with (folder / "frog.yaml").open("a") as file:
        file.write(lines)
    page = open_talk(visitor, "?talk=frog")
    expect_step(page, 1, 2)
    wait_for_view(page)
    expect(page.locator(".st-key-talk_words h1")).to_have_text(PAGES["attention"])
    expect(page.locator(".xp-name")).to_have_text(re.compile(r"frog.*\b4\b"))
    expect(page.locator(".xp-title")).to_contain_text("row 1, column 1")
    page.keyboard.press("PageDown")
    expect_step(page, 2, 2)
    wait_for_view(page)
    expect(page.locator(".steps [aria-current], .steps [aria-pressed=true]").first).to_contain_text(
        "4 Projection"
    )
    visitor.open("")
    page.get_by_role("button", name="Talk").click()
    expect(page.locator(".st-key-talk_entry_frog")).to_contain_text(re.compile(r"Frogs.*\b2\b"))
    with page.expect_download() as got:
        page.get_by_role("button", name="HTML").first.click()
    assert got.value.suggested_filename == "frog.html"
    assert PAGES["attention"] in got.value.path().read_text()
    visitor.check()


def test_own_talk_is_presented_saved_and_reloaded_after_a_correction(own_talks):
    visitor, folder = own_talks
    path = folder / "mine.yaml"
    text = (
        "title: Mine\nsteps:\n"
        "  - {title: A ship, say: Where it looks., link: 'attention?class=ship&query=2.2'}\n"
        "  - {title: A run, say: Its curves., link: 'training?watch=resnet-cifar10', note: Slowly}\n"
        "  - {title: Wrong, say: There is none., link: 'attention?run=gone'}\n"
        "  - {title: Confusion, say: Who takes what for what., link: 'compare?show=Confusion'}\n"
    )
    path.write_text(text)
    page = open_talk(visitor, "?talk=mine")
    wait_for_view(page)
    page.keyboard.press("PageDown")
    expect_step(page, 2, 4)
    wait_for_view(page)
    page.reload()
    expect_step(page, 2, 4)
    wait_for_view(page)
    page.keyboard.press("PageDown")
    expect(page.get_by_test_id("stAlert").filter(has_text="gone")).to_be_visible()
    page.keyboard.press("PageDown")
    expect_step(page, 4, 4)
    wait_for_view(page)
    page.goto(f"{visitor.url}/")
    page.get_by_role("button", name="Talk").click(timeout=TIMEOUT)
    visitor.settle()  # until then, the page may replace the button
    with page.expect_download(timeout=TIMEOUT) as got:
        page.get_by_role("button", name="HTML").first.click()
    file = got.value.path().read_text()  # has the error in place of the third view
    assert re.search('<p class="standalone-missing">[^<]*gone', file)
    assert all(f"<h1>{title}</h1>" in file for title in ("A ship", "A run", "Wrong", "Confusion"))
    page.goto(f"{visitor.url}/?talk=mine&step=4")
    expect_step(page, 4, 4)
    path.write_text(text.replace("say: Its", "sya: Its"))
    page.reload()
    expect(page.get_by_text(re.compile("mine.yaml.*line 4.*sya"))).to_be_visible()
    path.write_text(text)
    page.reload()
    expect_step(page, 4, 4)
    page.goto(f"{visitor.url}/?talk=![x](http://127.0.0.1:1/x.png)")  # shown as text
    expect(page.get_by_text("![x](http\u2060://127.0")).to_be_visible()
    page.goto(f"{visitor.url}/?talk=other")
    expect(page.get_by_text(re.compile(r"\bother\b"))).to_be_visible()
    visitor.check()


def test_longest_texts_leave_room_for_the_view(own_talks):
    visitor, folder = own_talks
    title = "A title as long as a file may have it, which two lines would take in large type"
    say = "A sentence as long as it may be: " + "words of several lengths, some long, " * 5
    step = f'  - title: "{title}"\n    say: "{say.strip()[:220]}"\n    link: '
    links = ("inductive_bias?probe=Occlusion&view=curve", "attention?class=cat")
    (folder / "long.yaml").write_text("title: Long\nsteps:\n" + "".join(f"{step}{link}\n" for link in links))
    page = open_talk(visitor, "?talk=long")
    for number in (1, 2):
        expect_step(page, number, 2)
        wait_for_view(page)
        expect_fit(page)
        page.keyboard.press("PageDown")
    visitor.check()


def test_two_hundred_steps_leave_room_for_source_and_number(own_talks):
    visitor, folder = own_talks
    step = "  - {title: A, say: B., link: overview, source: 'Somebody 2021, figure 7'}\n"
    (folder / "many.yaml").write_text("title: Many\nsteps:\n" + 200 * step)
    page = open_talk(visitor, "?talk=many&step=150")
    expect_step(page, 150, 200)
    assert page.locator(".talk-source").bounding_box()["height"] < 30
    leave = page.get_by_role("link", name="Leave the talk").bounding_box()
    assert leave["x"] + leave["width"] <= 1280
    (folder / "my many.yaml").write_text("title: Many\n")
    visitor.open("")
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_test_id("stAlert").filter(has_text="my many.yaml")).to_be_visible()
