"""Cached outputs of any model for images: predictions.

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
from vitcore.data import Dataset
from vitcore.runs.classifier import check_classifier
from vitcore.runs.folder import Run

RANKED = 1000  # number of test images to predict


@dataclass(frozen=True)
class Outputs:
    """What a model predicts for an image, and how many of its stages have feature maps, 0 for a ViT."""

    probabilities: np.ndarray  # [classes]
    stages: int


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
def _outputs(stamp: resources.Stamp, pixels: bytes, shape: tuple[int, ...]) -> Outputs:
    import torch

    from vitcore.analysis.attention import as_input

    net, image = stamp.model(), as_tensor(pixels, shape)
    with torch.inference_mode():
        if not hasattr(net, "stages"):
            return Outputs(net(as_input(image, net))[0].softmax(dim=0).numpy(), 0)
        maps = net.stages(as_input(image, net))
        return Outputs(net.head(maps[-1])[0].softmax(dim=0).numpy(), len(maps))


def outputs(run: Run, image: np.ndarray, snapshot: Path | None = None) -> Outputs:
    """Return what a classifier predicts for an image uint8 [3, S, S].

    Raise `UserError` for a run without weights or without a classifier.
    """
    check_classifier(run, name=run.title)
    resources.model(run, snapshot)
    return _outputs(resources.stamp_of(run, snapshot), image.tobytes(), image.shape)


@st.cache_resource(max_entries=16, show_spinner=False)
@limited
def _predictions(stamp: resources.Stamp, name: str, _data: Dataset) -> np.ndarray:
    import torch

    from vitcore.analysis.attention import as_input

    net = stamp.model()
    images = _data.test.images
    count = min(RANKED, len(images))
    with torch.inference_mode():
        parts = [
            net(as_input(torch.from_numpy(images[part]), net))
            for part in np.array_split(np.arange(count), count // 100 + 1)
        ]
    return torch.cat(parts).softmax(dim=1).numpy()


def predictions(run: Run, data: Dataset) -> np.ndarray:
    """Return probabilities [n, classes] for the first `RANKED` test images. Raise `UserError`."""
    resources.model(run)
    return _predictions(resources.stamp_of(run), data.state, data)
