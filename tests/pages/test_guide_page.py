"""The guide: a text about all pages, with the sections of their guides and with exercises."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import guide
from dashboard.guide.chapters import chapter
from dashboard.guide.exercises import exercises
from dashboard.page_table import PAGES
from tests.apptests import open_app

PARTS = [part for name in PAGES for part in (chapter(name).lead, *chapter(name).parts)]
IN_TEXTS = {found for part in PARTS for found in re.findall(r"\]\(\./(\w*)(?:\?([^)#]*))?\)", part.text)}
IN_ANSWERS = {
    (exercise.page, exercise.query) for found in exercises().values() for exercise in found.values()
}
LINKED = sorted({(page or "overview", query) for page, query in IN_TEXTS if page != "talks"} | IN_ANSWERS)


@pytest.fixture(scope="module")
def whole_guide():
    def script():
        from dashboard import guide_page

        guide_page.show()

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    return app


def test_chapters_are_those_of_the_pages_in_order(whole_guide):
    assert [heading.proto.anchor for heading in whole_guide.header] == list(PAGES)


def test_every_link_inside_the_guide_has_a_heading(whole_guide):
    headings = [*whole_guide.title, *whole_guide.header, *whole_guide.subheader]
    anchors = [heading.proto.anchor for heading in headings]
    assert len(set(anchors)) == len(anchors)
    linked = {name for text in whole_guide.markdown for name in re.findall(r"\]\(#([\w-]+)\)", text.value)}
    assert linked >= set(PAGES)
    assert linked <= set(anchors)


def test_every_section_of_every_page_is_shown_once(whole_guide):
    titles = [expander.label for expander in whole_guide.expander if expander.label.startswith("In detail")]
    expected = {
        section.title
        for name in PAGES
        for section in guide.guide(name).sections
        if section.title not in guide.inherited(name)
    }
    assert sorted(titles) == sorted(f"In detail: {title}" for title in expected)
    shown = {markdown.value for markdown in whole_guide.markdown}
    for name in PAGES:
        for section in guide.guide(name).sections:
            assert guide.linked(section.text).strip() in shown, section.title


def test_every_exercise_is_asked_once_and_its_answer_is_folded(whole_guide):
    answers = [expander for expander in whole_guide.expander if expander.label.startswith("Answer")]
    assert len(answers) == sum(map(len, exercises().values()))
    assert len({expander.label for expander in answers}) == len(answers)
    assert not any(expander.proto.expanded for expander in answers)
    questions = [text.value for text in whole_guide.markdown if text.value.startswith("**Exercise")]
    assert len(questions) == len(answers)
    assert all("](./" in question for question in questions)  # the reader looks before unfolding the answer
    for name in PAGES:
        assert sorted(chapter(name).names("exercise")) == sorted(exercises()[name])


@pytest.mark.parametrize(("name", "query"), LINKED)
def test_views_of_texts_and_answers_open(name, query):
    app = open_app(name, **dict(parse_qsl(query)))
    assert not app.error
    assert not app.toast


def test_guide_of_a_page_links_to_its_chapter():
    assert any("](./guide#patches)" in markdown.value for markdown in open_app("patches").markdown)
