"""Ablation: accuracy or consistency without one head, or without one block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.errors import UserError
from vitcore.probes.estimates import Estimate, Series, Table
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Changes, Shape
from vitcore.probes.statistics import estimate, paired_change, parts, series, share, table
from vitcore.probes.values import Values
from vitcore.probes.wording import enumerate_words

if TYPE_CHECKING:
    import torch
    from torch import nn


class AblationValues(Values):
    """Accuracy, and its changes with the standard errors of paired differences.

    Without labels, `base` is missing, and the changes are those of the consistency with the whole model.
    """

    base: Estimate | None = None  # accuracy of the whole model
    layers: list[str]  # the blocks that can be skipped
    blocks: Series  # change without each of them
    heads: Table | None = None  # change without each head [blocks][heads], of a ViT

    def shapes(self) -> list[Shape]:
        """Return one shape with all changes."""
        return [Changes(self.quantity, self.base, self.layers, self.blocks, self.heads)]

    @property
    def quantity(self) -> str:
        """What changes: the consistency if the images have no labels."""
        return "accuracy" if self.base else "consistency"


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, AblationValues]]:
    """Measure the model without each part, one at a time.

    Raise `UserError` for a model of which no block can be skipped.
    """
    import torch

    from vitcore.analysis.ablation import without_each_block, without_each_head
    from vitcore.analysis.attention import as_input
    from vitcore.networks.vit import ViT

    complete, blocks, heads = [], [], []
    for part in parts(images):
        x = as_input(images[part], model)
        base, skipped = without_each_block(model, x)
        truth = base if labels is None else torch.from_numpy(labels[part])
        if not skipped:
            raise UserError(
                f"Every block of a {type(model).__name__} changes the shape of its input, so none can be "
                "skipped: choose another model."
            )
        complete.append((base == truth).numpy())
        blocks.append(torch.stack([predicted == truth for predicted in skipped.values()]).numpy())
        if isinstance(model, ViT):
            heads.append((without_each_head(model, x)[1].argmax(dim=-1) == truth).numpy())
        correct = np.concatenate(complete)
        values = {
            "layers": list(skipped),
            "blocks": series(*paired_change(np.concatenate(blocks, axis=-1), correct)),
        }
        if labels is not None:
            values["base"] = estimate(*share(correct))
        if heads:
            values["heads"] = table(*paired_change(np.concatenate(heads, axis=-1), correct))
        yield part.stop, AblationValues(**values)


def finding(outcomes: Sequence[Outcome[AblationValues]], view: View) -> str:
    """Return the block of each model whose removal costs most accuracy or consistency."""
    words = []
    for outcome in outcomes:
        blocks = outcome.values.blocks
        worst = int(np.argmin(blocks.mean))
        change = f"{100 * blocks.mean[worst]:+.0f} ± {100 * blocks.error[worst]:.0f} points"
        words.append(f"the {outcome.label} without {outcome.values.layers[worst]} ({change})")
    return f"Largest loss of {outcomes[0].values.quantity}: {enumerate_words(words)}."


PROBE = Probe(
    name="ablation",
    title="Ablation",
    question="Which heads and blocks are needed?",
    method="Accuracy when the output of one head is set to zero, or when one block is skipped. Blocks that "
    "change the shape of their input cannot be skipped. For images without labels, consistency replaces "
    "accuracy: the share of predictions equal to that of the complete model.",
    formula=(r"\Delta_{l,h} = a(\text{without head } h \text{ of layer } l) - a",),
    notation="The standard errors are those of the paired differences over images.",
    reading="**Read it**: removing a single head usually costs little accuracy, because the residual stream "
    "still carries the output of the others. Removing a block usually costs more.",
    source="heads: Michel et al. 2019, Are Sixteen Heads Really Better than One?; blocks: Veit et al. 2016, "
    "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
    needs="classifier",
    values=AblationValues,
    steps=measure,
    finding=finding,
    order=80,
)
