"""Every command rejects malicious names of runs with one line and changes nothing."""

from __future__ import annotations

import sys

import pytest

from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.listing import as_rows, print_table
from vitcore.runs.status import Status


def test_escape_sequences_in_a_data_folder_are_not_printed(capsys):
    create_run(make_config("quick", data="folder:/a\x1b[31mred"), status=Status(state="stopped"))
    print_table(as_rows())
    printed = capsys.readouterr().out
    assert "folder:/a[31mred" in printed
    assert "\x1b" not in printed


HOSTILE = ["../x", "/etc", "a" * 5000, "ünïcode-💥", "x\0y", "..", ".", "", "-rf", "%2e%2e", "runs/../.."]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command", [["delete"], ["describe", "--title", "x"], ["stop"], ["launch", "--resume"], ["move"]]
)
def test_malicious_names_are_rejected_and_change_nothing(name, command, tmp_path, monkeypatch, capsys):
    from vitcore.__main__ import main

    bystander = tmp_path / "x"
    bystander.mkdir()
    (bystander / "notes.txt").write_text("not a run")
    create_run(make_config("quick"), tmp_path / "runs", status=Status(state="stopped"))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    more = ["first"] if command == ["move"] else []
    monkeypatch.chdir(tmp_path / "runs")
    monkeypatch.setattr(sys, "argv", ["vitcore", *command, name, *more])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    assert left.value.code == 2
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file() and p.name != ".queue.lock"}
    assert after == before
