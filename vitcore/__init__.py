"""The parts of ViT Lab that work without a browser: data, models, training, analysis, runs.

Importing this package loads neither torch nor Lightning. Functions that need them import them when called.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__version__ = "0.1.0"

# CUDA numbers GPUs by speed by default. nvidia-smi, and our list of devices, number them by bus.
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def load(run: str | Path, *, runs_dir: str | Path | None = None) -> nn.Module:
    """Return the trained model of a run: in float32, in evaluation mode, on the CPU, without Lightning.

    `run` is the path of a run folder, or the id of a run in `runs_dir` or among the bundled ones. Load its
    best weights, or its newest snapshot if it has none yet. Raise `vitcore.errors.UserError` when there is no
    such run, or when its weights are missing or do not fit its configuration.
    """
    from vitcore.models import load_run
    from vitcore.runs.folder import find_run

    return load_run(find_run(run, runs_dir))
