"""In read-only mode, commands print what is stored, and refuse to measure and to write."""

from __future__ import annotations

import json

import pytest

from tests.command_line import check_refused, run
from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore.paths import runs_dir


@pytest.fixture
def tiny(monkeypatch):
    made = make_run(runs_dir(), "tiny", model="vit", **TINY_VIT)
    monkeypatch.setenv("VITLAB_READONLY", "1")
    return made


def files_of(tiny):
    return sorted(path for path in tiny.path.parent.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["shift", "test", "speed", "first-look"])
@pytest.mark.parametrize("options", [(), ("--with-run",)])
def test_measurement_is_refused(name, options, tiny):
    before = files_of(tiny)
    check_refused(run("probe", name, "--runs", tiny.id, "--images", "10", *options), "read-only")
    assert files_of(tiny) == before


def test_stored_result_is_printed_but_not_copied_into_the_run(tiny, monkeypatch):
    command = ("probe", "shift", "--runs", tiny.id, "--images", "10", "--json")
    monkeypatch.delenv("VITLAB_READONLY")
    measured = run(*command)
    monkeypatch.setenv("VITLAB_READONLY", "1")
    assert json.loads(run(*command).stdout) == json.loads(measured.stdout)
    check_refused(run(*command, "--with-run"), "read-only")
    assert not (tiny.path / "probes").exists()


@pytest.mark.parametrize("place", ["copy", "copy.zip", "copy.onnx"])
def test_export_is_refused(place, tiny, tmp_path):
    out = tmp_path / "shared" / place
    check_refused(run("export", tiny.id, out), "read-only")
    assert not out.parent.exists()
