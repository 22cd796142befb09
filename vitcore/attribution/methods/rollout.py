"""Attention rollout of a ViT (Abnar and Zuidema 2020), with the options of vit-explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitcore.attribution.method import Method, Setting

if TYPE_CHECKING:
    import torch
    from torch import nn

DISCARD = Setting(
    "Discard the lowest",
    (0.0, 0.5, 0.8, 0.9, 0.95),
    0.0,
    "Share of each layer's weights that is set to zero, the lowest first.",
    lambda share: f"{100 * share:g}\u00a0%",
)


def _compute(
    model: nn.Module, image: torch.Tensor, classes: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    from vitcore.analysis.attention import capture, needs_attention
    from vitcore.analysis.flow import fused_rollout
    from vitcore.analysis.relevance import readout_map

    model = needs_attention(model)
    weights = capture(model, image).weights
    found = fused_rollout(weights, settings["fusion"], settings["discard"], has_cls=model.has_cls)
    return readout_map(model, found, image).expand(len(classes), -1, -1)


METHOD = Method(
    name="rollout",
    title="Attention rollout",
    formula=(
        r"R = \hat{A}_L \cdots \hat{A}_2\,\hat{A}_1, \qquad "
        r"\hat{A}_l = \tfrac{1}{2}\Big(\tfrac{1}{H}\sum_h A_{l,h} + I\Big)",
    ),
    definition="An estimate of how much each patch contributes to a token after the last layer. The heads "
    "are averaged, the identity $I$ with weight one half accounts for the residual stream, and the matrices "
    "of all layers are multiplied. The map is the row of CLS, from which the class is predicted. In a model "
    "without CLS it is the mean over all rows. Among the class maps, the heads can be fused by their maximum "
    "or minimum instead, and a share $r$ of the weights can be discarded, as in vit-explain: of the $T^2$ "
    "fused weights of a layer, the lowest $\\lfloor r T^2 \\rfloor$ become zero, but never the weight of CLS "
    "on itself. Rows are then divided by their sums.",
    reading="**Read it** as a flow of information, not as an explanation of the prediction.",
    misleads="It ignores values and MLPs, and it is the same for every class.",
    paper="Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers, ACL",
    takes=("attention",),
    compute=_compute,
    settings={
        "fusion": Setting(
            "Fuse heads by", ("mean", "max", "min"), "mean", "How the heads of a layer become one."
        ),
        "discard": DISCARD,
    },
    per_class=False,
    order=2,
)
