"""What tables and the state of a run say about runs that were not trained here."""

from __future__ import annotations

import pytest

from dashboard.shared import run_status
from vitcore.config import IMPORTED, PHOTOS, build_config
from vitcore.paths import runs_dir
from vitcore.runs.creation import create_run
from vitcore.runs.folder import EXTERNAL
from vitcore.runs.listing import as_row, print_table
from vitcore.runs.status import Status

OPTIONS = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 4}
REASON = "imported from net.pth, without an event file"


def made(recipe: str, data: str, **status):
    config = build_config(model="vit", recipe=recipe, data=data, options=OPTIONS)
    return create_run(config, runs_dir(), status=Status(state="finished", created=1e9, **status))


@pytest.mark.parametrize(("recipe", "reason"), [(IMPORTED, REASON), (EXTERNAL, "finished")])
def test_state_does_not_say_that_a_run_from_elsewhere_was_trained_on_photographs(recipe, reason):
    run = made(recipe, PHOTOS, reason=reason)
    said = run_status.describe(run, run.status())
    assert "photos" not in said
    assert said.count("imported") == (recipe == IMPORTED)
    known = made(recipe, "cifar10", reason=reason)
    assert "on cifar10" in run_status.describe(known, known.status())


@pytest.mark.parametrize(("epoch", "shown"), [(0.0, ""), (5.0, "5")])
def test_table_does_not_invent_the_planned_epochs_of_an_import(epoch, shown, capsys):
    run = made(IMPORTED, PHOTOS, reason=REASON, epoch=epoch)
    print_table([as_row(run)])
    heads, line = capsys.readouterr().out.splitlines()
    end = heads.index("epoch") + len("epoch")  # the column is right-aligned
    assert line[end - len("epoch") : end].strip() == shown
    assert " of " not in line
