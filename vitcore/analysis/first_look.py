"""The probe `first-look`: the data that the first page shows before torch is imported.

`python -m vitcore probe first-look --runs RUN` stores, for the first test image of each class of
`cifar10-mini`, the run's map and probabilities in <run>/probes/first-look.npz: for a ViT the attention
rollout from CLS (from the mean over queries if there is no CLS), for a CNN the Grad-CAM of its last stage
for the predicted class.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vitcore.analysis.attention import as_input, capture, rollout
from vitcore.analysis.attribution import grad_cam
from vitcore.analysis.relevance import readout_map
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.networks.vit import ViT
from vitcore.paths import check_allowed
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run


def explain(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (maps [B, h, w], probabilities [B, classes]) of uint8 images [B, 3, S, S].

    The module docstring says what the maps are.
    """
    if isinstance(model, ViT):
        trace = capture(model, images)
        rows = rollout(trace.weights)  # [B, T, T]
        return readout_map(model, rows, images), trace.logits.softmax(dim=1)
    with torch.inference_mode():
        logits = model(as_input(images, model))
    return grad_cam(model, images, logits.argmax(dim=1).clone()), logits.softmax(dim=1)


def measure(run: Run) -> Path:
    """Measure one run, store the result and return its file.

    Raise `UserError` for images of another size, and in read-only mode.
    """
    check_allowed()
    if run.config.image_size != 32:
        raise UserError(f"Run {run.id} is not for 32x32 images, as first-look needs: choose another run.")
    test = load_dataset("cifar10-mini").test
    chosen = np.array([np.flatnonzero(test.labels == c)[0] for c in np.unique(test.labels)])
    maps, probabilities = explain(load_run(run), torch.from_numpy(test.images[chosen]))
    packed = io.BytesIO()
    np.savez(packed, index=chosen, maps=maps.numpy(), probabilities=probabilities.numpy())
    path = run.path / "probes" / "first-look.npz"
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, packed.getvalue())
    return path
