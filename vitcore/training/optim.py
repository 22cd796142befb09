"""Create the optimizer and the learning-rate schedule of a configuration.

Muon (Jordan et al. 2024) orthogonalizes the momentum of the matrices inside the blocks. All other parameters,
and all other optimizers here, use torch's implementations.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn
from torch.optim.adamw import adamw

from vitcore.architectures import ARCHITECTURES, layer_of
from vitcore.config import Config
from vitcore.models.start import head_names

# parameters of a ViT, and that of the decoder of a pretraining
TOKENS = ("cls_token", "distillation_token", "register_tokens", "pos_embedding", "mask_token")
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al.: the singular values end between about 0.7 and 1.2


def orthogonalize(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return approximately the nearest (semi-)orthogonal matrices. [K, m, n] -> [K, m, n]

    The method is a quintic Newton-Schulz iteration. It uses float32 on CPUs, where bfloat16 products are
    slow, and bfloat16 elsewhere.
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


class MuonAdamW(torch.optim.Optimizer):
    """Muon for the groups marked `muon`, fused AdamW for the others.

    A single optimizer allows a single schedule, gradient clipping and checkpoint for both. It is equivalent
    to `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")` with two differences. It computes in float32 on
    CPUs. It orthogonalizes matrices of equal shape in one batch, to launch fewer kernels on a GPU (not
    measured). The update of an m x n matrix is scaled by 0.2 sqrt(max(m, n)), so that AdamW's learning rate
    suits both (Liu et al. 2025).

    Torch's Muon computes in bfloat16, which few CPUs support. We measured the CPU time to orthogonalize the
    24 matrices of the tutorial's ViT on one thread of an AMD EPYC (medians of 6). This implementation takes
    0.25 s with any instruction set. Torch's takes 0.11 s with all of the CPU's instructions, but 0.60 s
    without AVX512_BF16 and 4.4 s with only AVX2, as on most laptops (ONEDNN_MAX_CPU_ISA=AVX512_CORE, =AVX2).
    AdamW's part takes less than a millisecond.
    """

    def __init__(self, groups: list[dict], lr: float) -> None:
        defaults = dict(lr=lr, weight_decay=0.0, betas=(0.9, 0.999), eps=1e-8, fused=True)
        super().__init__(groups, {**defaults, "muon": False, "muon_momentum": 0.95})

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["muon"]:
                self._muon(group)
            else:
                self._adamw(group)
        return loss

    def _adamw(self, group: dict) -> None:
        parameters = [p for p in group["params"] if p.grad is not None]
        for p in parameters:
            if not (state := self.state[p]):
                state["step"] = torch.zeros((), device=p.device)
                state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.preserve_format)
        states = [self.state[p] for p in parameters]
        adamw(
            parameters,
            [p.grad for p in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],  # for amsgrad
            [state["step"] for state in states],
            fused=group["fused"],
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    def _muon(self, group: dict) -> None:
        # parameters and updates by shape
        alike: dict[torch.Size, list[tuple[nn.Parameter, torch.Tensor]]] = defaultdict(list)
        beta = group["muon_momentum"]
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(p)
            buffer = state["momentum_buffer"]
            buffer.lerp_(p.grad, 1 - beta)
            alike[p.shape].append((p, p.grad.lerp(buffer, beta)))  # Nesterov
        for shape, members in alike.items():
            parameters, updates = zip(*members, strict=True)
            directions = orthogonalize(torch.stack(updates))
            directions *= -group["lr"] * 0.2 * math.sqrt(max(shape))  # the rate may be a tensor
            for p, direction in zip(parameters, directions, strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(direction)


def make_optimizer(
    model: nn.Module, config: Config, decoder: nn.Module | None = None
) -> torch.optim.Optimizer:
    """Return the configured optimizer for a model, and for the decoder that is trained with it.

    With `decay: matrices`, weight decay does not apply to norms, biases, tokens and positions. Frozen
    parameters are left out. With `head_lr` or `layer_decay`, groups have rates of their own, and each holds
    its factor as `lr_scale`.
    """
    modules = [model] if decoder is None else [model, decoder]
    everything = [(name, p) for module in modules for name, p in module.named_parameters() if p.requires_grad]
    if config.decay == "all":
        groups = [{"params": [p for _, p in everything], "weight_decay": config.weight_decay}]
    else:
        plain = [p for n, p in everything if p.ndim < 2 or n in TOKENS]
        matrices = [p for n, p in everything if not any(p is q for q in plain)]
        groups = [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
    groups = _with_rates(groups, config, everything)
    if config.optimizer == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        # only the fused implementation takes the rate as a tensor, which a recorded step needs
        fused = everything[0][1].device.type == "cuda" or None
        return torch.optim.SGD(groups, config.lr, config.momentum, nesterov=nesterov, fused=fused)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    inner = {id(p) for module in modules for p in muon_matrices(module)}
    split = [{**g, "params": [p for p in g["params"] if id(p) not in inner], "muon": False} for g in groups]
    split += [{**g, "params": [p for p in g["params"] if id(p) in inner], "muon": True} for g in groups]
    return MuonAdamW([g for g in split if g["params"]], lr=config.lr)


def rate_scales(config: Config, names: Iterable[str]) -> dict[str, float]:
    """Return the learning rate of each parameter by name, as a multiple of `lr`.

    It is layer_decay^(L + 1 - l) for layer l of L + 2: the embedding has l = 0, block l has its number from 1
    on, and the head with the last norm has l = L + 1 (Bao et al. 2022, BEiT). The stages of a ResNet count as
    its blocks. The new head has `head_lr` instead.
    """
    architecture = ARCHITECTURES[config.model]
    layers = ()
    if config.layer_decay < 1 and architecture.layers is not None:
        layers = architecture.layers(architecture.options(**config.options))
    head = head_names(config) if config.head_lr != 1 else frozenset()
    return {
        name: config.head_lr if name in head else config.layer_decay ** (len(layers) - layer_of(name, layers))
        for name in names
    }


def _with_rates(
    groups: list[dict], config: Config, everything: Sequence[tuple[str, nn.Parameter]]
) -> list[dict]:
    """Divide groups of parameters by their learning rate. Without different rates, they stay as they are."""
    if config.head_lr == 1 and config.layer_decay == 1:
        return groups
    scales = rate_scales(config, (name for name, _ in everything))
    scale_of = {id(p): scales[name] for name, p in everything}
    divided: dict[tuple[int, float], dict] = {}
    for i, group in enumerate(groups):
        for p in group["params"]:
            scale = scale_of[id(p)]
            rates = {"lr": scale * config.lr, "lr_scale": scale}
            divided.setdefault((i, scale), {**group, **rates, "params": []})["params"].append(p)
    return list(divided.values())


def muon_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the matrices of a model's blocks, which Muon trains. AdamW trains all other parameters."""
    inside = ("transformer.", "blocks.")
    trained = ((n, p) for n, p in model.named_parameters() if p.requires_grad)
    return [p for n, p in trained if p.ndim == 2 and n.startswith(inside)]


def rate_factor(config: Config, steps_per_epoch: int) -> Callable[[int], float]:
    """Return a function from the step (0-based) to the learning rate as a fraction of its peak.

    The schedule is a linear warm-up, followed by a cosine to 1 %, by steps, or by a constant.
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
