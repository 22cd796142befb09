"""Checkpoints that cannot be resumed are refused in one sentence."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.training.storage import NEEDED, step_of

NET = nn.Linear(2, 2)
COMPLETE = {
    "epoch": 1,
    "global_step": 24,
    "pytorch-lightning_version": "2.5.1",
    "state_dict": NET.state_dict(),
    "loops": {"fit_loop": {}},
    "callbacks": {"Keeper": {"best": 0.5, "best_epoch": 1}},
    "optimizer_states": [{"state": {}, "param_groups": []}],
    "lr_schedulers": [{}],
}
DATA = load_dataset("cifar10-mini")


def check_refused(tmp_path, content, word: str) -> None:
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(UserError) as caught:
        step_of(tmp_path / "last.ckpt", DATA, NET)
    text = str(caught.value)
    assert "last.ckpt" in text
    assert word in text
    assert "delete it" in text
    assert "\n" not in text


def test_complete_checkpoint_gives_its_step(tmp_path):
    torch.save(COMPLETE, tmp_path / "last.ckpt")
    assert step_of(tmp_path / "last.ckpt", DATA, NET) == 24


@pytest.mark.parametrize("wrong", [None, "text"])
@pytest.mark.parametrize("path", NEEDED)
def test_missing_or_wrong_entry_is_named(path, wrong, tmp_path):
    content = copy.deepcopy(COMPLETE)
    *folders, name = path.split(".")
    place = content
    for folder in folders:
        place = place[folder]
    if wrong and NEEDED[path] is not str:
        place[name] = wrong
    else:
        del place[name]
    check_refused(tmp_path, content, path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"optimizer_states": []}, "optimizer_states"),
        ({"optimizer_states": [{"state": {}}]}, "optimizer_states"),
        ({"lr_schedulers": []}, "lr_schedulers"),
        ({"state_dict": {"weight": torch.ones(2, 2)}}, "bias"),
        ({"state_dict": {"weight": torch.ones(3, 2), "bias": torch.ones(2)}}, "weight"),
        ({"state_dict": {**NET.state_dict(), "extra": torch.ones(1)}}, "extra"),
        ({"state_dict": {**NET.state_dict(), "bias": 1.0}}, "bias"),
        ({"random": [{"cpu": torch.zeros(5056, dtype=torch.uint8)}]}, "random"),
        ({"random": [{"cpu": torch.get_rng_state()}, {}]}, "random"),
    ],
)
def test_incomplete_content_is_named(changes, word, tmp_path):
    check_refused(tmp_path, {**COMPLETE, **changes}, word)


@pytest.mark.parametrize("content", [[1, 2], torch.ones(2), {}, {"weight": torch.ones(2)}])
def test_file_without_the_entries_of_a_checkpoint_is_refused(content, tmp_path):
    check_refused(tmp_path, content, "epoch")


def owned(tmp_path, name: str, created: float, content) -> Run:
    """Return a run folder whose last checkpoint holds `content`."""
    run = create_run(make_config(), tmp_path, status=Status(state="stopped", created=created))
    run = Run(run.path.rename(tmp_path / name))
    run.checkpoints.mkdir(exist_ok=True)
    torch.save(content, run.last)
    return run


OWNER = {"run": {"id": "first", "created": 7.0}}


@pytest.mark.parametrize(("name", "created"), [("first", 7.0), ("renamed", 7.0), ("first", 9.0)])
def test_checkpoint_of_the_same_run_is_read_after_a_new_name_or_a_lost_status(name, created, tmp_path):
    assert step_of(owned(tmp_path, name, created, {**COMPLETE, **OWNER}).last, DATA, NET) == 24


def test_checkpoint_of_another_run_is_refused_by_the_name_of_that_run(tmp_path):
    other = owned(tmp_path, "second", 9.0, {**COMPLETE, **OWNER, "images": "other images"})
    with pytest.raises(UserError, match=r"last\.ckpt belongs to another run \(first\).*delete it") as caught:
        step_of(other.last, DATA, NET)
    assert "images" not in str(caught.value)


@pytest.mark.parametrize("owner", [{}, {"run": 3}, {"run": {"id": 3, "created": 1.0}}, {"run": {"id": "a"}}])
def test_checkpoint_that_names_no_run_does_not_say_that_the_images_changed(owner, tmp_path):
    run = owned(tmp_path, "second", 9.0, {**COMPLETE, **owner, "images": "other images"})
    with pytest.raises(UserError, match=r"last\.ckpt was trained on other images than cifar10-mini"):
        step_of(run.last, DATA, NET)
    run = owned(tmp_path, "first", 9.0, {**COMPLETE, **OWNER, "images": "other images"})
    with pytest.raises(UserError, match=r"^The images of cifar10-mini have changed"):
        step_of(run.last, DATA, NET)


def test_resume_note_names_a_checkpoint_only_if_there_is_one(tmp_path):
    run = Run(tmp_path)
    run.checkpoints.mkdir()
    assert "no checkpoint" in run.resume_note
    run.last.touch()
    assert "last checkpoint" in run.resume_note
