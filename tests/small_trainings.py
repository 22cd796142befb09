"""Trainings of seconds in this process, and helpers to compare and interrupt them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import numpy as np
import torch
from safetensors.torch import load_file

from tests.conftest import TINY_RESNET, TINY_VIT
from vitcore.config import Config, make_config
from vitcore.runs.folder import Run
from vitcore.runs.metrics import read_scalars
from vitcore.training import train
from vitcore.training.callbacks import Keeper

CURVES = {"train_loss", "train_acc", "val_loss", "val_acc", "lr", "epoch"}
# options that draw random numbers
RANDOM = {
    "vit": {"keep_patches": 0.5, "drop_path": 0.3, "dropout": 0.1},
    "resnet": {},
}


def config(colors, model: str = "vit", **more) -> Config:
    tiny = TINY_VIT if model == "vit" else TINY_RESNET
    return make_config(
        "quick", model=model, data=f"folder:{colors}", **{"epochs": 3, "device": "cpu", **tiny, **more}
    )


def reference_config(colors, model: str = "vit") -> Config:
    """Return the configuration of the fixture `uninterrupted`: 72 steps in three epochs."""
    mixing = {"augment": "trivial", "mixup": 0.8, "cutmix": 1.0}
    return config(colors, model, batch_size=4, **mixing, **RANDOM[model])


def same_weights(a: Run, b: Run) -> bool:
    one, two = load_file(a.best), load_file(b.best)
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def check_same_training(a: Run, b: Run) -> None:
    """Assert that weights and curves are equal, bit by bit."""
    assert same_weights(a, b)
    ours, theirs = read_scalars(a.path), read_scalars(b.path)
    assert ours.curves.keys() == theirs.curves.keys() >= {"train_loss", "val_loss", "lr", "epoch"}
    for tag in CURVES & ours.curves.keys():
        assert np.array_equal(ours[tag].steps, theirs[tag].steps), tag
        assert np.array_equal(ours[tag].values, theirs[tag].values), tag


@contextlib.contextmanager
def stop_at(step: int) -> Iterator[None]:
    """Request a stop at this step from all trainings in the context."""
    original = Keeper.on_train_batch_end

    def stop_then(self, trainer, *rest):
        if trainer.global_step == step:
            self.run.stop_request.touch()
        original(self, trainer, *rest)

    with mock.patch.object(Keeper, "on_train_batch_end", stop_then):
        yield


def train_until(step: int, settings: Config) -> Run:
    """Train until `step`, and return the stopped run."""
    with stop_at(step):
        run = train(settings, progress=False)
    assert run.status().state == "stopped"
    return run
