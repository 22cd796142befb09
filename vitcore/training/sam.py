"""Sharpness-aware minimization (SAM, Foret et al. 2021): the gradient at weights that lie uphill.

A step has two passes over the same batch. The first finds the gradient g at the weights w. The second finds
the gradient at w + rho * g / |g|, with which the optimizer then updates w. The norm is that of all weights.
Optimizers, weight decay and clipping work as without SAM, on this other gradient.

Both passes draw the same random numbers, so that the second loss is that of the same network with the same
dropped units, branches and patches. Only the first pass updates the running statistics of batch norm. Several
ranks that train together each climb along the gradient of their own share of the batch, and then average the
second gradients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn

from vitcore.training.ranks import random_state, restore_random_state

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class SharpnessAware:
    """The loss of SAM for a model. Call `loss`, then backward, then `restore`, then the optimizer."""

    def __init__(self, model: nn.Module, rho: float) -> None:
        self.model, self.rho = model, rho
        self.before: list[tuple[nn.Parameter, torch.Tensor]] = []  # moved weights, and what they were

    def loss(self, compute: Callable[[], torch.Tensor], device: torch.device) -> torch.Tensor:
        """Return the loss [] at the weights uphill, where the model then stays until `restore`.

        `compute` returns the loss of the batch. It is called twice.
        """
        random = random_state(device)
        first = compute()
        self._climb(first)
        torch.clear_autocast_cache()  # it holds copies of the earlier weights in lower precision
        restore_random_state(random, device)
        with kept_statistics(self.model):
            return compute()

    def _climb(self, loss: torch.Tensor) -> None:
        """Move the weights by `rho` along their gradient."""
        weights = [p for p in self.model.parameters() if p.requires_grad]
        with torch.autocast(loss.device.type, enabled=False):  # not for backward passes
            found = torch.autograd.grad(loss, weights, allow_unused=True)
        moved = [(p, grad) for p, grad in zip(weights, found, strict=True) if grad is not None]
        self.before = [(p, p.detach().clone()) for p, _ in moved]
        with torch.no_grad():
            scale = self.rho / (torch.nn.utils.get_total_norm([grad for _, grad in moved]) + 1e-12)
            for p, grad in moved:
                p.add_(grad * scale)

    @torch.no_grad()
    def restore(self) -> None:
        """Give the weights their values from before `loss`, bit by bit."""
        for p, value in self.before:
            p.copy_(value)
        self.before = []


@contextlib.contextmanager
def kept_statistics(model: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch norm. Batches are still normalized by their own statistics."""
    norms = [m for m in model.modules() if isinstance(m, BATCH_NORMS) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
