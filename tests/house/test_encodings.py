"""Text files are read and written as UTF-8, whatever the locale of the machine is."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

TEXT_METHODS = {"read_text": 0, "write_text": 1}  # position of the encoding
FILES = sorted(file for part in ("vitcore", "dashboard", "pages") for file in (ROOT / part).rglob("*.py"))


def without_encoding(source: str) -> list[int]:
    """Return the lines of a Python source that open a text file without an encoding.

    ruff's PLW1514 finds only those whose type it can infer.
    """
    return [
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _lacks(node)
    ]


def _lacks(call: ast.Call) -> bool:
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    match call.func:
        case ast.Attribute(attr="read_text" | "write_text" as name):
            return len(call.args) <= TEXT_METHODS[name]
        case ast.Attribute(attr="open", value=value):
            # a path: archives and images take their own arguments
            return ast.unparse(value) not in ("Image", "archive") and "b" not in _mode(call, 0)
        case ast.Name(id="open"):
            return "b" not in _mode(call, 1)
    return False


def _mode(call: ast.Call, position: int) -> str:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    return ast.unparse([*call.args, *given][position]) if len(call.args) + len(given) > position else "'r'"


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ("path.read_text()", True),
        ("path.read_text('utf-8')", False),
        ("path.read_text(errors='replace')", True),
        ("path.write_text(text)", True),
        ("path.write_text(text, encoding='utf-8')", False),
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("path.open('a')", True),
        ("path.open('ab' if have else 'wb')", False),
        ("read_text(path)", False),
    ],
)
def test_missing_encoding_is_found(line, lacks):
    assert bool(without_encoding(line)) is lacks


def test_every_text_file_is_opened_with_an_encoding():
    found = {str(file): lines for file in FILES if (lines := without_encoding(file.read_text("utf-8")))}
    assert not found
