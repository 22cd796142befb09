"""Training: `train(config)` runs a training in this process and returns its run folder."""

from vitcore.training.engine import train

__all__ = ["train"]
