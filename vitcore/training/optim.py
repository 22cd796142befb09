"""Optimizers and learning-rate schedules out of a configuration.

Muon (Jordan et al. 2024) orthogonalises the momentum of the matrices inside the blocks; everything else, and
every other optimizer here, is torch's own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import nn

from vitcore.config import Config

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al.: the singular values end between about 0.7 and 1.2


def orthogonalize(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest (semi-)orthogonal matrices, roughly, by a quintic Newton-Schulz iteration. [K, m, n] -> [K,
    m, n]

    In float32 on CPUs, where bfloat16 products are slow, and bfloat16 elsewhere.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices.float() if matrices.device.type == "cpu" else matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.transpose(1, 2) if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)  # [K, m, m]
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.transpose(1, 2) if tall else x
    return x.to(matrices.dtype)


class MuonAdamW(torch.optim.AdamW):
    """Muon for the groups marked `muon`, fused AdamW for the others.

    One optimizer, so that one schedule, one gradient clipping and one checkpoint serve both. As
    `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")`, but matrices of equal shape are orthogonalised in one
    batch. The update of an m x n matrix is scaled by 0.2 sqrt(max(m, n)), so that AdamW's learning rate fits
    both (Liu et al. 2025).
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        every = self.param_groups
        try:
            self.param_groups = [g for g in every if not g["muon"]]
            super().step()
        finally:
            self.param_groups = every
        for group in every:
            if group["muon"]:
                self._muon(group)
        return loss

    def _muon(self, group: dict) -> None:
        alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is not None:
                alike[p.shape].append(p)
        beta = group["muon_momentum"]
        for shape, parameters in alike.items():
            updates = []
            for p in parameters:
                state = self.state[p]
                if not state:  # AdamW looks for `step` in every state when one is loaded
                    state.update(step=torch.zeros(()), momentum_buffer=torch.zeros_like(p))
                buffer = state["momentum_buffer"]
                buffer.lerp_(p.grad, 1 - beta)
                updates.append(p.grad.lerp(buffer, beta))  # Nesterov
            directions = orthogonalize(torch.stack(updates))
            scale = 0.2 * math.sqrt(max(shape))
            for p, direction in zip(parameters, directions, strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(direction, alpha=-group["lr"] * scale)


def make_optimizer(model: nn.Module, config: Config) -> torch.optim.Optimizer:
    """The configured optimizer. With `decay: matrices` norms, biases, CLS and positions are not decayed."""
    everything = list(model.named_parameters())
    if config.decay == "all":
        groups = [{"params": [p for _, p in everything], "weight_decay": config.weight_decay}]
    else:
        plain = [p for n, p in everything if p.ndim < 2 or n in ("cls_token", "pos_embedding")]
        matrices = [p for n, p in everything if not any(p is q for q in plain)]
        groups = [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
    if config.optimizer == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    inner = {id(p) for p in muon_matrices(model)}
    split = [{**g, "params": [p for p in g["params"] if id(p) not in inner], "muon": False} for g in groups]
    split += [{**g, "params": [p for p in g["params"] if id(p) in inner], "muon": True} for g in groups]
    split = [{**g, "muon_momentum": 0.95} for g in split if g["params"]]
    return MuonAdamW(split, lr=config.lr, fused=True)


def muon_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The matrices of a model's blocks, which Muon orthogonalizes; everything else is AdamW's."""
    inside = ("transformer.", "blocks.")
    return [p for n, p in model.named_parameters() if p.ndim == 2 and n.startswith(inside)]


def rate_factor(config: Config, steps_per_epoch: int) -> Callable[[int], float]:
    """The learning rate at a step (0-based) as a share of its peak: linear warm-up, then cosine to 1 %,
    steps, or flat.
    """
    total, warm = config.epochs * steps_per_epoch, round(config.warmup_epochs * steps_per_epoch)
    warm = min(warm, total // 2)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        if config.schedule == "multistep":
            return 0.1 ** sum(step >= m * steps_per_epoch for m in config.milestones)
        if config.schedule == "constant":
            return 1.0
        done = min(1.0, (step - warm) / max(1, total - warm))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))

    return factor
