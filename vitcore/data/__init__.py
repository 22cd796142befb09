"""Datasets and batches. `datasets` and `images` need only numpy and pillow; `loader` and `augment` use torch.

data = load_dataset("cifar10-mini")
data.train.images   # uint8 [N, 3, S, S]
data.train.labels   # int64 [N]
data.classes        # names
"""

from vitcore.data.datasets import (
    Dataset,
    Split,
    check_classes,
    check_dataset,
    dataset_for,
    load_dataset,
    photos_for,
    resolve,
    split_indices,
)

__all__ = [
    "Dataset",
    "Split",
    "check_classes",
    "check_dataset",
    "dataset_for",
    "load_dataset",
    "photos_for",
    "resolve",
    "split_indices",
]
