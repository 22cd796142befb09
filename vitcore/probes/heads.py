"""What each attention head of a ViT does, measured over test images. Does not import torch.

This probe has no tab of its own. The Attention page orders heads by its values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitcore.probes.estimates import Estimate, Table
from vitcore.probes.probe import Probe, Settings
from vitcore.probes.shapes import Row, head_rows
from vitcore.probes.statistics import RunningMean, estimate, paired_change, parts, share, table
from vitcore.probes.values import Values

if TYPE_CHECKING:
    import torch
    from torch import nn

IMAGES = 200
MAX_ABLATION = 5e12  # multiply-adds for the ablation of all heads on all images
MIN_ABLATED = 50  # images; with fewer, the standard errors are too large

QUANTITIES = {
    "distance": "mean attention distance, pixels",
    "entropy": "entropy of attention, bits",
    "to_cls": "attention to CLS",
    "to_self": "attention to itself",
    "position": "correlation with the map of a blank image",
    "log_change": "change of the log probability of the true class without the head, nats",
    "accuracy_change": "change of accuracy without the head",
}


class HeadValues(Values):
    """Means over images with their standard errors, [blocks][heads]."""

    distance: Table  # pixels
    entropy: Table  # bits
    to_self: Table  # fraction of the attention of a patch
    position: Table  # correlation with the map of a blank image
    to_cls: Table | None = None  # fraction of the attention of a patch, of a model with CLS
    ablated: int = 0  # images of the ablation
    base: Estimate | None = None  # accuracy of the whole model on these images
    base_log: Estimate | None = None  # its log probability of the true class, nats
    log_change: Table | None = None  # of this log probability without the head, nats
    accuracy_change: Table | None = None  # without the head

    def rows(self) -> Iterator[Row]:
        """Yield one row per number: each quantity head by head, and those of the whole model."""
        for name, quantity in QUANTITIES.items():
            if found := getattr(self, name):
                yield from head_rows(quantity, found)
        if self.base:
            yield {"quantity": "accuracy", "mean": self.base.mean, "error": self.base.error}
        if self.base_log:
            quantity = "log probability of the true class, nats"
            yield {"quantity": quantity, "mean": self.base_log.mean, "error": self.base_log.error}


def images_to_ablate(model: Any, images: int) -> int:
    """Return on how many of `images` images the heads of a ViT are ablated: 0 if it takes too long."""
    from vitcore.analysis.cost import vit_cost

    block, layers = model.blocks[0], len(model.blocks)
    cost = vit_cost(
        model.patch_size,
        image_size=model.image_size,
        embed_dim=block.attn.out_proj.in_features,
        hidden_dim=block.linear[0].out_features,
        num_heads=block.attn.heads,
        num_layers=layers,
        cls=model.has_cls,
        registers=model.prefix_tokens - model.has_cls,
        complete=True,
    )
    for_image = cost.multiply_adds * block.attn.heads * (layers + 1) / 2  # the blocks from the changed one on
    count = min(images, int(MAX_ABLATION / for_image))
    return count if count >= min(MIN_ABLATED, images) else 0


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, HeadValues]]:
    """Measure all heads on the images, and ablate them on as many as `images_to_ablate` allows.

    They are not ablated without labels.
    """
    import torch

    from vitcore.analysis.ablation import without_each_head
    from vitcore.analysis.attention import needs_attention
    from vitcore.analysis.head_behavior import head_behavior

    ablated = 0 if labels is None else images_to_ablate(needs_attention(model), len(images))
    means: dict[str, RunningMean] = {}
    complete: list[np.ndarray] = []  # hits and log probabilities of the whole model: [2, n]
    without: list[np.ndarray] = []  # the same without each head: [2, layers, heads, n]
    for part in parts(images):
        for name, found in head_behavior(model, images[part]).items():
            means.setdefault(name, RunningMean()).add(found)
        if labels is not None and part.start < ablated:
            some = slice(part.start, min(part.stop, ablated))
            truth = torch.from_numpy(labels[some])
            base, changed = without_each_head(model, images[some])
            complete.append(_hits_and_logs(base, truth))
            without.append(_hits_and_logs(changed, truth))
        values: dict[str, Any] = {name: table(*mean.estimates) for name, mean in means.items()}
        if complete:
            hits, logs = np.concatenate(complete, axis=-1)
            other_hits, other_logs = np.concatenate(without, axis=-1)
            values["ablated"] = len(hits)
            values["base"] = estimate(*share(hits))
            values["base_log"] = estimate(*paired_change(logs, np.zeros_like(logs)))
            values["log_change"] = table(*paired_change(other_logs, logs))
            values["accuracy_change"] = table(*paired_change(other_hits, hits))
        yield part.stop, HeadValues(**values)


def _hits_and_logs(logits: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    """Return for each image whether its class is predicted, and the log probability of its class.

    Logits [..., B, C] and classes [B] -> float64 [2, ..., B].
    """
    import torch

    logs = logits.double().log_softmax(dim=-1)
    of_truth = logs.gather(-1, truth.expand(logs.shape[:-1])[..., None])[..., 0]
    return torch.stack([(logits.argmax(dim=-1) == truth).double(), of_truth]).numpy()


HEADS = Probe(
    name="heads",
    title="Attention heads",
    question="What does each attention head do?",
    method="For each head, the means over test images of its attention distance and entropy, of the "
    "attention of a patch to CLS and to itself, and of the correlation of its map with its map for an image "
    "of the mean color; and the change of the log probability of the true class, and of accuracy, when its "
    "output is set to zero. The log probability changes on every image, the accuracy only on images whose "
    "prediction changes, so that its mean over 200 images is mostly noise. Ablation takes most of "
    "the time. It is limited to 5 trillion multiply-adds: a large model is ablated on fewer images, and not "
    "at all if fewer than 50 would remain, or if the images have no labels or the model no classifier.",
    source="Raghu et al. 2021, Do Vision Transformers See Like CNNs?; ablation: Michel et al. 2019, Are "
    "Sixteen Heads Really Better than One?",
    needs="images",
    values=HeadValues,
    steps=measure,
    images=IMAGES,
    version=2,
)
