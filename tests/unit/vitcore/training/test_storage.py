"""Checkpoints that cannot be resumed are refused in one sentence."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run
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


def test_resume_note_names_a_checkpoint_only_if_there_is_one(tmp_path):
    run = Run(tmp_path)
    run.checkpoints.mkdir()
    assert "no checkpoint" in run.resume_note
    run.last.touch()
    assert "last checkpoint" in run.resume_note
