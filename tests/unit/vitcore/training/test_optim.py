"""Optimizers and schedules against torch's own."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from vitcore.config import make_config
from vitcore.models import build
from vitcore.training.optim import make_optimizer, orthogonalize, rate_factor

SMALL = {"embed_dim": 16, "hidden_dim": 32, "num_heads": 2, "num_layers": 2, "patch_size": 8}


def test_muon_follows_torch_muon_and_adamw():
    """Three steps of our one optimizer against torch.optim.Muon and AdamW side by side, on the same
    gradients.
    """
    config = make_config("modern", model="vit", **SMALL)
    torch.manual_seed(0)
    ours, reference = build("vit", **SMALL), build("vit", **SMALL)
    reference.load_state_dict(ours.state_dict())
    optimizer = make_optimizer(ours, config)
    named = dict(reference.named_parameters())
    inner = {n for n, p in named.items() if p.ndim == 2 and n.startswith("transformer.")}
    decayed = {n for n, p in named.items() if p.ndim == 2 and n not in inner}
    muon = torch.optim.Muon(
        [named[n] for n in inner],
        lr=config.lr,
        weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    adamw = torch.optim.AdamW(
        [
            {"params": [named[n] for n in decayed], "weight_decay": config.weight_decay},
            {"params": [p for n, p in named.items() if n not in inner | decayed], "weight_decay": 0.0},
        ],
        lr=config.lr,
    )
    for _ in range(3):
        for a, b in zip(ours.parameters(), reference.parameters(), strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        for each in (optimizer, muon, adamw):
            each.step()
    for (name, a), b in zip(ours.named_parameters(), reference.parameters(), strict=True):
        # torch's Muon computes in bfloat16, ours in float32 on the CPU
        tolerance = 3e-5 if name in inner else 1e-6
        assert (a - b).abs().max() < tolerance, name


@pytest.mark.parametrize("shape", [(3, 20, 20), (2, 10, 40), (2, 40, 10)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_batched_and_single_orthogonalization_agree():
    torch.manual_seed(0)
    stack = torch.randn(4, 12, 30)
    single = torch.cat([orthogonalize(m[None]) for m in stack])
    assert torch.allclose(orthogonalize(stack), single, atol=1e-5)


def test_muon_state_survives_saving():
    config = make_config("modern", model="vit", **SMALL)
    torch.manual_seed(0)
    model = build("vit", **SMALL)
    optimizer = make_optimizer(model, config)

    def step(net, opt, seed):
        generator = torch.Generator().manual_seed(seed)
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=generator)
        opt.step()

    step(model, optimizer, 0)
    copy = build("vit", **SMALL)
    copy.load_state_dict(model.state_dict())
    other = make_optimizer(copy, config)
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    step(model, optimizer, 1)
    step(copy, other, 1)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), copy.parameters(), strict=True))


def test_weight_decay_reaches_matrices_only_except_in_the_tutorial():
    model = build("vit", **SMALL)
    plain = {id(p) for n, p in model.named_parameters() if p.ndim < 2 or n in ("cls_token", "pos_embedding")}
    for recipe, spared in (("modern", True), ("tutorial", False)):
        for group in make_optimizer(model, make_config(recipe, model="vit", **SMALL)).param_groups:
            for p in group["params"]:
                assert (group["weight_decay"] == 0) == (spared and id(p) in plain)


@pytest.mark.parametrize("recipe", ["modern", "tutorial"])
def test_weight_decay_alone_shrinks_every_weight_by_rate_times_decay(recipe):
    """A step with gradients of zero."""
    config = make_config(recipe, model="vit", **SMALL)
    torch.manual_seed(0)
    model = build("vit", **SMALL)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    make_optimizer(model, config).step()
    for name, p in model.named_parameters():
        spared = recipe == "modern" and (p.ndim < 2 or name in ("cls_token", "pos_embedding"))
        factor = 1 - (0 if spared else config.lr * config.weight_decay)
        assert torch.allclose(p, before[name] * factor, rtol=1e-6, atol=0), name


def test_every_parameter_is_optimized_once():
    for recipe in ("modern", "tutorial", "quick"):
        for name in ("vit", "resnet"):
            model = build(name)
            groups = make_optimizer(model, make_config(recipe, model=name)).param_groups
            found = [id(p) for g in groups for p in g["params"]]
            assert sorted(found) == sorted(id(p) for p in model.parameters())


def test_multistep_equals_torch():
    config = make_config("tutorial", model="resnet")
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [100, 150], gamma=0.1)
    factor = rate_factor(config, steps_per_epoch=7)
    for epoch in range(180):
        assert factor(epoch * 7) == pytest.approx(schedule.get_last_lr()[0])
        assert factor(epoch * 7 + 6) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


def test_cosine_warms_up_and_ends_at_one_percent():
    factor = rate_factor(make_config("modern", model="vit", epochs=10, warmup_epochs=1), steps_per_epoch=100)
    assert 0 < factor(0) < 0.02
    assert factor(100) == pytest.approx(1.0)
    assert factor(550) == pytest.approx(0.01 + 0.99 / 2)
    assert factor(999) == pytest.approx(0.01, abs=1e-3)
    assert all(0 < factor(s) <= 1 for s in range(1000))


def test_state_of_the_earlier_muon_optimizer_still_loads():
    """It was a subclass of torch's AdamW: its state also has AdamW's other settings and Muon's step."""
    config = make_config("modern", model="vit", **SMALL)
    torch.manual_seed(0)
    model = build("vit", **SMALL)
    optimizer = make_optimizer(model, config)
    groups = [{k: v for k, v in g.items() if k != "fused"} for g in optimizer.param_groups]
    earlier = torch.optim.AdamW(groups, fused=True)
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        for p in model.parameters():
            p.grad = torch.randn(p.shape, generator=generator)
        optimizer.step()
    for p in model.parameters():
        earlier.state[p] = {"step": torch.zeros(()), **deepcopy(optimizer.state[p])}
    copy = build("vit", **SMALL)
    copy.load_state_dict(model.state_dict())
    resumed = make_optimizer(copy, config)
    resumed.load_state_dict(earlier.state_dict())
    for net, each in ((model, optimizer), (copy, resumed)):
        generator = torch.Generator().manual_seed(2)
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=generator)
        each.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), copy.parameters(), strict=True))
