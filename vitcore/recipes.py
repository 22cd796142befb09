"""Named training configurations, per architecture, each with what to expect of it. No torch.

`tutorial` is the published recipe, for those who want to repeat it; `modern` is what a small model deserves
on complete CIFAR-10; `quick` is for minutes on a CPU with `cifar10-mini`. Sources: UvA Deep Learning
Tutorials 5 and 15; Muon: Jordan et al. 2024; patch dropping: Liu et al. 2023 (PatchDropout).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitcore.errors import UserError

_VIT_OPTIONS = {"init_std": 0.02, "drop_path": 0.05}
_VIT_MUON = {"optimizer": "muon", "lr": 1e-3, "weight_decay": 0.05, "options": _VIT_OPTIONS}
_RESNET_SGD = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.1, "weight_decay": 5e-4, "clip_norm": 0.0}
_TUTORIAL = {
    "epochs": 180,
    "schedule": "multistep",
    "warmup_epochs": 0.0,
    "label_smoothing": 0.0,
    "augment": "tutorial",
    "decay": "all",
    "nesterov": False,
    "clip_norm": 0.0,
}

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "tutorial": {
        "vit": {
            **_TUTORIAL,
            "optimizer": "adamw",
            "lr": 3e-4,
            "weight_decay": 0.01,
            "options": {"dropout": 0.2},
        },
        "resnet": {**_TUTORIAL, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
    },
    "modern": {
        "vit": {**_VIT_MUON, "epochs": 20, "keep_patches": 0.5, "full_epochs": 0, "augment": "trivial"},
        "resnet": {**_RESNET_SGD, "epochs": 25},
    },
    "quick": {
        "vit": {**_VIT_MUON, "epochs": 10, "keep_patches": 0.5, "full_epochs": 0, "batch_size": 64},
        "resnet": {**_RESNET_SGD, "epochs": 10, "lr": 0.05, "batch_size": 64},
    },
}


@dataclass(frozen=True)
class Result:
    """What a recipe gave when it was measured: one run, seed 0, minutes of wall clock on `where`."""

    test_acc: float  # share of the `count` test images that is classified right
    count: int
    data: str
    epochs: int
    minutes: float | None
    where: str

    def __str__(self) -> str:
        long = f"{self.minutes:.0f} minutes" if self.minutes and self.minutes >= 2 else "a minute"
        spent = f" in {long} on {self.where}" if self.minutes else f", {self.where}"
        return (
            f"{100 * self.test_acc:.2f} % of {self.count:,} test images after {self.epochs} epochs of "
            f"{self.data}"
            f"{spent} (one run)"
        )


_HERE = "two cores of an AMD EPYC, no GPU"
_PUBLISHED = "as published, on a GPU"
MEASURED: dict[tuple[str, str], Result] = {
    ("tutorial", "vit"): Result(0.7559, 10_000, "cifar10", 180, None, _PUBLISHED),
    ("tutorial", "resnet"): Result(0.9106, 10_000, "cifar10", 180, None, _PUBLISHED),
    ("modern", "vit"): Result(0.7375, 10_000, "cifar10", 6, 31.6, _HERE),
    ("modern", "resnet"): Result(0.8409, 10_000, "cifar10", 7, 9.1, _HERE),
    ("quick", "vit"): Result(0.512, 1_000, "cifar10-mini", 10, 4.2, _HERE),
    ("quick", "resnet"): Result(0.55, 1_000, "cifar10-mini", 10, 1.05, _HERE),
}


def recipe_values(name: str, model: str) -> dict[str, Any]:
    """The settings in which a recipe differs from the defaults of `Config`; raises `UserError` for an unknown
    name.
    """
    if not isinstance(name, str) or name not in RECIPES:
        raise UserError(f"Unknown recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return dict(RECIPES[name][model])
