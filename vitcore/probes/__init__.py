"""Probes: experiments of `vitcore.analysis` on trained models, with progress, error bars and stored results.

This file is the catalogue and needs no torch; `store` keeps results, `measure` makes them. A probe is a
generator, found by `Probe.steps`, that takes (model, other, images uint8 [N, 3, S, S], labels int [N],
settings) and yields (images done, values so far); values are plain JSON: lists and dictionaries of numbers,
so that a page, the command line and a file hold the same.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vitcore.errors import UserError

PLACES = ("centre", "top left", "top", "top right", "left", "right", "bottom left", "bottom", "bottom right")
IMAGES = 500  # what is measured unless somebody asks for fewer or more


@dataclass(frozen=True)
class Probe:
    """One experiment. `choices`: the settings that a user may change, the first of each is the default."""

    name: str
    title: str
    question: str
    method: str
    source: str
    steps_in: str  # module:function
    whole: bool = False  # the function chooses its own images and stores its result, as `measure` does
    images: int = IMAGES  # what is measured unless somebody asks for fewer or more
    version: int = 1  # rises when the same settings would give other numbers
    pair: bool = False  # measured on two models at once
    choices: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def steps(self) -> Callable[..., Any]:
        """The generator that measures; imports torch."""
        module, name = self.steps_in.split(":")
        return getattr(importlib.import_module(module), name)

    def settings(self, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """All settings, the given ones checked. Raises `UserError`."""
        values = {name: options[0] for name, options in self.choices.items()}
        for name, value in (given or {}).items():
            if name not in self.choices:
                known = ", ".join(self.choices) or "none"
                raise UserError(f"{self.name} has no setting {name!r}; its settings: {known}.")
            if value not in self.choices[name]:
                fits = ", ".join(map(str, self.choices[name]))
                raise UserError(f"{name} {value!r} is not a setting of {self.name}: choose one of {fits}.")
            values[name] = value
        return values


_ALL = (
    Probe(
        "shift",
        "Shift",
        "Does the answer stay when the image moves?",
        "Every image is moved by d pixels, four directions in turn. Consistency: the share of images whose "
        "answer is the one for the unmoved image; a model that gives one answer to everything has it, too: "
        "read accuracy beside it. Strides alias and borders leak, so no ResNet is exactly invariant.",
        "Zhang 2019, Making Convolutional Networks Shift-Invariant Again",
        "vitcore.probes.robustness:shift",
    ),
    Probe(
        "shuffle",
        "Shuffle",
        "Does the order of the parts matter?",
        "The cells of a grid are permuted, another way for each image. A ViT without positions would not "
        "notice cells of its patches' size.",
        "Naseer et al. 2021, Intriguing Properties of Vision Transformers",
        "vitcore.probes.robustness:shuffle",
    ),
    Probe(
        "occlusion",
        "Occlusion",
        "How much of the image is needed?",
        "Cells of an 8x8 grid become the mean colour: at random, or ranked by how much the model's own "
        "answer depends on them (gradient times input, each model its own ranking).",
        "Naseer et al. 2021, Intriguing Properties of Vision Transformers; the ranking: Shrikumar et al. "
        "2016, Not Just a Black Box",
        "vitcore.probes.robustness:occlusion",
    ),
    Probe(
        "receptive-field",
        "Receptive field",
        "Which pixels does one place read, layer by layer?",
        "The mean absolute gradient of one place in a layer with respect to the pixels. Outside of the "
        "theoretical field, which convolutions have and attention has not, it is exactly zero.",
        "Luo et al. 2016, Understanding the Effective Receptive Field",
        "vitcore.probes.inside:receptive_field",
        choices={"place": PLACES},
    ),
    Probe(
        "distance",
        "Attention distance",
        "How far does each layer look?",
        "Points, one for each head of a ViT: the mean distance of a patch to what it attends to, CLS left "
        "out. Lines, for every model: the mean distance of the pixels that the centre of a layer reads, "
        "weighted by the effective receptive field.",
        "Raghu et al. 2021, Do Vision Transformers See Like CNNs?",
        "vitcore.probes.inside:distance",
    ),
    Probe(
        "cka",
        "Similarity of layers",
        "Which layers see the images alike?",
        "Linear CKA of all layers within and between two models, from minibatches of 50 images with the "
        "unbiased estimator: with fewer images than features the plain one is far too large. The error is "
        "that of leaving out a tenth of each minibatch at a time, rather too large than too small.",
        "Kornblith et al. 2019, Similarity of Neural Network Representations Revisited; minibatches: Nguyen "
        "et al. 2021, Do Wide and Deep Networks Learn the Same Things?; ViTs: Raghu et al. 2021",
        "vitcore.probes.likeness:cka",
        version=2,
        pair=True,
    ),
    Probe(
        "fourier",
        "Frequencies",
        "Does a layer smooth or sharpen?",
        "The log amplitude of each layer's maps along the diagonal of the Fourier transform. Its fall from "
        "the lowest to the highest frequency says how smooth the maps are.",
        "Park and Kim 2022, How Do Vision Transformers Work?",
        "vitcore.probes.inside:fourier",
    ),
    Probe(
        "ablation",
        "Ablation",
        "Which heads and blocks are needed?",
        "Accuracy when one head writes nothing, or one block is skipped; blocks that change the size cannot "
        "be.",
        "heads: Michel et al. 2019, Are Sixteen Heads Really Better than One?; blocks: Veit et al. 2016, "
        "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
        "vitcore.probes.inside:ablation",
    ),
)
PROBES = {probe.name: probe for probe in _ALL}

# what the page Compare shows: scores of one model each
TEST = Probe(
    "test",
    "Test",
    "How good is it, on which classes, and how sure of itself?",
    "Accuracy on test images and on some that the model was trained on, whole and unchanged; confusion, "
    "accuracy per class, calibration (torchmetrics) and every single answer. Asked for more than 1,000 "
    "images, it takes all 10,000 test images of CIFAR-10, where they are on this machine.",
    "Guo et al. 2017, On Calibration of Modern Neural Networks",
    "vitcore.probes.scoring:measure_scores",
    whole=True,
    images=1000,
)
SPEED = Probe(
    "speed",
    "Speed",
    "How many images does it answer, and learn from, in a second, and in how much memory?",
    "On the first device of this machine, each in a process of its own. Answering: the median of up to 50 "
    "batches of random pixels. Learning: the median of twenty steps of the run's own training (fewer where "
    "they take over half a minute), its batches, augmentation and optimizer, on its images or, without "
    "complete CIFAR-10, on the bundled ones.",
    "",
    "vitcore.probes.scoring:measure_scores",
    whole=True,
    images=1,
    version=2,
    choices={"batch": (128, 1, 32, 512)},
)
SCORES = {probe.name: probe for probe in (TEST, SPEED)}


def find_probe(name: str) -> Probe:
    """The probe of that name. Raises `UserError`."""
    every = PROBES | SCORES
    if name not in every:
        raise UserError(f"Unknown probe {name!r}: choose one of {', '.join(every)}.")
    return every[name]
