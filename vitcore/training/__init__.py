"""Training: `train(config)` runs a training in this process and returns its run folder.

`AttentionSnapshots` is a Lightning callback that writes such a folder for a training of your own.
"""

from vitcore.training.attention_snapshots import AttentionSnapshots
from vitcore.training.engine import train

__all__ = ["AttentionSnapshots", "train"]
