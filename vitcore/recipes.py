"""The shared parts of the recipes. Each architecture's file defines the rest. Does not import torch.

`tutorial` is the published recipe, to reproduce the tutorial. `modern` is a good recipe for a small model on
complete CIFAR-10. `quick` takes minutes on a CPU with `cifar10-mini`. A recipe lists only the values that
differ from the defaults of `Config`. Sources: UvA Deep Learning Tutorials 5 and 15; Muon: Jordan et al.
2024; patch dropping: Liu et al. 2023 (PatchDropout); TrivialAugment: Mueller and Hutter 2021.
"""

from __future__ import annotations

from typing import Any

TUTORIAL: dict[str, Any] = {
    "epochs": 180,
    "schedule": "multistep",
    "warmup_epochs": 0.0,
    "label_smoothing": 0.0,
    "augment": "tutorial",
    "decay": "all",
    "nesterov": False,
    "clip_norm": 0.0,
    "precision": "float32",
}
TUTORIAL_SGD = {**TUTORIAL, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}
TUTORIAL_ADAMW = {**TUTORIAL, "optimizer": "adamw", "lr": 1e-3, "weight_decay": 1e-4}

MUON: dict[str, Any] = {"optimizer": "muon", "lr": 1e-3, "weight_decay": 0.05}
SGD: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.1, "weight_decay": 5e-4, "clip_norm": 0.0}
QUICK_SGD = {**SGD, "epochs": 10, "lr": 0.05, "batch_size": 64}
ADAMW: dict[str, Any] = {"optimizer": "adamw", "lr": 3e-3, "weight_decay": 0.05}

PUBLISHED = "as published, on a GPU"
