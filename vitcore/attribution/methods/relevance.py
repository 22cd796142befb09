"""Class relevance of a ViT (Chefer, Gur and Wolf 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method

if TYPE_CHECKING:
    import torch
    from torch import nn


def _compute(model: nn.Module, image: torch.Tensor, classes: torch.Tensor, _: dict[str, Any]) -> torch.Tensor:
    import torch

    from vitcore.analysis.attention import needs_attention
    from vitcore.analysis.relevance import readout_map, relevance

    model = needs_attention(model)
    # one by one, because each needs the gradients of all attention weights
    found = [relevance(model, image, class_[None]) for class_ in classes]
    return readout_map(model, torch.cat(found), image)


METHOD = Method(
    name="relevance",
    title="Class relevance",
    formula=(
        r"R \leftarrow R + \tfrac{1}{H}\sum_h \Big(\frac{\partial f_c}{\partial A_{l,h}} \odot "
        r"A_{l,h}\Big)^{+} R, \qquad l = 1,\dots,L, \quad R_0 = I",
    ),
    definition="Attention weighted by the gradient of the logit $f_c$ of one class. Only positive "
    "contributions ($+$) are kept. The map is the row of CLS over the patches, or the mean over all rows in "
    "a model without CLS.",
    reading="**Read it** together with rollout: unlike rollout, it changes with the class.",
    misleads="It shows no evidence against the class, and it treats a layer as attention only, without MLP.",
    paper="Chefer, Gur and Wolf 2021, Generic Attention-model Explainability, ICCV",
    takes=("attention",),
    compute=_compute,
    order=1,
)
