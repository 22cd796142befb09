"""Fair pairs: the same images in the same order with the same budget."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_VIT
from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.sweeps.pair import SHARED, make_pair, policy
from vitcore.training.setup import make_loaders


def vit(colors, recipe="modern", **more):
    return make_config(recipe, model="vit", data=f"folder:{colors}", device="cpu", **{**TINY_VIT, **more})


@pytest.mark.parametrize("recipe", ["quick", "modern", "tutorial"])
@pytest.mark.parametrize("other", ["resnet", "cct", "mixer", "densenet"])
def test_configurations_of_a_pair_agree_in_all_shared_settings(colors, recipe, other):
    first = vit(colors, recipe, seed=7, lr=0.002, skip_broken=True)
    one, two = make_pair(first, other, minutes=3.0)
    assert (one.model, two.model) == ("vit", other)
    assert {name: getattr(one, name) for name in SHARED} == {name: getattr(two, name) for name in SHARED}
    assert one.skip_broken
    assert two.skip_broken  # else the other training refuses the images that the first one leaves out
    assert one.keep_patches == two.keep_patches == 1.0
    assert one.minutes == 3.0
    assert (one.lr, one.optimizer, one.options) == (0.002, first.optimizer, first.options)
    own = make_config(two.recipe, model=other)
    assert (two.optimizer, two.lr, two.weight_decay, two.options) == (
        own.optimizer,
        own.lr,
        own.weight_decay,
        own.options,
    )


def test_both_see_the_same_pixels_in_the_same_order(colors):
    one, two = make_pair(vit(colors, cutmix=1.0, mixup=0.8), "resnet", epochs=3)
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


def test_policy_describes_the_shared_settings(colors):
    one, _ = make_pair(vit(colors, cutmix=1.0), "resnet", epochs=3)
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
    [
        ("rnn", {}, "Unknown model"),
        ("resnet", {"lr": 1.0}, "lr is not shared"),
        ("resnet", {"minutes": -1.0}, "more than 0"),
    ],
)
def test_invalid_pair_is_rejected(colors, other, changes, words):
    with pytest.raises(UserError, match=words):
        make_pair(vit(colors), other, **changes)


def test_pretraining_without_labels_has_no_pair():
    with pytest.raises(UserError, match="without labels"):
        make_pair(make_config("pretrain"), "resnet")
