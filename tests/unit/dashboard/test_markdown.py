"""Texts of users are shown without their Markdown."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.drawing.markdown import escape, sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run `python -m vitcore runs`.", "Run `python -m vitcore runs`\\."),
        ("![x](http://h/x.png): `pip install y`", escape("![x](http://h/x.png): ") + "`pip install y`"),
        ("a ` b ![x](y)", escape("a ` b ![x](y)")),  # an unclosed backquote is not code
        ("```![x](y)`", escape("```![x](y)`")),
        ("`\n\n![x](y)\n\n`", escape("`\n\n![x](y)\n\n`")),
        ("no code *here*", escape("no code *here*")),
    ],
)
def test_backquoted_code_stays_code_and_other_markdown_is_escaped(text, expected):
    assert sentence(text) == expected


# the autolinks of mdast-util-gfm-autolink-literal, which Streamlit's Markdown uses
AUTOLINKS = (r"(https?://|www(?=\.))([-.\w]+)", r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)")


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example/a",
        "HTTPS://evil.example",
        "![x](http://h/x.png)",
        "(www.evil.example)",
        "a.b+c@evil.example",
        "see Www.evil.example or me@evil.example",
    ],
)
def test_addresses_in_the_texts_of_others_do_not_become_links(text):
    shown = re.sub(r"\\(.)", r"\1", escape(text))
    assert any(re.search(rule, text, re.IGNORECASE) for rule in AUTOLINKS)
    assert not any(re.search(rule, shown, re.IGNORECASE) for rule in AUTOLINKS)
    assert shown.replace("\u2060", "") == text


def test_error_of_a_rehearsal_is_no_markdown():
    def failed() -> None:
        from types import SimpleNamespace

        from dashboard.training import rehearsal

        rehearsal._show(SimpleNamespace(outcome=lambda: (False, "The folder a*b*c is empty.")), running=False)

    (error,) = AppTest.from_function(failed).run().error
    assert error.value == escape("The folder a*b*c is empty.")
