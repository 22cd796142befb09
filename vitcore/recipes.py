"""The shared parts of the recipes. Each architecture's file defines the rest. Does not import torch.

`tutorial` is the published recipe, to reproduce the tutorial. `modern` is a good recipe for a small model on
complete CIFAR-10. `gpu` spends a few minutes of a GPU on it. `quick` takes minutes on a CPU with
`cifar10-mini`. `finetune` and `linear-probe` start from the weights of another run. `pretrain` trains without
labels, for a run that others start from. A recipe lists only the values that differ from the defaults of
`Config`.

Sources: UvA Deep Learning Tutorials 5 and 15; Muon: Jordan et al. 2024; patch dropping: Liu et al. 2023
(PatchDropout); TrivialAugment: Mueller and Hutter 2021; MixUp: Zhang et al. 2018; CutMix: Yun et al. 2019;
masked autoencoding: He et al. 2022.
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

# Large batches occupy a GPU. The ViT sees all patches, because dropping them saves no time there.
GPU_MINUTES = 4.5
GPU_MUON: dict[str, Any] = {
    **MUON,
    "minutes": GPU_MINUTES,
    "batch_size": 1024,
    "lr": 2e-3,
    "augment": "trivial",
    "mixup": 0.8,
    "cutmix": 1.0,
}
GPU_SGD: dict[str, Any] = {**SGD, "minutes": GPU_MINUTES, "batch_size": 256, "lr": 0.2}
GPU_ADAMW: dict[str, Any] = {**ADAMW, "minutes": GPU_MINUTES, "batch_size": 256}

# Recipes of trainings that start from another run, for every model.
FINE_TUNING: dict[str, dict[str, Any]] = {
    "finetune": {
        "epochs": 10,
        "batch_size": 32,
        "lr": 1e-4,
        "head_lr": 100.0,  # the rate of linear-probe, since the head begins with random weights
        "layer_decay": 0.75,
        "augment": "tutorial",
    },
    "linear-probe": {
        "epochs": 50,
        "batch_size": 64,
        "lr": 1e-2,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "freeze": True,
        "augment": "none",
    },
}

# The recipe of a training without labels. The head of a fine-tuning reads the mean over the patches, because
# the loss trains their tokens, while it asks nothing of a CLS token.
PRETRAINING: dict[str, dict[str, Any]] = {
    "pretrain": {
        **MUON,
        "epochs": 30,
        "batch_size": 64,
        "mask_ratio": 0.75,
        "label_smoothing": 0.0,
        "augment": "tutorial",
        "options": {"init_std": 0.02, "pool": "mean"},
    },
}

PUBLISHED = "as published, on a GPU"
H200 = "half of an NVIDIA H200, which trained two models at once"
