"""Add to talk, questions, and the speaker window, in a browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from dashboard.talk import files
from tests.browser.test_standalone import offline, write  # noqa: F401, a fixture
from tests.browser.test_talk import expect_fit, wait_for_view
from tests.browser.views import violations
from tests.waiting import until

LESSON = """\
title: Lesson
steps:
  - {title: The first, say: A sentence., link: "overview?look=cat", note: Speak slowly.}
  - title: A cat has ears
    say: They are dark here.
    question: What does a cat have?
    answers: [wheels, ears]
    answer: ears
    link: overview?look=cat
  - {title: The last, say: Good bye., link: "overview?look=dog", source: Somebody 2021}
"""


@pytest.fixture
def folder(server):
    """Return the folder of the user's talks with one talk, whose second step has a question."""
    folder = server.home / "talks"
    folder.mkdir(exist_ok=True)
    (folder / "lesson.yaml").write_text(LESSON)
    yield folder
    for path in folder.iterdir():
        path.unlink()


def open_step(page, url, step):
    page.goto(f"{url}/?talk=lesson&step={step}")
    expect(page.locator(".talk-count")).to_have_text(f"{step} / 3")
    return page


def open_speaker(page):
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    expect(opened.value.locator(".speaker-label").first).to_be_visible()
    return opened.value


def expect_now(speaker, number):
    expect(speaker.locator(".speaker-label").first).to_have_text(f"Step {number} of 3")


def test_view_with_what_components_wrote_is_added_to_a_new_talk(visitor, folder):
    page = visitor.open("attention?class=frog&image=4")
    expect(page.locator(".xp[data-frame]")).to_be_visible()
    page.locator(".xp-image").click(position={"x": 30, "y": 30})
    expect(page.locator(".xp-title")).to_contain_text("row 1, column 1")
    page.get_by_role("button", name="Talk").click()
    page.get_by_role("tab", name="Add this view").click()
    talk = page.get_by_role("combobox", name="Talk")
    expect(talk).to_be_visible()
    visitor.wait_for_transitions()
    assert not violations(page)
    talk.fill("Frogs")
    talk.press("Enter")
    page.get_by_label("Sentence for the audience").fill("Where it looks.")
    page.get_by_role("button", name="Add to talk").click()
    expect(page.get_by_test_id("stToast").filter(has_text="Frogs")).to_be_visible()
    until(lambda: (folder / "frogs.yaml").exists())
    (step,) = files.read_talk(folder / "frogs.yaml").steps
    assert (step.state["class"], step.state["image"]) == ("frog", "4")
    assert step.state["query"] == "1.1"
    assert step.say == "Where it looks."
    expect(page.get_by_role("tab", name="Add this view")).to_have_count(0)  # the menu is closed


def test_question_hides_the_view_until_a_click_shows_the_answer(visitor, folder):
    page = open_step(visitor.page, visitor.url, 2)
    question = page.locator(".talk-question")
    expect(question.get_by_role("heading")).to_have_text("What does a cat have?")
    expect(question.get_by_role("listitem")).to_have_text(["wheels", "ears"])
    expect(page.locator(".talk-asked")).to_be_visible()
    words, view = page.locator(".st-key-talk_words"), page.locator(".st-key-talk_stage")
    expect(view.locator("img").first).to_be_attached()
    for hidden in (words.locator("h1"), view.locator("img").first):
        expect(hidden).to_be_hidden()
    assert "ears" not in page.title()
    question.get_by_role("button").click()
    expect(question).to_be_hidden()
    expect(words).to_contain_text("Answer: ears.")
    expect(view.locator("img").first).to_be_visible()
    page.wait_for_url("**answer=shown**")
    page.reload()  # the link shows the answer
    expect(words.locator("h1")).to_be_visible()
    expect(question).to_be_hidden()


def test_key_shows_the_answer_before_the_next_step(visitor, folder):
    page = open_step(visitor.page, visitor.url, 1)
    page.keyboard.press("PageDown")
    expect(page.locator(".talk-question")).to_be_visible()
    page.keyboard.press("PageDown")
    expect(page.locator(".talk-question")).to_be_hidden()
    expect(page.locator(".talk-count")).to_have_text("2 / 3")
    page.keyboard.press("PageDown")
    expect(page.locator(".talk-count")).to_have_text("3 / 3")
    page.wait_for_function("!location.search.includes('answer')")
    page.keyboard.press("PageUp")
    expect(page.locator(".talk-count")).to_have_text("2 / 3")
    expect(page.locator(".st-key-talk_words h1")).to_be_visible()  # the answer is known by now


def test_speaker_window_follows_the_talk_and_moves_it(fresh_visitor, folder):
    page = open_step(fresh_visitor.page, fresh_visitor.url, 1)
    speaker = open_speaker(page)
    sent = []
    speaker.on("websocket", lambda _: sent.append("connection"))
    expect_now(speaker, 1)
    expect(speaker.locator(".speaker-notes")).to_have_text("Speak slowly.")
    expect(speaker.locator(".speaker-next h2")).to_have_text("A cat has ears")
    page.keyboard.press("PageDown")
    expect_now(speaker, 2)
    answer = speaker.locator(".speaker-answer")
    expect(answer).to_contain_text("not shown yet")
    speaker.keyboard.press("ArrowRight")
    expect(page.locator(".talk-question")).to_be_hidden()
    expect(answer).not_to_contain_text("not shown yet")
    speaker.get_by_role("button", name="Next").click()
    expect(page.locator(".talk-count")).to_have_text("3 / 3")
    expect_now(speaker, 3)
    speaker.keyboard.press("Home")
    expect(page.locator(".talk-count")).to_have_text("1 / 3")
    assert not sent  # the window was not reloaded


def test_speaker_window_survives_reloads_of_both_windows(fresh_visitor, folder):
    page = open_step(fresh_visitor.page, fresh_visitor.url, 1)
    speaker = open_speaker(page)
    page.keyboard.press("PageDown")
    expect_now(speaker, 2)
    stored = page.evaluate("sessionStorage.getItem('vitlab-talk-lesson')")
    assert json.loads(stored)["started"] > 0
    page.reload()
    expect(page.locator(".talk-count")).to_have_text("2 / 3")
    expect(speaker.get_by_text("In step")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('vitlab-talk-lesson')") == stored  # the time goes on
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    expect_now(speaker, 3)
    speaker.reload()
    expect_now(speaker, 3)
    expect(speaker.get_by_text("In step")).to_be_visible()
    speaker.get_by_role("button", name="Back").click()
    expect(page.locator(".talk-count")).to_have_text("2 / 3")
    page.close()
    expect(speaker.get_by_role("link", name="Open the talk")).to_be_visible()
    expect_now(speaker, 2)
    fresh_visitor.page = speaker  # for the checks at the end


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_longest_question_and_answer_fit(visitor, folder, width, height):
    def text(length):
        return (40 * "words of several lengths, ")[: length - 1] + "."

    answers = [f"{letter} {text(78)}" for letter in "abcdef"]
    step = {
        "title": text(80),
        "say": text(220),
        "question": text(220),
        "answers": answers,
        "answer": answers[1],
    }
    content = {"title": "Long", "steps": [{**step, "link": "attention?class=cat"}]}
    (folder / "lesson.yaml").write_text(json.dumps(content))
    page = visitor.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{visitor.url}/?talk=lesson")
    question = page.locator(".talk-question")
    expect(question).to_be_visible()
    assert question.evaluate("e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth")
    page.keyboard.press("PageDown")
    wait_for_view(page)
    if width > height:
        expect_fit(page)
    stage, words = page.locator(".st-key-talk_stage"), page.locator(".st-key-talk_words")
    box = words.bounding_box()
    assert box["y"] + box["height"] <= stage.bounding_box()["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_speaker_window_and_question_are_accessible(visitor, folder, scheme):
    page = visitor.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{visitor.url}/?talk=lesson&step=2&speaker=true")
    expect_now(page, 2)
    visitor.settle()
    assert not violations(page)
    open_step(page, visitor.url, 2)
    expect(page.locator(".talk-question")).to_be_visible()
    visitor.settle()
    assert not violations(page)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (2560, 1440)])
def test_speaker_window_fits(visitor, folder, width, height):
    page = visitor.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{visitor.url}/?talk=lesson&step=2&speaker=true")
    expect_now(page, 2)
    for name in ("Back", "Next", "Restart"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height


def test_question_of_a_standalone_file_is_answered_by_a_key(tmp_path, offline):  # noqa: F811
    (tmp_path / "lesson.yaml").write_text(LESSON)
    out = tmp_path / "lesson.html"
    assert write(str(tmp_path / "lesson.yaml"), out).returncode == 0
    offline.goto(out.as_uri())
    shown = offline.locator(".standalone-step:not([hidden])")
    expect(shown.locator("h1")).to_have_text("The first")
    expect(shown.locator("img").first).to_be_visible()
    offline.keyboard.press("PageDown")
    expect(offline.locator(".talk-question")).to_contain_text("What does a cat have?")
    expect(shown.locator(".talk-pictures img").first).to_be_hidden()
    expect(shown.locator(".talk-asked")).to_be_visible()
    offline.keyboard.press("PageDown")
    expect(offline.locator(".talk-question")).to_be_hidden()
    expect(shown.locator(".st-key-talk_words")).to_contain_text("Answer: ears.")
    expect(shown.locator(".talk-pictures img").first).to_be_visible()
    expect(shown.locator(".talk-asked")).to_be_hidden()
    offline.keyboard.press("PageDown")
    expect(shown.locator("h1")).to_have_text("The last")
