"""Everything of ViT Lab that works without a browser: data, models, training, analysis, runs.

Importing this package loads neither torch nor Lightning; what needs them imports them when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__version__ = "0.1.0"


def load(run: str | Path, *, runs_dir: str | Path | None = None) -> nn.Module:
    """The trained model of a run: float32, evaluation mode, on the CPU, without Lightning.

    `run` is the path of a run folder, or the id of a run in `runs_dir` or among the bundled ones. Its best
    weights are loaded; for a run that has none yet, its newest snapshot. Raises `vitcore.errors.UserError`
    when there is no such run, or when its weights are missing or do not fit its configuration.
    """
    from vitcore.models import load_run
    from vitcore.runs.folder import find_run

    return load_run(find_run(run, runs_dir))
