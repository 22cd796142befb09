"""Pairs in the queue, with a fake trainer: launched together or not at all."""

from __future__ import annotations

import pytest

from tests.conftest import TINY_VIT
from tests.process.trainings import wait_for
from vitcore.config import build_config, make_config
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.queue import launch as background
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.sweeps.pair import launch_pair, make_pair, partner

pytestmark = pytest.mark.usefixtures("fake_trainer")


def vit(colors, recipe="modern", **more):
    return make_config(recipe, model="vit", data=f"folder:{colors}", device="cpu", **{**TINY_VIT, **more})


def test_pair_is_launched_trained_and_linked(colors):
    settings = {"c_hidden": [4, 8], "num_blocks": [1, 1]}
    one, two = make_pair(vit(colors, "quick"), "resnet", epochs=1)
    two = build_config(**{**two.model_dump(), "options": settings})
    runs = launch_pair(one, two)
    assert runs[0].meta.pair == runs[1].meta.pair is not None
    assert partner(runs[0], list_runs()).id == runs[1].id
    again = launch_pair(one, two, dedupe_s=60.0)  # launched twice
    assert [r.id for r in again] == [r.id for r in runs]
    assert again[0].meta.pair == runs[0].meta.pair
    assert {wait_for(run, "finished", "failed").state for run in runs} == {"finished"}
    assert partner(list_runs()[0], list_runs()) is None


def test_half_launched_pair_is_removed(colors, monkeypatch):
    one, two = make_pair(vit(colors, "quick"), "resnet", epochs=1)
    original, calls = background.launch, []

    def second_fails(config, *given, **more):
        calls.append(config)
        if len(calls) == 2:
            raise UserError("no room")
        return original(config, *given, **more)

    monkeypatch.setattr(background, "launch", second_fails)
    with pytest.raises(UserError, match="no room"):
        launch_pair(one, two)
    assert len(calls) == 2
    assert list_runs(bundled=False) == []


def test_removing_half_a_pair_keeps_a_run_launched_before(colors, monkeypatch):
    one, two = make_pair(vit(colors, "quick"), "resnet", epochs=1)
    before = create_run(resolve(one))
    original = background.launch

    def second_fails(config, *given, **more):
        if config.model == "resnet":
            raise UserError("no room")
        return original(config, *given, **more)

    monkeypatch.setattr(background, "launch", second_fails)
    with pytest.raises(UserError, match="no room"):
        launch_pair(one, two, dedupe_s=60.0)
    assert [run.id for run in list_runs(bundled=False)] == [before.id]


def test_half_launched_pair_that_has_started_is_stopped_and_removed(colors, monkeypatch):
    one, two = make_pair(vit(colors, "quick", epochs=2000), "resnet")
    original = background.launch

    def second_fails(config, *given, **more):
        if config.model == "vit":
            return original(config, *given, **more)
        (first,) = list_runs(bundled=False)
        wait_for(first, "running")
        raise UserError("no room")

    monkeypatch.setattr(background, "launch", second_fails)
    with pytest.raises(UserError, match="no room"):
        launch_pair(one, two)
    assert list_runs(bundled=False) == []
