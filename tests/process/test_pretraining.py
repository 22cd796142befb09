"""Pretraining without labels: exact resume, what the run folder holds, and trainings that start from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import vitcore
from tests.conftest import TINY_VIT
from tests.small_trainings import check_same_training, train_until
from vitcore.config import make_config
from vitcore.data import dataset_for
from vitcore.data.augment import normalize
from vitcore.exchange.archive import pack_run, unpack_run
from vitcore.models import build_for
from vitcore.models.start import head_names
from vitcore.pretraining import DECODER
from vitcore.runs.folder import Run
from vitcore.runs.metrics import read_scalars
from vitcore.runs.reconstructions import read_reconstructions
from vitcore.runs.start import fine_tuned
from vitcore.training import train
from vitcore.training.rehearse import rehearse
from vitcore.training.setup import learner_of

TINY = {**TINY_VIT, "decoder_dim": 32, "decoder_layers": 1, "batch_size": 16, "device": "cpu"}


def config_of(colors, **more):
    return make_config("pretrain", data=f"folder:{colors}", **{**TINY, "epochs": 3, **more})


@pytest.fixture(scope="module")
def pretrained(colors, tmp_path_factory) -> Run:
    return train(config_of(colors), runs_dir=tmp_path_factory.mktemp("runs"), progress=False)


def test_run_holds_a_vit_without_a_classifier_and_no_accuracies(pretrained):
    config = pretrained.config
    model = vitcore.load(pretrained.path)
    assert (config.classes, config.has_classifier, model.has_classifier) == ((), False, False)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 16)
    for file in (pretrained.best, *pretrained.snapshots):
        assert load_file(file).keys() == build_for(config).state_dict().keys()
    curves, result = read_scalars(pretrained.path).curves, pretrained.status().result
    assert not [name for name in (*curves, *result) if name.endswith("_acc")]
    losses = curves["val_loss"].values
    assert result["val_loss"] == pytest.approx(losses.min(), abs=1e-6)
    assert result["best_epoch"] == losses.argmin() + 1
    assert losses[-1] < losses[0]


def test_test_loss_is_that_of_the_kept_weights_and_of_masks_from_the_seed(pretrained):
    """The test images fill one batch, whose masks come from the seed and the number 0."""
    config = pretrained.config
    module = learner_of(vitcore.load(pretrained.path), config).eval()
    module.load_decoder(pretrained.checkpoints / DECODER)
    images = torch.from_numpy(dataset_for(config).test.images)
    images = normalize(images, config.preprocessing)
    noise = torch.from_numpy(np.random.default_rng((config.seed, 0)).random((len(images), 16), np.float32))
    masks = module.masks(noise)
    assert masks.masked.shape[1] == 12
    with torch.no_grad():
        predicted = module.predict(images, masks)
    target = F.unfold(images, 8, stride=8).transpose(1, 2)
    target = (target - target.mean(2, keepdim=True)) / (target.var(2, keepdim=True) + 1e-6).sqrt()
    chosen = noise.argsort(dim=1)[:, 4:]
    rows = torch.arange(len(images))[:, None]
    loss = F.mse_loss(predicted[rows, chosen], target[rows, chosen])
    assert pretrained.status().result["test_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_reconstructions_show_the_visible_pixels_and_other_masked_ones_in_every_epoch(pretrained):
    found = read_reconstructions(pretrained.path)
    assert found.restored.shape == (4, 8, 3, 32, 32)
    assert found.steps.tolist() == [0, 6, 12, 18]
    assert found.epochs.tolist() == [0, 1, 2, 3]
    assert (found.masked.mean(axis=(1, 2)) == 0.75).all()
    seen = ~np.broadcast_to(found.masked[None, :, None], found.restored.shape)
    images = np.broadcast_to(found.images, found.restored.shape)
    assert np.array_equal(found.restored[seen], images[seen])
    assert not any(np.array_equal(a, b) for a, b in zip(found.restored, found.restored[1:], strict=False))


# in the second epoch, and before the first checkpoint
@pytest.mark.parametrize("step", [8, pytest.param(3, marks=pytest.mark.slow)])
def test_stopped_and_resumed_run_equals_an_uninterrupted_one(colors, step):
    random = {"drop_path": 0.3, "dropout": 0.1, "sam_rho": 0.05, "epochs": 2}
    whole = train(config_of(colors, **random), progress=False)
    stopped = train_until(step, config_of(colors, **random))
    train(resume=stopped.id, progress=False)
    check_same_training(stopped, whole)
    ours, theirs = (load_file(run.checkpoints / DECODER) for run in (stopped, whole))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert stopped.status().result == whole.status().result
    ours, theirs = read_reconstructions(stopped.path), read_reconstructions(whole.path)
    assert np.array_equal(ours.restored, theirs.restored)


@pytest.mark.parametrize(
    ("recipe", "pool"), [("finetune", "mean"), pytest.param("linear-probe", "cls", marks=pytest.mark.slow)]
)
def test_fine_tuning_starts_from_the_encoder_with_a_new_head(colors, pretrained, recipe, pool):
    start = pretrained
    if pool == "cls":
        start = train(config_of(colors, pool="cls", epochs=1), progress=False)
    run = train(
        fine_tuned(start.path, recipe, data=f"folder:{colors}", device="cpu", epochs=2, batch_size=16),
        progress=False,
    )
    assert run.status().state == "finished"
    assert run.config.classes == ("blue", "red")
    head, before = head_names(run.config), load_file(start.best)
    after = load_file(run.best if run.config.freeze else run.snapshots[0])
    assert head == {"mlp_head.1.weight", "mlp_head.1.bias"}
    assert {name: value.shape for name, value in after.items() if name not in head} == {
        name: value.shape for name, value in before.items()
    }
    assert all(torch.equal(after[name].half(), value.half()) for name, value in before.items())
    assert run.status().result["test_acc"] > 0.6  # of two colors


def test_exported_run_is_a_start_on_another_machine(colors, pretrained, tmp_path):
    (tmp_path / "run.zip").write_bytes(pack_run(pretrained))
    there = unpack_run(tmp_path / "run.zip", tmp_path / "other")
    assert not (there.checkpoints / DECODER).exists()
    config = fine_tuned(there.path, "linear-probe", data=f"folder:{colors}", device="cpu", epochs=1)
    assert train(config, progress=False).status().state == "finished"


def test_rehearsal_of_a_pretraining(colors):
    found = rehearse(config_of(colors, epochs=20), steps=4)
    assert found.steps == 20 * 6
    assert found.minutes > 0


@pytest.mark.slow
def test_mixed_precision_trains(colors):
    run = train(config_of(colors, epochs=1, precision="bfloat16"), progress=False)
    assert run.status().precision == "bf16-mixed"
    assert 0 < run.status().result["test_loss"] < 2
