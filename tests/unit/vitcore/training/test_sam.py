"""Sharpness-aware minimization against formulas, and against the update of a published implementation."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from tests.conftest import TINY_RESNET, TINY_VIT
from vitcore.config import Config, dump_config, make_config
from vitcore.models import build_for
from vitcore.training.module import Classifier
from vitcore.training.optim import make_optimizer
from vitcore.training.sam import SharpnessAware
from vitcore.training.setup import make_trainer, prepare, quiet

STEPS, BATCH = 3, 6
CONSTANT = {"schedule": "constant", "warmup_epochs": 0.0, "batch_size": BATCH, "epochs": 1, "device": "cpu"}


def batches():
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(STEPS, BATCH, 3, 32, 32, generator=generator)
    labels = torch.randint(0, 10, (STEPS, BATCH), generator=generator)
    return list(zip(images, labels, strict=True))


def trained(config: Config, model: nn.Module) -> Classifier:
    """Return the module that has trained a copy of a model on all batches with Lightning."""
    quiet()
    module = Classifier(deepcopy(model), config)
    trainer = make_trainer(config, progress=False)
    torch.manual_seed(11)
    trainer.fit(module, DataLoader(batches(), batch_size=None))
    return module


def start(config: Config) -> nn.Module:
    torch.manual_seed(0)
    return prepare(config)


def test_gradient_of_a_quadratic_is_that_of_its_closed_form():
    """The loss w A w / 2 + b w has the gradient A w + b: the step takes A (w + rho g / |g|) + b."""
    matrix, offset = torch.tensor([[3.0, 1.0], [1.0, 2.0]]), torch.tensor([0.5, -2.0])
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[2.0, -1.0]])

    def loss():
        w = model.weight[0]
        return w @ matrix @ w / 2 + offset @ w

    sam = SharpnessAware(model, 0.5)
    sam.loss(loss, torch.device("cpu")).backward()
    sam.restore()
    # by hand: g = (6 - 1 + 0.5, 2 - 2 - 2) = (5.5, -2), |g| = sqrt(34.25) = 5.852350
    uphill = torch.tensor([2 + 0.5 * 5.5 / 5.852350, -1 - 0.5 * 2 / 5.852350])  # (2.469896, -1.170871)
    assert torch.equal(model.weight[0], torch.tensor([2.0, -1.0]))
    expected = [3 * uphill[0] + uphill[1] + 0.5, uphill[0] + 2 * uphill[1] - 2]
    assert model.weight.grad[0].tolist() == pytest.approx([float(v) for v in expected], rel=1e-5)
    assert model.weight.grad[0].tolist() == pytest.approx([6.738817, -1.871846], rel=1e-5)


class PublishedSAM:
    """The update of github.com/davda54/sam with `first_step` and `second_step`, around any optimizer."""

    def __init__(self, base: torch.optim.Optimizer, rho: float) -> None:
        self.base, self.rho, self.old = base, rho, {}
        self.parameters = [p for group in base.param_groups for p in group["params"]]

    @torch.no_grad()
    def first_step(self) -> None:
        norm = torch.stack([p.grad.norm() for p in self.parameters]).norm()
        for p in self.parameters:
            self.old[p] = p.data.clone()
            p.add_(p.grad, alpha=float(self.rho / (norm + 1e-12)))
        self.base.zero_grad()

    @torch.no_grad()
    def second_step(self) -> None:
        for p in self.parameters:
            p.data = self.old[p]
        self.base.step()
        self.base.zero_grad()


def set_momentum(model: nn.Module, value: float) -> None:
    """Set the momentum of the statistics, as `bypass_bn` does there."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = value


# without biases of the keys, whose gradients are zero but for rounding, which AdamW would enlarge
VIT = {"model": "vit", **TINY_VIT, "drop_path": 0.0, "qkv_bias": False}
CASES = {
    "resnet-sgd": {"model": "resnet", "optimizer": "sgd", "lr": 0.1, "clip_norm": 0.0, **TINY_RESNET},
    "resnet-clipped": {"model": "resnet", "optimizer": "sgd", "lr": 0.1, "clip_norm": 0.2, **TINY_RESNET},
    "vit-adamw": {"optimizer": "adamw", "clip_norm": 1.0, **VIT},
    "vit-muon": {"optimizer": "muon", "clip_norm": 0.5, **VIT},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_training_follows_a_published_implementation(case):
    config = make_config("quick", **{**CONSTANT, **case, "keep_patches": 1.0, "sam_rho": 0.3})
    model = start(config)
    ours = trained(config, model).model
    theirs = deepcopy(model).train()
    optimizer = make_optimizer(theirs, config)
    sam = PublishedSAM(optimizer, 0.3)
    for images, labels in batches():
        set_momentum(theirs, 0.1)
        F.cross_entropy(theirs(images), labels, label_smoothing=config.label_smoothing).backward()
        sam.first_step()
        set_momentum(theirs, 0.0)
        F.cross_entropy(theirs(images), labels, label_smoothing=config.label_smoothing).backward()
        if config.clip_norm:
            nn.utils.clip_grad_norm_(theirs.parameters(), config.clip_norm)
        sam.second_step()
    moved = 0.0
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        if name.endswith("num_batches_tracked"):
            assert a == STEPS  # once per step; the published code counts both passes
            continue
        assert torch.allclose(a, b, atol=2e-6), name
        moved = max(moved, float((a - model.state_dict()[name]).abs().max()))
    assert moved > 1e-3


def test_without_a_radius_nothing_differs_from_a_training_without_sam():
    settings = {**CONSTANT, "model": "vit", **TINY_VIT, "dropout": 0.1}
    plain, off = make_config("quick", **settings), make_config("quick", **settings, sam_rho=0.0)
    assert dump_config(plain) == dump_config(off)
    assert "sam_rho" not in dump_config(off)
    assert "sam_rho: 0.1" in dump_config(make_config("quick", **settings, sam_rho=0.1))
    model = start(plain)
    one, two = trained(plain, model).model, trained(off, model).model
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_both_passes_drop_the_same_units_branches_and_patches():
    """With a vanishing radius, the step then is the plain one, and uses as many random numbers."""
    settings = {**CONSTANT, "model": "vit", "optimizer": "sgd", "lr": 0.1, **TINY_VIT}
    settings |= {"dropout": 0.2, "drop_path": 0.3, "keep_patches": 0.5, "full_epochs": 0}
    plain, tiny = make_config("quick", **settings), make_config("quick", **settings, sam_rho=1e-9)
    model = start(plain)
    expected, after = trained(plain, model).model, torch.get_rng_state()
    found = trained(tiny, model).model
    assert torch.equal(torch.get_rng_state(), after)
    for a, b in zip(expected.parameters(), found.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


def test_second_pass_under_mixed_precision_sees_the_moved_weights():
    """Autocast keeps copies of the weights in bfloat16, which must not outlive the first pass."""
    config = make_config("quick", model="vit", **TINY_VIT, sam_rho=2.0, keep_patches=1.0, drop_path=0.0)
    model = start(config)
    images, labels = batches()[0]

    def loss():
        return F.cross_entropy(model(images), labels)

    with torch.autocast("cpu", torch.bfloat16):
        first = loss()
    grads = torch.autograd.grad(first, list(model.parameters()))
    norm = torch.stack([g.norm() for g in grads]).norm()
    moved = deepcopy(model)
    with torch.no_grad():
        for p, g in zip(moved.parameters(), grads, strict=True):
            p.add_(2.0 * g / norm)
    with torch.autocast("cpu", torch.bfloat16):
        expected = F.cross_entropy(moved(images), labels)
    expected.backward()
    sam = SharpnessAware(model, 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        uphill = sam.loss(loss, torch.device("cpu"))
    uphill.backward()
    sam.restore()
    assert uphill.item() == pytest.approx(expected.item(), abs=1e-6)
    assert abs(uphill.item() - first.item()) > 0.1
    for a, b in zip(model.parameters(), moved.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-4)


def test_reported_loss_is_that_of_the_weights_themselves():
    config = make_config("quick", model="resnet", **TINY_RESNET, sam_rho=1.0)
    module = Classifier(build_for(config), config).train()
    batch = batches()[0]
    other = deepcopy(module.model)
    uphill = module.training_step(batch, 0)
    plain = F.cross_entropy(other(batch[0]), batch[1], label_smoothing=config.label_smoothing)
    assert module.last["train_loss"].item() == pytest.approx(plain.item())
    assert uphill.item() > plain.item()
