"""Scripts and style sheets are short enough to read: at most 350 lines of at most 110 columns."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT

LINES, COLUMNS = 350, 110
FOLDERS = ("dashboard", "tests")


@pytest.mark.parametrize("suffix", [".js", ".css"])
def test_scripts_and_style_sheets_are_short(suffix):
    files = sorted(file for part in FOLDERS for file in (ROOT / part).rglob(f"*{suffix}"))
    assert len(files) > 5
    too_long = []
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        wide = [number for number, line in enumerate(lines, 1) if len(line) > COLUMNS]
        too_long += [f"{file.relative_to(ROOT)}: {len(lines)} lines"] * (len(lines) > LINES)
        too_long += [f"{file.relative_to(ROOT)}:{number}: more than {COLUMNS} columns" for number in wide]
    assert not too_long
