"""Numbers in the files of runs that no training can have."""

from __future__ import annotations

import json
import struct
import time

import pytest
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from torch.utils.tensorboard import SummaryWriter

from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.metrics import event_files, read_scalars
from vitcore.runs.status import Status


@pytest.mark.parametrize(("length", "damaged"), [(2**60, True), (2**31, True), (10_000, False)])
def test_record_that_is_longer_than_any_is_damage_and_an_incomplete_one_is_not(tmp_path, length, damaged):
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("train_loss", 1.0, 1)
    (file,) = event_files(tmp_path)
    head = struct.pack("<Q", length)
    with file.open("ab") as end:
        end.write(head + struct.pack("<I", masked_crc32c(head)) + bytes(100))
    found = read_scalars(tmp_path)
    assert found["train_loss"].steps.tolist() == [1]
    assert found.damaged == ((file.name,) if damaged else ())


@pytest.mark.parametrize(
    "values",
    [
        {"result": {"test_acc": 1.0, "n_test": 0}},
        {"active_s": 1e18},
        {"epoch": 1e18},
    ],
)
def test_status_with_an_impossible_number_is_damaged(values):
    run = create_run(make_config(), status=Status(state="finished"))
    (run.path / "status.json").write_text(json.dumps({"state": "finished", **values}))
    assert run.status().state == "lost"
    assert next(iter(values)) in run.status().reason


@pytest.mark.parametrize("values", [{"test_acc": 0.5}, {"test_acc": 0.5, "n_test": None}, {"n_test": 0}])
def test_accuracy_over_an_unknown_number_of_images_is_read(values):
    run = create_run(make_config(), status=Status(state="finished"))
    (run.path / "status.json").write_text(json.dumps({"state": "finished", "result": values}))
    assert run.status().result == values


def test_run_of_the_future_is_last_and_one_of_a_fast_clock_is_first():
    now = time.time()
    created = {"future": 9e10, "old": now - 1000, "new": now, "fast clock": now + 3600}
    for title, when in created.items():
        create_run(make_config(), title=title, status=Status(state="finished", created=when))
    titles = [run.title for run in list_runs(bundled=False)]
    assert titles == ["fast clock", "new", "old", "future"]
