"""Failing trainings: the error, the reason in the run, and the checkpoints that are kept."""

from __future__ import annotations

import errno
import re
import shutil
import threading
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch._inductor.exc import CppCompileError

from tests.small_trainings import config, reference_config, same_weights, train_until
from tests.waiting import until
from vitcore.errors import UserError
from vitcore.queue import launch
from vitcore.runs.folder import Run, list_runs
from vitcore.training import engine, module, train
from vitcore.training.callbacks import Keeper
from vitcore.training.module import Classifier
from vitcore.training.storage import DurableIO


@pytest.mark.parametrize("step", [1, 24, 30])  # the first, the last of an epoch, one between checkpoints
def test_nan_loss_ends_the_run_and_keeps_the_last_good_checkpoint(colors, step, monkeypatch, uninterrupted):
    original = Classifier.training_step

    def poisoned(self, batch, index):
        loss = original(self, batch, index)
        return loss * float("nan") if self.trainer.global_step == step - 1 else loss  # of that step

    monkeypatch.setattr(Classifier, "training_step", poisoned)
    with pytest.raises(UserError, match=r"step \d+\b.*\bloss\b"):
        train(reference_config(colors), progress=False)
    (run,) = list_runs(bundled=False)
    assert run.status().state == "failed"
    assert re.search(r"step \d+\b", run.status().reason)
    assert run.last.is_file() == run.best.is_file() == (step > 24)
    if run.last.is_file():
        kept = torch.load(run.last, weights_only=True)
        assert kept["global_step"] == 24
        assert all(torch.isfinite(w).all() for w in kept["state_dict"].values())
    monkeypatch.setattr(Classifier, "training_step", original)
    train(resume=run.id, progress=False)
    assert same_weights(uninterrupted(), run)


def test_divergence_at_a_high_learning_rate_is_reported(colors):
    with pytest.raises(UserError, match=r"step \d+\b.*\bloss \d"):
        train(config(colors, batch_size=4, lr=10.0), progress=False)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_at_a_checkpoint_is_reported_and_the_previous_one_resumes(
    colors, monkeypatch, uninterrupted
):
    original, saves = DurableIO.save_checkpoint, []

    def second_fails(self, checkpoint, path, *rest, **more):
        saves.append(path)
        if len(saves) == 2:
            original(self, checkpoint, path)
            with open(path, "r+b") as file:
                file.truncate(1000)  # the disk was full
            full()
        original(self, checkpoint, path, *rest, **more)

    monkeypatch.setattr(DurableIO, "save_checkpoint", second_fails)
    with pytest.raises(UserError, match="disk"):
        train(reference_config(colors), progress=False)
    (run,) = list_runs(bundled=False)
    assert run.status().state == "failed"
    assert "disk" in run.status().reason
    assert torch.load(run.last, weights_only=True)["global_step"] == 24
    assert not list(run.checkpoints.glob(".last.*"))
    train(resume=run.id, progress=False)
    assert same_weights(uninterrupted(), run)


def test_unwritable_status_does_not_end_a_training(colors, monkeypatch):
    original, count = Run.write_status, [0]

    def sometimes(self, status):
        count[0] += 1
        if 3 <= count[0] <= 5:
            full()
        original(self, status)

    monkeypatch.setattr("vitcore.training.reports.BEAT_S", 0.0)
    monkeypatch.setattr(Run, "write_status", sometimes)
    assert train(config(colors), progress=False).status().state == "finished"
    assert count[0] > 10


def test_heartbeat_continues_outside_of_training_steps(colors, monkeypatch):
    monkeypatch.setattr("vitcore.training.reports.SILENT_S", 0.1)
    original, beats, threads = module.evaluate, [], threading.active_count()

    def slow(*given):
        (run,) = list_runs(bundled=False)
        for _ in range(4):
            beats.append(run.stored_status().heartbeat)
            until(lambda: run.stored_status().heartbeat > beats[-1], 20)
        return original(*given)

    monkeypatch.setattr(module, "evaluate", slow)
    run = train(config(colors, epochs=1), progress=False)
    assert len(set(beats)) == 4
    until(lambda: threading.active_count() <= threads, 20)  # the heartbeat has stopped
    assert run.stored_status().state == "finished"


def changed_entry(file: Path, name: str) -> bytes:
    """Return the content of a checkpoint with 40 other bytes in the middle of one of its entries."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        entry = archive.getinfo(f"archive/{name}")
    header = content[entry.header_offset + 26 : entry.header_offset + 30]  # lengths of the name and the rest
    start = entry.header_offset + 30 + int.from_bytes(header[:2], "little")
    middle = start + int.from_bytes(header[2:], "little") + entry.file_size // 2
    for place in range(middle - 20, middle + 20):
        content[place] ^= 0x10
    return bytes(content)


def files_of(run: Run) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("damage", [0, 1, 1000, -1, "data/0", "data/2", "data.pkl"])
def test_damaged_checkpoint_is_reported_and_leaves_the_run_as_it_was(colors, damage):
    run = train_until(30, config(colors, batch_size=4))
    whole = run.last.read_bytes()
    named = isinstance(damage, str)
    run.last.write_bytes(changed_entry(run.last, damage) if named else whole[:damage])
    before = files_of(run)
    doors = [lambda: train(resume=run.id, progress=False), *([lambda: launch.resume(run)] if named else [])]
    for door in doors:  # the queue compares checksums, and the training also reads the content
        with pytest.raises(UserError, match=f"{re.escape(str(run.last))}.*{damage if named else ''}.*delete"):
            door()
        assert files_of(run) == before
    assert run.status().state == "stopped"
    run.write_status(run.stored_status().model_copy(update={"state": "queued"}))
    with pytest.raises(UserError, match=re.escape(str(run.last))):
        engine.execute(run, progress=False)  # what the supervisor starts
    assert run.status().state == "failed"
    assert str(run.last) in run.status().reason
    run.last.write_bytes(whole)
    train(resume=run.id, progress=False)
    assert run.status().state == "finished"


def test_resume_reports_changed_images(colors, tmp_path):
    place = tmp_path / "images"
    shutil.copytree(colors, place)
    run = train_until(30, config(place, batch_size=4))
    added = place / "red" / "zzz.png"
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(added)
    with pytest.raises(UserError, match=re.escape(str(place))):
        train(resume=run.id, progress=False)
    added.unlink()
    train(resume=run.id, progress=False)
    assert run.status().state == "finished"


def test_resume_names_the_run_of_a_foreign_checkpoint_and_leaves_the_run_as_it_was(colors, tmp_path):
    run = train_until(30, config(colors, batch_size=4))
    place = tmp_path / "images"
    shutil.copytree(colors, place)
    (place / "red" / "000.png").unlink()
    other = train_until(30, config(place, batch_size=4))
    shutil.copy(other.last, run.last)
    before = files_of(run)
    with pytest.raises(UserError, match=rf"{re.escape(str(run.last))} .*another run \({other.id}\)"):
        train(resume=run.id, progress=False)
    assert files_of(run) == before


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "batch_size"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), "batch_size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "batch_size"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "batch_size"),
        (MemoryError(), "batch_size"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (CppCompileError(["g++"], "unknown type name"), "compile"),
        (ValueError("a fault of our own"), ""),
    ],
)
def test_reason_of_an_expected_error_names_what_to_change(colors, monkeypatch, error, named):
    def broken(self, batch, index):
        raise error

    monkeypatch.setattr(Classifier, "training_step", broken)
    with pytest.raises(UserError if named else ValueError, match=named or "of our own"):
        train(config(colors), progress=False)
    (run,) = list_runs(bundled=False)
    assert run.status().state == "failed"
    assert (named or "ValueError: a fault of our own") in run.status().reason


def test_cpu_out_of_memory_error_is_recognized():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert "batch_size" in engine.reason_of(caught.value)


def test_checkpoint_without_an_entry_of_lightning_is_refused_and_resumes_when_restored(colors, uninterrupted):
    run = train_until(30, reference_config(colors))
    complete = torch.load(run.last, weights_only=True)
    for key in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers", "loops"):
        torch.save({name: value for name, value in complete.items() if name != key}, run.last)
        with pytest.raises(UserError, match=f"it has no {key}.*delete it"):
            train(resume=run, progress=False)
        assert run.status().state == "stopped"
    torch.save(complete, run.last)
    train(resume=run, progress=False)
    assert same_weights(uninterrupted(), run)


def test_stop_without_saving_in_the_first_epoch_promises_no_checkpoint(colors):
    original = Keeper.on_train_batch_end

    def abort_at_3(self, trainer, *rest):
        if trainer.global_step == 3:
            self.run.stop_request.write_text("abort")
        original(self, trainer, *rest)

    with mock.patch.object(Keeper, "on_train_batch_end", abort_at_3):
        run = train(reference_config(colors), progress=False)
    assert run.status().state == "stopped"
    assert "no checkpoint" in run.status().reason
    assert not run.last.exists()


def test_divergence_before_the_first_checkpoint_promises_none(colors):
    with pytest.raises(UserError) as caught:
        train(config(colors, batch_size=4, lr=10.0), progress=False)
    (run,) = list_runs(bundled=False)
    assert ("is kept" in str(caught.value)) == run.last.is_file()
