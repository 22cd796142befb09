"""The tables of the command line: aligned columns, whatever single cells hold."""

from __future__ import annotations

import pytest

from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.edit import describe
from vitcore.runs.folder import list_runs
from vitcore.runs.listing import as_rows, print_aligned, print_table
from vitcore.runs.status import Status

USUAL = [
    ("name", "state", "count"),
    ("first", "done", "1,000"),
    ("second", "to do", "7"),
    ("third", "done", "20"),
]


def printed(capsys, lines, left: int = 2) -> list[str]:
    print_aligned(lines, left)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("column", [0, 1, 2])
def test_one_long_cell_in_any_column_leaves_the_other_lines_as_they_are(column, capsys):
    long = ["fourth", "done", "3"]
    long[column] = "x" * 200
    usual = printed(capsys, [*USUAL, ("fourth", "done", "3")])
    *others, last = printed(capsys, [*USUAL, long])
    assert others == usual[:-1]
    assert last.split() == long  # complete, so that it can be copied


def test_columns_stay_aligned_if_most_cells_are_long(capsys):
    lines = [("name", "state"), *((f"{'x' * 100}{i}" * (1 + (i == 3)), "done") for i in range(5))]
    starts = [line.rindex(" ") for line in printed(capsys, lines)[1:]]
    assert len(set(starts)) == 1


def test_run_with_a_long_name_does_not_widen_the_table_of_all_runs(tmp_path, capsys):
    runs = [create_run(make_config("quick"), tmp_path, status=Status(state="stopped")) for _ in range(4)]
    print_table(as_rows(tmp_path))
    before = capsys.readouterr().out.splitlines()
    runs[-1].path.rename(tmp_path / ("n" * 200))
    print_table(as_rows(tmp_path))
    after = capsys.readouterr().out.splitlines()
    assert [line for line in after if "nnn" not in line] == [
        line for line in before if runs[-1].id not in line
    ]
    assert sum("n" * 200 in line for line in after) == 1


def test_table_tells_runs_apart_by_their_titles(tmp_path, capsys):
    """Imported models have the same data and recipe, and a time in their names."""
    titles = ["ViT, imported (deit_tiny)", "ViT, imported (dino\x1b[31msmall)", "removed"]
    for title in titles:
        run = create_run(make_config("quick"), tmp_path, title=title, status=Status(state="finished"))
    describe(run, "", None)
    runs = {run.id: run.meta.title for run in list_runs(tmp_path, bundled=False)}
    print_table(as_rows(tmp_path))
    heads, *lines = capsys.readouterr().out.splitlines()
    at = heads.index("title")
    shown = {line.split()[0]: line[at:] for line in lines if line.split()[0] in runs}
    assert sorted(shown.values()) == ["", titles[0], "ViT, imported (dino[31msmall)"]
    assert all(runs[name][:18] == text[:18] for name, text in shown.items())
