"""Features of a frozen backbone, computed once: a linear probe then trains its head without the backbone.

This needs inputs that are the same in every epoch, so the images must not be augmented or mixed. The batches
have the samples that the images would have had, in the same order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from vitcore.config import Config
from vitcore.data.datasets import Dataset as ImageData
from vitcore.data.datasets import Split
from vitcore.data.loader import Key, make_loader
from vitcore.data.transfer import to_device
from vitcore.models.evaluate import batch_for
from vitcore.models.start import head_features
from vitcore.training.module import Classifier, Learner
from vitcore.training.setup import parts

Report = Callable[[int, int], None]  # called with the number of images so far and of all


def are_fixed(config: Config) -> bool:
    """Return whether a training computes the same features for an image in every epoch."""
    mixed = config.mixup or config.cutmix
    return config.freeze and config.augment == "none" and not mixed and config.keep_patches == 1


class Features(Dataset):
    """Map a batch of samples to (features [B, heads, F], labels int64 [B]) on a device."""

    def __init__(self, features: torch.Tensor, labels: torch.Tensor) -> None:
        self.features, self.labels = features, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, torch.Tensor]:
        index = to_device(key.samples, self.labels.device)
        return self.features[index], self.labels[index]


def features_of(
    model: nn.Module,
    heads: Sequence[nn.Module],
    split: Split,
    config: Config,
    device: torch.device,
    report: Report = lambda done, total: None,
    most: int | None = None,
) -> torch.Tensor | None:
    """Return the features of all images of a split in order, or None if the model has none.

    Float32 [N, heads, F] on the device, where the model must be, too. With `most`, compute only those of the
    first images and repeat them, for a rehearsal.
    """
    some = split if most is None else split.part(slice(most))
    model.eval()
    found: list[torch.Tensor] = []
    loader = make_loader(
        some, batch_for(config.image_size), train=False, device=device, preprocessing=config.preprocessing
    )
    done = 0
    for images, _ in loader:
        features = head_features(model, heads, images)
        if features is None:
            return None
        found.append(features.float())
        done += len(features)
        report(done, len(some))
    joined = torch.cat(found)
    if len(joined) < len(split):
        joined = joined[torch.arange(len(split), device=joined.device) % len(joined)]
    return joined


def with_features(
    module: Learner,
    loaders: tuple[DataLoader, DataLoader],
    data: ImageData,
    device: torch.device,
    *,
    log_line: Callable[[str], None] = lambda line: None,
    report: Report = lambda done, total: None,
    most: int | None = None,
) -> tuple[DataLoader, DataLoader]:
    """Return the loaders of a training and its validation, with features in place of images if possible.

    They are returned unchanged if the features are not fixed, or if the model has none.
    """
    config = module.config
    if not (isinstance(module, Classifier) and are_fixed(config)):
        return loaders
    began = time.monotonic()
    module.model.to(device)
    replaced, splits = [], parts(data, config)
    for loader, split in zip(loaders, splits, strict=True):
        features = features_of(module.model, module.heads, split, config, device, report, most)
        if features is None:
            return loaders
        pairs = Features(features, torch.from_numpy(split.labels).to(device))
        replaced.append(
            DataLoader(pairs, batch_size=None, sampler=loader.sampler, generator=torch.Generator())
        )
    count = sum(map(len, splits))
    log_line(f"computed the features of {count:,} images once, in {time.monotonic() - began:.1f} s")
    return replaced[0], replaced[1]
