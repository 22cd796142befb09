"""Lists of runs name weights that are damaged or missing."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from dashboard.drawing.markdown import escape
from dashboard.shared import run_status
from tests.command_line import run as command
from tests.conftest import TINY_RESNET, TINY_VIT
from tests.made_runs import make_run
from vitcore.analysis.tokens import read_tokens
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.models.weight_files import AGAIN
from vitcore.paths import runs_dir
from vitcore.runs.folder import Run
from vitcore.runs.integrity import _is_complete, weights_fault
from vitcore.runs.listing import as_row, as_rows
from vitcore.runs.status import Status


def made(**more) -> Run:
    return make_run(runs_dir(), "made", model="vit", **TINY_VIT, **more)


def empty(run: Run) -> None:
    run.best.write_bytes(b"")


def cut(run: Run) -> None:
    os.truncate(run.best, run.best.stat().st_size - 1)


def longer(run: Run) -> None:
    os.truncate(run.best, run.best.stat().st_size + 1)


def huge_header(run: Run) -> None:
    run.best.write_bytes((2**62).to_bytes(8, "little") + run.best.read_bytes()[8:])


def file_instead_of_folder(run: Run) -> None:
    shutil.rmtree(run.checkpoints)
    run.checkpoints.write_text("x")


@pytest.mark.parametrize("damage", [empty, cut, longer, huge_header, file_instead_of_folder])
def test_damaged_weights_are_named_in_lists_and_by_the_state_of_the_run(damage):
    run, sound = made(), made(seed=1)
    assert weights_fault(run, run.status()) is None
    damage(run)
    rows = {row["id"]: row for row in as_rows()}
    assert rows[run.id]["weights_fault"] == "weights damaged"
    assert rows[sound.id]["weights_fault"] == ""
    lines = command("runs").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith(f"{run.id} ") and "finished" in line]
    assert "finished, weights damaged" in line
    reason = as_row(run)["weights_reason"]
    assert "checkpoints" in reason
    assert any(reason in line for line in lines)
    assert escape(reason) in run_status.describe(run, run.status())


@pytest.mark.parametrize("link", [False, True])
def test_missing_best_weights_of_a_finished_run_are_named_although_a_snapshot_is_used(link):
    run = made(steps=(5, 10))
    run.best.unlink()
    if link:
        run.best.symlink_to(run.best)
    row = as_row(run)
    assert row["weights_fault"] == "weights missing"
    assert "step-0000010.safetensors is used" in row["weights_reason"]
    assert "step\\-0000010" in run_status.describe(run, run.status())


def test_run_that_was_exported_without_weights_is_sound():
    run = made()
    run.best.unlink()
    assert as_row(run)["weights_fault"] == ""


def test_stopped_run_with_snapshots_only_is_sound():
    run = made(steps=(5,))
    run.best.unlink()
    run.write_status(Status(state="stopped"))
    assert as_row(run)["weights_fault"] == ""


def test_weights_that_other_programs_write_with_spaces_in_the_header_are_sound():
    run = made()
    content = run.best.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + length])).encode()
    run.best.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    load_run(run)
    assert as_row(run)["weights_fault"] == ""


def test_header_of_our_own_weights_needs_no_parsing():
    for run in (made(), make_run(runs_dir(), "cnn", model="resnet", **TINY_RESNET)):
        assert _is_complete(str(run.best), run.best.stat().st_size)


@pytest.mark.parametrize("damage", [empty, cut, huge_header])
def test_error_about_damaged_weights_says_to_copy_them_again(damage):
    run = made()
    damage(run)
    with pytest.raises(UserError, match=AGAIN):
        load_run(run)
    with pytest.raises(UserError, match=AGAIN):
        read_tokens(run.best, run.config.options, np.zeros((3, 32, 32), np.uint8))
