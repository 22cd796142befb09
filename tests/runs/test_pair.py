"""Fair pairs: the same images in the same order for the same budget, and nothing left of half a pair."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_VIT
from tests.runs.trainings import wait_for
from vitcore.config import build_config, make_config
from vitcore.data import load_dataset, resolve
from vitcore.errors import UserError
from vitcore.queue import launch as background
from vitcore.runs.folder import create_run, list_runs
from vitcore.sweeps.pair import SHARED, launch_pair, make_pair, partner, policy
from vitcore.training.setup import make_loaders


def vit(colours, recipe="modern", **more):
    return make_config(recipe, model="vit", data=f"folder:{colours}", device="cpu", **{**TINY_VIT, **more})


@pytest.mark.parametrize("recipe", ["quick", "modern", "tutorial"])
@pytest.mark.parametrize("other", ["resnet", "mixer", "densenet"])
def test_two_configurations_are_alike_in_what_they_see(colours, recipe, other):
    first = vit(colours, recipe, seed=7, lr=0.002)
    one, two = make_pair(first, other, minutes=3.0)
    assert (one.model, two.model) == ("vit", other)
    assert {name: getattr(one, name) for name in SHARED} == {name: getattr(two, name) for name in SHARED}
    assert one.keep_patches == two.keep_patches == 1.0
    assert one.minutes == 3.0
    assert (one.lr, one.optimizer, one.options) == (0.002, first.optimizer, first.options)
    own = make_config(two.recipe, model=other)
    assert (two.optimizer, two.lr, two.weight_decay, two.options) == (
        own.optimizer, own.lr, own.weight_decay, own.options,
    )  # fmt: skip


def test_both_see_the_very_same_pixels_in_the_same_order(colours):
    one, two = make_pair(vit(colours, cutmix=1.0, mixup=0.8), "resnet", epochs=3)
    data = load_dataset(one.data)
    loaders = [make_loaders(config, data, torch.device("cpu"))[0] for config in (one, two)]
    for epoch in range(3):
        for loader in loaders:
            loader.sampler.set_epoch(epoch)
        batches = list(zip(*loaders, strict=True))
        assert len(batches) == 96 // 16
        for (a, label_a), (b, label_b) in batches:
            assert torch.equal(a, b)
            assert torch.equal(label_a, label_b)


def test_what_is_shared_stands_in_words(colours):
    one, _ = make_pair(vit(colours, cutmix=1.0), "resnet", epochs=3)
    words = policy(one)
    for part in (
        "3 epochs",
        "same 16 images in every step (seed 0)",
        "policy trivial, CutMix 1",
        "all patches",
    ):
        assert part in words
    assert "2.5 minutes" in policy(make_pair(one, "resnet", minutes=2.5)[0])


@pytest.mark.parametrize(
    ("other", "changes", "words"),
    [("rnn", {}, "Unknown model"), ("resnet", {"lr": 1.0}, "each model's own"),
     ("resnet", {"minutes": -1.0}, "more than 0")],
)  # fmt: skip
def test_a_wrong_pair_gets_a_sentence(colours, other, changes, words):
    with pytest.raises(UserError, match=words):
        make_pair(vit(colours), other, **changes)


def test_a_pair_is_launched_trained_and_tied_together(colours):
    settings = {"c_hidden": [4, 8], "num_blocks": [1, 1]}
    one, two = make_pair(vit(colours, "quick"), "resnet", epochs=1)
    two = build_config(**{**two.model_dump(), "options": settings})
    runs = launch_pair(one, two)
    assert runs[0].meta.pair == runs[1].meta.pair is not None
    assert partner(runs[0], list_runs()).id == runs[1].id
    again = launch_pair(one, two, dedupe_s=60.0)  # pressed twice
    assert [r.id for r in again] == [r.id for r in runs]
    assert again[0].meta.pair == runs[0].meta.pair
    assert {wait_for(run, "finished", "failed").state for run in runs} == {"finished"}
    assert partner(list_runs()[0], list_runs()) is None


def test_of_half_a_pair_nothing_is_left(colours, monkeypatch):
    one, two = make_pair(vit(colours, "quick"), "resnet", epochs=1)
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


def test_half_a_pair_does_not_take_a_run_with_it_that_was_launched_before(colours, monkeypatch):
    one, two = make_pair(vit(colours, "quick"), "resnet", epochs=1)
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


def test_half_a_pair_that_has_begun_is_ended_and_removed(colours, monkeypatch):
    one, two = make_pair(vit(colours, "quick", epochs=2000), "resnet")
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
