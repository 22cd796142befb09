"""Named training configurations, per architecture, each with what to expect of it. No torch.

`tutorial` is the published recipe, for those who want to repeat it; `modern` is what a small model deserves
on complete CIFAR-10; `quick` is for minutes on a CPU with `cifar10-mini`. Sources: UvA Deep Learning
Tutorials 5 and 15; Muon: Jordan et al. 2024; patch dropping: Liu et al. 2023 (PatchDropout).
"""

from __future__ import annotations

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
        "vit": {**_VIT_MUON, "epochs": 6, "keep_patches": 0.5, "full_epochs": 0},
        "resnet": {**_RESNET_SGD, "epochs": 7},
    },
    "quick": {
        "vit": {**_VIT_MUON, "epochs": 10, "keep_patches": 0.5, "full_epochs": 0, "batch_size": 64},
        "resnet": {**_RESNET_SGD, "epochs": 10, "lr": 0.05, "batch_size": 64},
    },
}


def recipe_values(name: str, model: str) -> dict[str, Any]:
    """The settings in which a recipe differs from the defaults of `Config`; raises `UserError` for an unknown
    name.
    """
    if not isinstance(name, str) or name not in RECIPES:
        raise UserError(f"Unknown recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return dict(RECIPES[name][model])
