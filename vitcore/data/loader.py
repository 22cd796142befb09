"""Batches for the trainer: the dataset as uint8 tensors on the training device, augmented batch by batch.

torch's DataLoader iterates over a sampler that yields whole batches of indices. Images are therefore not
processed one by one, and there are no worker processes. The order of an epoch depends only on (seed, epoch),
see `augment`.

On a GPU, several batches are augmented at once: the CPU launches the same kernels for one image as for
thousands. The images are the same, since the augmentation of an image does not depend on its batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from vitcore.data.augment import augment, epoch_order
from vitcore.data.datasets import Split
from vitcore.data.mixing import draw_mix, mix
from vitcore.data.transfer import to_device
from vitcore.preprocessing import DEFAULT, Preprocessing

AHEAD_BYTES = 64 * 2**20  # of float32 images that are augmented at once on a GPU


class Key(NamedTuple):
    """A batch: `count` samples of a chunk from `first` on. The batches of a chunk are made at once."""

    epoch: int  # pass over the images
    chunk: np.ndarray  # sample indices int64 [K]
    first: int
    count: int

    @property
    def samples(self) -> np.ndarray:
        """The sample indices of the batch. int64 [B]"""
        return self.chunk[self.first : self.first + self.count]


class EpochBatches(Sampler[Key]):
    """Yield the batches of an epoch, which `set_epoch` selects. Each rank gets an equal part of every batch.

    In training, the last, partial batch of a pass is dropped. An epoch is one pass over the images, or
    `length` batches over as many passes as needed.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        *,
        seed: int | None,
        drop_last: bool,
        rank: int = 0,
        world: int = 1,
        length: int | None = None,
        ahead: int = 1,
    ) -> None:
        self.ahead = ahead  # batches of a chunk
        self.count, self.seed, self.rank, self.world = count, seed, rank, world
        self.batch_size = max(1, min(batch_size, count) // world) * world if drop_last else batch_size
        self.per_pass = count // self.batch_size if drop_last else -(-count // self.batch_size)
        self.length = length or self.per_pass
        self.epoch = 0
        self.skip: tuple[int, int] = (0, 0)  # (epoch, number of its batches already seen)

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def resume(self, step: int) -> None:
        """Continue after `step` batches, counted from the start of the training."""
        self.skip = divmod(step, len(self))

    def __iter__(self) -> Iterator[Key]:
        epoch = self.epoch  # read at the first batch, when the trainer has set it
        current, order = -1, np.arange(self.count)
        chunk, first, left = order[:0], 0, 0
        for batch in range(self.skip[1] if epoch == self.skip[0] else 0, len(self)):
            # The pass, and the batch in it
            number, position = divmod(epoch * len(self) + batch, self.per_pass)
            if number != current and self.seed is not None:
                current, order = number, epoch_order(self.seed, number, self.count)
            if not left:
                left = min(self.ahead, self.per_pass - position, len(self) - batch)
                chunk = np.concatenate([self._samples(order, position + i) for i in range(left)])
                first = 0
            count = len(self._samples(order, position))
            yield Key(number, chunk, first, count)
            first, left = first + count, left - 1

    def _samples(self, order: np.ndarray, position: int) -> np.ndarray:
        """Return this rank's part of the batch at a position of a pass."""
        return order[position * self.batch_size : (position + 1) * self.batch_size][self.rank :: self.world]


class Batches(Dataset):
    """Map (epoch, indices [B]) to (images float32 [B, 3, S, S], labels int64 [B]) on a device.

    With MixUp or CutMix the labels are probabilities float32 [B, classes].
    """

    def __init__(
        self,
        split: Split,
        *,
        policy: str,
        seed: int,
        device: torch.device | str,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        classes: int = 10,
        preprocessing: Preprocessing = DEFAULT,
    ) -> None:
        self.device, self.decoded = torch.device(device), split.images
        self.images: torch.Tensor | None = None  # None: large images of a folder are decoded batch by batch
        if isinstance(split.images, np.ndarray):
            self.images = torch.from_numpy(split.images).to(device)
        self.labels = torch.from_numpy(split.labels).to(device)
        self.policy, self.seed, self.mixup, self.cutmix = policy, seed, mixup, cutmix
        self.classes, self.preprocessing = classes, preprocessing
        self.chunk: np.ndarray | None = None  # whose images are in `made`
        self.made: tuple[torch.Tensor, torch.Tensor] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, torch.Tensor]:
        if self.made is None or key.chunk is not self.chunk:
            self.chunk, self.made = key.chunk, self._make(key.epoch, key.chunk)
        images, labels = self.made
        batch = slice(key.first, key.first + key.count)
        return images[batch], labels[batch]

    def _make(self, epoch: int, samples: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = self._augmented(epoch, samples)
        if not (self.mixup or self.cutmix):
            return images, labels
        partner, *draw = draw_mix(self.seed, epoch, samples, len(self), mixup=self.mixup, cutmix=self.cutmix)
        others, other_labels = self._augmented(epoch, partner)
        return mix(images, others, labels, other_labels, *draw, classes=self.classes)

    def _augmented(self, epoch: int, samples: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        index = to_device(samples, self.device)
        images = to_device(self.decoded[samples], self.device) if self.images is None else self.images[index]
        augmented = augment(images, self.policy, self.seed, epoch, samples, self.preprocessing)
        return augmented, self.labels[index]


def make_loader(
    split: Split,
    batch_size: int,
    *,
    train: bool,
    policy: str = "none",
    seed: int = 0,
    device: torch.device | str = "cpu",
    mixup: float = 0.0,
    cutmix: float = 0.0,
    classes: int = 10,
    rank: int = 0,
    world: int = 1,
    length: int | None = None,
    preprocessing: Preprocessing = DEFAULT,
) -> DataLoader:
    """Return a loader over a split.

    For training, the images are shuffled, augmented and divided among the ranks, the last partial batch is
    dropped, and an epoch has `length` batches (None: one pass). Otherwise each rank gets all images in order.
    """
    same: dict[str, Any] = {"seed": seed, "device": device, "preprocessing": preprocessing}
    if train:
        data = Batches(split, policy=policy, mixup=mixup, cutmix=cutmix, classes=classes, **same)
    else:
        data = Batches(split, policy="none", **same)
    image_bytes = 4 * math.prod(split.images.shape[1:])
    ahead = 1 if torch.device(device).type == "cpu" else max(1, AHEAD_BYTES // (batch_size * image_bytes))
    share = {"rank": rank, "world": world, "length": length, "ahead": ahead} if train else {}
    batches = EpochBatches(len(split), batch_size, seed=seed if train else None, drop_last=train, **share)
    # Creating an iterator draws a number. A separate generator keeps the global state for dropout only.
    return DataLoader(data, batch_size=None, sampler=batches, generator=torch.Generator())
