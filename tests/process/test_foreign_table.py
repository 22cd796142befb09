"""The table of imported and refused files in the documentation is what the importer says."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.foreign_files import FILES, answer, write

ROW = re.compile(r"^\| (.+?) \| ((?:imported as|refused:) .+) \|$", re.M)
TABLE = dict(ROW.findall((ROOT / "docs" / "models.md").read_text("utf-8")))


def test_table_has_all_files_and_at_least_twenty():
    assert list(TABLE) == list(FILES)
    assert len(TABLE) >= 20


@pytest.mark.parametrize("name", FILES)
def test_row_of_the_table_is_what_the_importer_says(name, tmp_path):
    assert answer(write(name, tmp_path)) == TABLE[name]
