"""How fast training is, against the tutorial's published code in the same run:

    python -m tests.benchmarks.training_speed step | input | modern | tutorial | muon | sam

The reference below is the tutorial's module and loader as published (UvA Deep Learning Tutorial 15), written
down again: attention that returns its weights, dropout 0.2, AdamW; torchvision transforms per image in four
workers. Each line is the median of several rounds in which both sides take turns, so that a noisy machine
hurts both alike. Ratios are images/s of ours over images/s of the reference.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.data.loader import make_loader
from vitcore.models import build
from vitcore.networks.vit import to_patches
from vitcore.preprocessing import MEAN, STD
from vitcore.training.module import Batch, Classifier
from vitcore.training.optim import make_optimizer
from vitcore.training.setup import prepare

BATCH = 128


class TutorialBlock(nn.Module):
    """Pre-LN block around `nn.MultiheadAttention`, which returns (and so computes) averaged weights by
    default.
    """

    def __init__(self, dim: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layer_norm_1, self.layer_norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, dropout=dropout)
        self.linear = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, dim),
            nn.Dropout(dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer_norm_1(x)
        x = x + self.attn(y, y, y)[0]
        return x + self.linear(self.layer_norm_2(x))


class TutorialViT(nn.Module):
    """The tutorial's ViT: embed 256, hidden 512, 8 heads, 6 layers, patch 4, dropout 0.2. [B, 3, 32,
    32] -> [B, 10]
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.input_layer = nn.Linear(48, 256)
        self.transformer = nn.Sequential(*(TutorialBlock(256, 512, 8, dropout) for _ in range(6)))
        self.mlp_head = nn.Sequential(nn.LayerNorm(256), nn.Linear(256, 10))
        self.dropout = nn.Dropout(dropout)
        self.cls_token = nn.Parameter(torch.randn(1, 1, 256))
        self.pos_embedding = nn.Parameter(torch.randn(1, 65, 256))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.input_layer(to_patches(images, 4))
        x = torch.cat([self.cls_token.repeat(len(x), 1, 1), x], dim=1) + self.pos_embedding
        x = self.transformer(self.dropout(x).transpose(0, 1))  # [T, B, D]
        return self.mlp_head(x[0])


class PerImage(Dataset):
    """CIFAR-10 as torchvision's dataset serves it: a PIL image, transformed by itself."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.RandomResizedCrop((32, 32), scale=(0.8, 1.0), ratio=(0.9, 1.1)),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[i])), self.labels[i]


def tutorial_loader() -> DataLoader:
    """Batch 128, shuffled, last batch dropped, four workers."""
    split = load_dataset("cifar10-mini").train
    data = PerImage(np.tile(split.images, (5, 1, 1, 1)), np.tile(split.labels, 5))
    return DataLoader(data, BATCH, shuffle=True, drop_last=True, num_workers=4, persistent_workers=True)


def our_loader(policy: str) -> DataLoader:
    """The project's loader over the same 20,000 images."""
    split = load_dataset("cifar10-mini").train
    many = type(split)(np.tile(split.images, (5, 1, 1, 1)), np.tile(split.labels, 5))
    return make_loader(many, BATCH, train=True, policy=policy)


def trainer(
    model: nn.Module, optimizer: torch.optim.Optimizer, smoothing: float, clip: float, **options: float
) -> Callable:
    """One training step as a function of a batch."""
    model.train()

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images, **options), labels, label_smoothing=smoothing).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    return step


def reference() -> Callable:
    """The tutorial's training step."""
    model = TutorialViT()
    return trainer(model, torch.optim.AdamW(model.parameters(), lr=3e-4), 0.0, 0.0)


def forever(loader: DataLoader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        yield from loader


def compare(
    name: str, theirs: Callable[[], None], ours: Callable[[], None], rounds: int, images: int
) -> None:
    """Both sides take turns; prints images/s (medians) and their ratio."""
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for i in range(rounds + 1):
        for key, work in (("theirs", theirs), ("ours", ours)):
            began = time.perf_counter()
            work()
            if i:  # the first round warms up
                times[key].append(time.perf_counter() - began)
    slow, fast = (images / statistics.median(times[key]) for key in ("theirs", "ours"))
    print(
        f"{name}: reference {slow:,.0f} images/s, ours {fast:,.0f} images/s, ratio {fast / slow:.2f}",
        flush=True,
    )


def fixed_batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,))


def bench_step() -> None:
    model = build("vit", drop_path=0.1)
    ours = trainer(
        model, torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True), 0.1, 1.0
    )
    theirs, batch = reference(), fixed_batch()
    compare("training step, all 65 tokens", lambda: theirs(*batch), lambda: ours(*batch), 8, BATCH)


def bench_tutorial() -> None:
    model = build("vit", dropout=0.2)
    ours = trainer(model, make_optimizer(model, make_config("tutorial", model="vit")), 0.0, 0.0)
    theirs, batch = reference(), fixed_batch()
    compare(
        "training step of the recipe tutorial, dropout 0.2",
        lambda: theirs(*batch),
        lambda: ours(*batch),
        8,
        BATCH,
    )


def bench_input() -> None:
    theirs, ours, count = forever(tutorial_loader()), forever(our_loader("tutorial")), 60

    def take(batches: Iterator) -> Callable[[], None]:
        return lambda: [next(batches) for _ in range(count)] and None

    compare("input pipeline, flip and resized crop", take(theirs), take(ours), 5, count * BATCH)


def bench_modern() -> None:
    config = make_config("modern", model="vit")
    model = build("vit", **config.options)
    step = trainer(
        model,
        make_optimizer(model, config),
        config.label_smoothing,
        config.clip_norm,
        keep=config.keep_patches,
    )
    theirs, slow, fast = reference(), forever(tutorial_loader()), forever(our_loader(config.augment))
    compare("recipe modern, end to end", lambda: theirs(*next(slow)), lambda: step(*next(fast)), 8, BATCH)


def bench_muon() -> None:
    config = make_config("modern", model="vit")
    model = build("vit", **config.options)
    optimizer, (images, labels) = make_optimizer(model, config), fixed_batch()
    whole, update = [], []
    for _ in range(9):
        began = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model.train()(images, keep=config.keep_patches), labels).backward()
        middle = time.perf_counter()
        optimizer.step()
        whole.append(time.perf_counter() - began)
        update.append(time.perf_counter() - middle)
    share = statistics.median(update[1:]) / statistics.median(whole[1:])
    print(f"Muon and AdamW: {statistics.median(update[1:]):.3f} s a step, {100 * share:.0f} % of it")


def bench_sam() -> None:
    for name in ("vit", "resnet"):
        steps = []
        for rho in (0.0, 0.1):
            config = make_config("modern", model=name, sam_rho=rho)
            module = Classifier(prepare(config), config).train()
            steps.append(_whole_step(module, make_optimizer(module.model, config)))
        batch = fixed_batch()
        plain, sam = steps
        compare(
            f"{name}, recipe modern, with SAM (reference: without)",
            partial(plain, batch),
            partial(sam, batch),
            8,
            BATCH,
        )


def _whole_step(module: Classifier, optimizer: torch.optim.Optimizer) -> Callable[[Batch], None]:
    """Return a training step of the module as Lightning takes it, with its random choices."""
    module.drops_patches = lambda: module.config.keep_patches < 1  # asks a trainer for the epoch

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        loss = module.training_step(batch, 0)
        assert loss is not None, "steps are not recorded here"
        loss.backward()
        module.on_after_backward()
        module.clip_gradients()
        optimizer.step()

    return step


BENCHES = {
    "step": bench_step,
    "input": bench_input,
    "modern": bench_modern,
    "tutorial": bench_tutorial,
    "muon": bench_muon,
    "sam": bench_sam,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="default: all")
    for chosen in parser.parse_args().names or BENCHES:
        BENCHES[chosen]()
