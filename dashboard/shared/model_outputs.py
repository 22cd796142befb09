"""Cached outputs of any model for images: predictions and class maps.

torch is imported when it is first needed. The outputs are cached by the version of the weights and the
pixels, and shared by all visitors: do not change the arrays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.shared import resources
from dashboard.shared.turns import limited
from vitcore.architectures.vit import ViTOptions
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

RANKED = 1000  # number of test images to predict
MAX_MAPS = 4e9  # bytes of the attention and its gradients for all classes of an image


@dataclass(frozen=True)
class ClassMaps:
    """The evidence for each class: one map [classes, h, w] for each stage, finest first."""

    stages: list[np.ndarray]
    probabilities: np.ndarray  # [classes]


def digest(*parts: Any) -> str:
    """Return a short hash of several values. Arrays are hashed by all their bytes."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return sha.hexdigest()[:16]


def as_tensor(pixels: bytes, shape: tuple[int, ...]) -> Any:
    """Return the bytes of images uint8 [..., 3, S, S] as a tensor [N, 3, S, S]."""
    import torch

    return torch.from_numpy(np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *shape).copy())


@st.cache_resource(max_entries=64, show_spinner=False)
@limited
def _class_maps(stamp: tuple, pixels: bytes, shape: tuple[int, ...]) -> ClassMaps:
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.attribution import grad_cam
    from vitcore.analysis.relevance import readout_map, relevance
    from vitcore.networks.vit import ViT

    net, image = resources.loaded(*stamp), as_tensor(pixels, shape)
    with torch.inference_mode():
        logits = net(as_input(image, net))[0]
    classes = torch.arange(len(logits))
    same = image.expand(len(classes), -1, -1, -1)
    stages = []
    if isinstance(net, ViT):
        stages = [readout_map(net, relevance(net, same, classes)).numpy()]
    elif hasattr(net, "stages"):
        with torch.inference_mode():
            count = len(net.stages(as_input(image, net)))
        stages = [grad_cam(net, same, classes, stage).numpy() for stage in range(count)]
    return ClassMaps(stages, logits.softmax(dim=0).numpy())


def _bytes_of_maps(run: Run) -> int:
    """Return the size of the attention weights and their gradients for all classes of a ViT run, else 0."""
    if run.config.model != "vit":
        return 0
    options = ViTOptions(**run.config.options)
    tokens = (run.config.image_size // options.patch_size) ** 2 + options.prefix_tokens
    return 8 * run.config.num_classes * options.num_layers * options.num_heads * tokens**2


def class_maps(run: Run, image: np.ndarray, snapshot: Path | None = None) -> ClassMaps:
    """Return the maps of all classes for an image uint8 [3, S, S]. Raises `UserError`.

    They are the relevance (Chefer et al. 2021) for a ViT run, and Grad-CAM of each stage for a network with
    stages. Other networks have no maps. A model without a classifier, and one whose maps of all classes need
    too much memory, are refused.
    """
    if not run.config.has_classifier:
        raise UserError(f"{run.title} has no classifier, so that there are no maps of classes.")
    if (size := _bytes_of_maps(run)) > MAX_MAPS:
        raise UserError(
            f"The maps of the {run.config.num_classes:,} classes of {run.title} take {size / 1e9:.0f} GB to "
            "compute: choose a model with fewer classes or larger patches."
        )
    resources.model(run, snapshot)
    return _class_maps(resources.stamp_of(run, snapshot), image.tobytes(), image.shape)


@st.cache_resource(max_entries=16, show_spinner=False)
@limited
def _predictions(stamp: tuple, name: str, _data: Dataset) -> np.ndarray:
    import torch

    from vitcore.analysis.attention import as_input

    net = resources.loaded(*stamp)
    images = _data.test.images
    count = min(RANKED, len(images))
    with torch.inference_mode():
        parts = [
            net(as_input(torch.from_numpy(images[part]), net))
            for part in np.array_split(np.arange(count), count // 100 + 1)
        ]
    return torch.cat(parts).softmax(dim=1).numpy()


def predictions(run: Run, data: Dataset) -> np.ndarray:
    """Return probabilities [n, classes] for the first `RANKED` test images. Raises `UserError`."""
    resources.model(run)
    return _predictions(resources.stamp_of(run), data.state, data)
