"""The guides of all pages as one text."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import guide
from dashboard.guide.exercises import exercises
from dashboard.page_table import PAGES
from tests.apptests import open_app

LINKED = sorted({(exercise.page, exercise.query) for of_page in exercises().values() for exercise in of_page})


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


def test_every_section_is_shown_once(whole_guide):
    titles = [heading.value for heading in whole_guide.subheader if heading.value != "Exercises"]
    expected = {section.title for name in PAGES for section in guide.guide(name).sections}
    assert set(titles) == expected
    assert len(titles) == len(expected)
    shown = {markdown.value for markdown in whole_guide.markdown}
    for name in PAGES:
        for section in guide.guide(name).sections:
            assert guide.linked(section.text).strip() in shown, section.title


def test_answers_are_folded_and_link_to_a_view(whole_guide):
    count = sum(map(len, exercises().values()))
    assert len(whole_guide.expander) == count
    for expander in whole_guide.expander:
        assert not expander.proto.expanded
        assert "](./" in expander.markdown[0].value


@pytest.mark.parametrize(("name", "query"), LINKED)
def test_views_of_the_answers_open(name, query):
    app = open_app(name, **dict(parse_qsl(query)))
    assert not app.error
    assert not app.toast


def test_guide_of_a_page_links_to_the_whole_text():
    assert any("](./guide)" in markdown.value for markdown in open_app("patches").markdown)
