"""Pages are short scripts."""

from __future__ import annotations

import ast

from dashboard.page_table import PAGES
from tests.conftest import ROOT


def test_pages_are_short_scripts_that_open_no_files():
    files = {name: ROOT / "pages" / f"{name}.py" for name in PAGES}
    assert {*files.values()} == {*(ROOT / "pages").glob("*.py")}
    for file in files.values():
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "open" not in calls, file
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 130, file
