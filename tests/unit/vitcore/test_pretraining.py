"""The settings of a pretraining without labels, and what does not go with it."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_VIT
from vitcore.config import dump_config, make_config
from vitcore.data import resolve
from vitcore.errors import UserError
from vitcore.models import build_for
from vitcore.pretraining import Pretraining, visible_count
from vitcore.runs.titles import launch_command
from vitcore.training.masked import stored_pictures
from vitcore.training.optim import make_optimizer
from vitcore.training.setup import learner_of


def test_pretraining_has_no_classes_whatever_its_data(colors):
    config = resolve(make_config("pretrain", data=f"folder:{colors}"))
    assert (config.classes, config.has_classifier, config.num_classes) == ((), False, 0)
    assert resolve(make_config("quick", data=f"folder:{colors}")).classes == ("blue", "red")


def test_files_of_other_trainings_do_not_name_its_settings():
    text = dump_config(make_config("quick"))
    assert not [name for name in Pretraining.model_fields if name in text]
    assert launch_command(make_config("pretrain", mask_ratio=0.5, decoder_dim=64)).endswith(
        "--recipe pretrain --set mask_ratio=0.5 --set decoder_dim=64"
    )


@pytest.mark.parametrize(
    ("patches", "ratio", "count"), [(64, 0.75, 16), (196, 0.75, 49), (64, 0.9, 6), (16, 0.95, 0), (4, 0.5, 2)]
)
def test_count_of_visible_patches_is_rounded_down_as_published(patches, ratio, count):
    assert visible_count(patches, ratio) == count


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "resnet"}, "pretrain.*resnet"),
        ({"recipe": "modern", "model": "resnet", "mask_ratio": 0.5}, "mask_ratio.*choose vit"),
        (
            {"recipe": "quick", "mask_ratio": 0.5},
            "label_smoothing 0.1.*recipe pretrain, or set",
        ),
        ({"mixup": 0.8}, "mixup 0.8.*labels: set mixup=0.0, or choose a recipe with labels"),
        ({"cutmix": 1.0}, "cutmix"),
        ({"keep_patches": 0.5}, "keep_patches"),
        ({"freeze": True}, "freeze"),
        ({"conv_stem": True}, "conv_stem true.*set conv_stem=false, or choose a recipe with labels"),
        ({"projection": 8}, "projection"),
        ({"start": "vit-cifar10"}, "--from"),
        ({"decoder_dim": 100}, "decoder_dim 100.*32"),
        ({"patch_size": 32}, "1 patch"),
        ({"patch_size": 8, "mask_ratio": 0.95}, "16 patches"),
        ({"mask_ratio": 1.0}, "mask_ratio"),
    ],
)
def test_settings_that_do_not_go_with_it_are_refused_in_one_sentence(settings, words):
    with pytest.raises(UserError, match=words) as caught:
        make_config(**{"recipe": "pretrain", **settings})
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_optimizer_trains_the_decoder_like_the_encoder(optimizer):
    config = make_config("pretrain", optimizer=optimizer, decoder_dim=32, **TINY_VIT)
    module = learner_of(build_for(config), config)
    groups = make_optimizer(module.model, config, module.decoder).param_groups
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(map(id, module.parameters()))
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    by_muon = {id(p) for group in groups if group.get("muon") for p in group["params"]}
    matrix = module.decoder.blocks[0].linear[0].weight
    assert id(matrix) in decayed
    assert id(module.decoder.mask_token) not in decayed
    assert (id(matrix) in by_muon) == (optimizer == "muon")
    assert id(module.decoder.predict.weight) not in by_muon


def test_loss_of_the_mean_of_each_patch_is_that_of_guessing():
    config = make_config("pretrain", **TINY_VIT)
    module = learner_of(build_for(config), config).eval()
    for p in module.decoder.predict.parameters():
        p.data.zero_()
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    loss = module.loss((images, torch.zeros(4, dtype=torch.long)))
    assert loss.item() == pytest.approx(module.loss_of_guessing, abs=0.01)


@pytest.mark.parametrize(("side", "stored"), [(32, 32), (128, 128), (224, 112), (300, 100)])
def test_large_pictures_are_stored_as_means_of_their_pixels(side, stored):
    image = torch.arange(side).float().expand(1, 3, side, side) % 200
    small = stored_pictures(image)
    factor = side // stored
    assert small.shape == (1, 3, stored, stored)
    means = image[0, 0, 0].reshape(stored, factor).mean(dim=1).round()
    assert torch.equal(torch.from_numpy(small[0, 0, 0]).float(), means)
