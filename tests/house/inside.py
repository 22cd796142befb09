"""What the bundled ViT and ResNet compute for the first test image of a cat, as the texts state it."""

from __future__ import annotations

import functools

import numpy as np
import torch

import vitcore
from tests.house.stored import RUNS
from vitcore.analysis.attention import capture
from vitcore.analysis.block_steps import BlockSteps, HeadSteps, block_steps, head_steps
from vitcore.data import load_dataset

LAYER, HEAD = 2, 5  # that the texts follow, from 1


@functools.cache
def model(run=RUNS[0]):
    return vitcore.load(run)


@functools.cache
def classes():
    return load_dataset("cifar10-mini").classes


@functools.cache
def image(name="cat"):
    """Return the first test image of a class, uint8 [1, 3, 32, 32]."""
    data = load_dataset("cifar10-mini")
    index = np.flatnonzero(data.test.labels == data.classes.index(name))[0]
    return torch.from_numpy(data.test.images[index : index + 1])


@functools.cache
def trace(name="cat"):
    return capture(model(), image(name))


@functools.cache
def block(layer=LAYER) -> BlockSteps:
    return block_steps(model(), image(), layer - 1)


@functools.cache
def head_of_model() -> HeadSteps:
    return head_steps(model(), block(len(model().blocks)).output)


def token(row, column):
    """Return the index of a patch. Rows and columns count from 1."""
    return 1 + 8 * (row - 1) + column - 1


def cosine(a, b):
    return float(torch.cosine_similarity(a, b, dim=0))
