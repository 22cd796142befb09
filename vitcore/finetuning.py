"""The settings of trainings that start from the weights of another run. Does not import torch.

`Config` inherits them. `vitcore.runs.start` finds the weights.
"""

from __future__ import annotations

from pydantic import Field

from vitcore.architectures import Architecture, Settings

# options of models that act in training only: all others are those of the start
TRAINING_OPTIONS = ("dropout", "drop_path")


class FineTuning(Settings):
    """What a training starts from, and how fast each of its layers is trained.

    A training with a `start` has the architecture and the options of that run, and a new head for the classes
    of its data.
    """

    start: str = Field(
        "",
        max_length=4096,
        description="id of the run whose weights the training starts from, or the path of its folder",
    )
    start_digest: str = Field(
        "",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 digest of these weights, filled in when a run is created",
    )
    head_lr: float = Field(
        1.0, gt=0, le=1000, title="Head rate", description="learning rate of the head as a multiple of lr"
    )
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="each layer below the head has this times the learning rate of the layer above it",
    )
    freeze: bool = Field(
        False,
        title="Frozen backbone",
        description="train only the head (linear probe): all other weights stay those of the start",
    )


def check_layers(settings: FineTuning, architecture: Architecture, able: str) -> None:
    """Raise `ValueError` if the layers of a model are not known, but shall have different learning rates.

    `able` lists the models whose layers are known.
    """
    if settings.layer_decay < 1 and architecture.layers is None:
        raise ValueError(
            f"layer_decay below 1 needs a model whose layers are known: choose {able}, or layer_decay 1"
        )
