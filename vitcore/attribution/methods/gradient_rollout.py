"""Gradient rollout of a ViT, as vit-explain defines it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method
from vitcore.attribution.methods.rollout import DISCARD

if TYPE_CHECKING:
    import torch
    from torch import nn


def _compute(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    import torch

    from vitcore.analysis.attention import needs_attention
    from vitcore.analysis.flow import gradient_rollout
    from vitcore.analysis.relevance import readout_map

    model = needs_attention(model)
    # one by one, because each needs the gradients of all attention weights
    found = [gradient_rollout(model, image, class_[None], settings["discard"]) for class_ in classes]
    return readout_map(model, torch.cat(found), image)


METHOD = Method(
    name="gradient-rollout",
    title="Gradient rollout",
    formula=(
        r"R = \hat{G}_L \cdots \hat{G}_1, \qquad \hat{G}_l \propto \Big(\tfrac{1}{H}\sum_h "
        r"\frac{\partial f_c}{\partial A_{l,h}} \odot A_{l,h}\Big)^{+} + I",
    ),
    definition="Rollout of attention times the gradient of the logit $f_c$ of one class, averaged over the "
    "heads and without its negative part. Rows are divided by their sums. A share of the lowest entries of a "
    "layer can be discarded, as in vit-explain, which makes no exception for CLS here.",
    reading="**Read it** next to class relevance, which is made of the same products, but keeps the negative "
    "contributions of a head from canceling the positive ones of another.",
    misleads="The gradients of a confident model are small, so the identity outweighs them and small "
    "differences decide the map.",
    paper="Gildenblat, vit-explain (GitHub); rollout: Abnar and Zuidema 2020",
    takes=("attention",),
    compute=_compute,
    settings={"discard": DISCARD},
    order=3,
)
