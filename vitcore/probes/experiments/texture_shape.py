"""Texture or shape: which of two conflicting cues decides the prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore import numbers
from vitcore.probes.estimates import Count, Estimate
from vitcore.probes.examples import Example, Examples
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Bars, Shape
from vitcore.probes.statistics import estimate, parts, share
from vitcore.probes.values import AnsweredValues
from vitcore.probes.wording import enumerate_words

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vitcore.data.decoded import Pixels

EXAMPLES = 6  # shown below the figure


class CueValues(AnsweredValues):
    """What a model answers to cue conflicts, and to the shape and the texture alone."""

    original: Estimate  # accuracy on the unchanged images
    shape: Estimate  # accuracy on silhouettes
    texture: Estimate  # accuracy on shuffled cells
    to_shape: Estimate  # share of cue conflicts answered by the class of the shape
    to_texture: Estimate  # by the class of the texture
    shape_share: Estimate  # of the conflicts answered by one of the two classes
    decided: Count  # their number
    shape_share_alone: Estimate  # of the images right in exactly one of silhouette and shuffled cells
    decided_alone: Count  # their number

    def shapes(self) -> list[Shape]:
        """Return the three panels of the figure."""
        panels = {
            "Shape share": {"in conflict": self.shape_share, "each alone": self.shape_share_alone},
            "Answers to cue conflicts": {"shape": self.to_shape, "texture": self.to_texture},
            "Correct": {"original": self.original, "silhouette": self.shape, "shuffled": self.texture},
        }
        return [Bars("share of images", panels)]


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray, settings: Settings
) -> Iterator[tuple[int, CueValues]]:
    """Measure every image unchanged, as silhouette, with shuffled cells, and as the shape of a conflict."""
    import torch

    from vitcore.analysis.cues import conflicts, partners, shuffled_cells, silhouettes
    from vitcore.analysis.robustness import predict

    pixels, partner = images.numpy(), partners(labels)
    answers = np.zeros((4, len(images)), int)
    for part in parts(images):
        own, others = np.arange(part.start, part.stop), partner[part]
        shapes, textures = silhouettes(pixels[part]), shuffled_cells(pixels[others], others)
        seen = [pixels[part], shapes, shuffled_cells(pixels[part], own), conflicts(shapes, textures)]
        answers[:, part] = predict(model, torch.from_numpy(np.concatenate(seen))).numpy().reshape(4, -1)
        done = slice(0, part.stop)
        yield part.stop, values_of(answers[:, done], labels[done], labels[partner[done]])


def values_of(answers: np.ndarray, shape: np.ndarray, texture: np.ndarray) -> CueValues:
    """Return the values for the predicted classes of original, silhouette, shuffled and conflict. int [4, n]

    `shape` and `texture` are the classes of the two images of each conflict. int [n]
    """
    original, silhouette, shuffled = (estimate(*share(right)) for right in answers[:3] == shape)
    as_shape, as_texture = answers[3] == shape, answers[3] == texture
    by_shape, by_texture = answers[1] == shape, answers[2] == shape
    in_conflict, alone = as_shape[as_shape | as_texture], by_shape[by_shape != by_texture]
    return CueValues(
        original=original,
        shape=silhouette,
        texture=shuffled,
        to_shape=estimate(*share(as_shape)),
        to_texture=estimate(*share(as_texture)),
        shape_share=_share(in_conflict),
        decided=len(in_conflict),
        shape_share_alone=_share(alone),
        decided_alone=len(alone),
        answers=answers[3].tolist(),
    )


def _share(hits: np.ndarray) -> Estimate:
    """Return the share of the hits, which is not a number if there are none to count."""
    return estimate(*share(hits)) if len(hits) else Estimate(mean=np.nan, error=np.nan)


def finding(outcomes: Sequence[Outcome[CueValues]], view: View) -> str:
    """Return the shape share in cue conflicts, and whether it differs from that of random weights."""
    decided = [(outcome.label, outcome.values, outcome.untrained) for outcome in outcomes]
    decided = [(label, values, base) for label, values, base in decided if values.decided]
    if not decided:
        return ""
    words = [
        f"{_percent(values.shape_share)} ({label}, n = {values.decided})" for label, values, _ in decided
    ]
    text = (
        "Of the cue conflicts that are answered with the class of the shape or of the texture, the shape "
        f"decides {enumerate_words(words)}."
    )
    pairs = [(label, values, base) for label, values, base in decided if base and base.decided]
    return " ".join([text, *_compared(pairs)])


def _percent(measured: Estimate) -> str:
    return numbers.percent(measured.mean, 0, measured.error)


def _compared(pairs: Sequence[tuple[str, CueValues, CueValues]]) -> Iterator[str]:
    """Yield a sentence on the models that differ from their random weights by two standard errors or not.

    The two decide different conflicts, so the error of the difference is that of independent samples.
    """
    alike, different = [], []
    for label, trained, untrained in pairs:
        one, other = trained.shape_share, untrained.shape_share
        apart, error = one.mean - other.mean, math.hypot(one.error, other.error)
        change = f"{_percent(other)} ({label}, difference {100 * apart:+.0f} ± {100 * error:.0f} points)"
        (different if abs(apart) > 2 * error else alike).append(change)
    if alike:
        yield f"Random weights give the same, within two standard errors: {enumerate_words(alike)}."
    if different:
        yield f"Random weights give another share: {enumerate_words(different)}."


def examples(images: Pixels, labels: np.ndarray) -> list[Example]:
    """Return the first cue conflicts as the models see them."""
    from vitcore.analysis.cues import conflicts, partners, shuffled_cells, silhouettes

    made = []
    for i, other in enumerate(partners(labels)[:EXAMPLES]):
        shape = silhouettes(np.asarray(images[i : i + 1]))
        texture = shuffled_cells(np.asarray(images[other : other + 1]), np.array([other]))
        pictures = [*shape, *texture, *conflicts(shape, texture)]
        made.append(Example(pictures, {"shape": int(labels[i]), "texture": int(labels[other])}, i))
    return made


PROBE = Probe(
    name="texture-shape",
    title="Texture",
    question="Does texture or shape decide?",
    method="The shape of an image is its silhouette: its luminance in three gray levels, which Otsu's "
    "thresholds separate, after a median filter whose window is a 32nd of the side (1 pixel of 32, 7 of "
    "224). The texture of an image is the image with its 4 x 4 cells shuffled. A cue conflict is the mean of "
    "the silhouette of one image and the texture of another, which is drawn from the other classes. Every "
    "test image gives its shape to one conflict. Silhouettes and shuffled cells are also shown alone, as "
    "controls.",
    formula=(
        r"\text{shape share} = \frac{\sum_i [\,\hat{y}(c_i) = a_i\,]}"
        r"{\sum_i [\,\hat{y}(c_i) = a_i\,] + \sum_i [\,\hat{y}(c_i) = b_i\,]}",
        r"c_i = \tfrac{1}{2}\big(\text{silhouette}(x_i) + \pi\, x_{j(i)}\big)",
    ),
    notation=r"$a_i$ is the class of $x_i$, and $b_i \neq a_i$ that of $x_{j(i)}$. $\pi$ shuffles the cells. "
    r"The standard error is $\sqrt{p (1 - p) / m}$, where $m$ is the number of conflicts that are answered "
    "with one of the two classes. *Each alone* is the same share of the images that are right in exactly one "
    "of silhouette and shuffled cells.",
    reading="**Read it** from right to left. First, how much each model recognizes in silhouettes and in "
    "shuffled cells: what it cannot read alone will not decide a conflict. Then the answers to conflicts. "
    "Guessing gives each of the two classes the same chance, so a model that recognizes little has a share "
    "near 50 %: compare it with the untrained models. The share also depends on the weights of the mean, "
    "here one half each, so compare models with each other and not with published numbers. The limits: "
    "without masks, a silhouette keeps the edges of the background and of parts of the object, and loses an "
    "object that is as bright as its background. Texture includes color, which silhouettes lack. Shuffling "
    "adds edges between the cells. They disturb a CNN, but hardly a ViT whose patches fit into the cells.",
    source="Geirhos et al. 2019, ImageNet-trained CNNs Are Biased Towards Texture",
    venue="ICLR",
    related="silhouettes: Baker et al. 2018, Deep Convolutional Networks Do Not Classify Based on Global "
    "Object Shape, PLOS Computational Biology; ViTs: Naseer et al. 2021; the thresholds: Otsu 1979",
    values=CueValues,
    steps=measure,
    finding=finding,
    examples=Examples(examples, titles=("shape", "texture", "cue conflict")),
    order=25,
)
