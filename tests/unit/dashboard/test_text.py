"""Texts of users are shown without their Markdown."""

from __future__ import annotations

import pytest

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
