"""Training: `train(config)` runs one in this process and returns its run folder."""

from vitcore.training.engine import train

__all__ = ["train"]
