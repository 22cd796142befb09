"""Evaluate a classifier on a split, in the same way after a training and at the command line."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics.functional.classification import multiclass_accuracy

from vitcore.config import PHOTOS, Config
from vitcore.data.datasets import Split, load_dataset
from vitcore.data.loader import make_loader
from vitcore.data.photos import no_labels
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.preprocessing import preprocessing_of
from vitcore.runs.classifier import check_classifier
from vitcore.runs.folder import Run

PIXELS = 500 * 32 * 32  # per batch


def batch_for(image_size: int) -> int:
    """Return the batch size for validation and tests: 500 images of 32 x 32 pixels, fewer larger ones."""
    return max(1, min(500, PIXELS // image_size**2))


@dataclass(frozen=True)
class Score:
    """Accuracy (0 to 1) and mean cross-entropy over `count` images, with the logits [N, classes]."""

    accuracy: float
    loss: float
    count: int
    logits: torch.Tensor


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, device: torch.device | str = "cpu") -> Score:
    """Evaluate a model in evaluation mode on a split. The model stays on the given device."""
    model = model.to(device).eval()
    loader = make_loader(
        split,
        batch_for(split.images.shape[-1]),
        train=False,
        device=device,
        preprocessing=preprocessing_of(model),
    )
    logits = torch.cat([model(images).float().cpu() for images, _ in loader])  # [N, classes]
    labels = torch.from_numpy(split.labels)
    share = multiclass_accuracy(logits, labels, num_classes=logits.shape[1], average="micro")
    accuracy = round(float(share) * len(labels)) / len(labels)  # undo the rounding of float32
    return Score(accuracy, float(F.cross_entropy(logits, labels)), len(labels), logits)


def evaluate_run(run: Run, data: str) -> Score:
    """Evaluate a run's weights on the test images of a dataset, on the CPU.

    Raise `UserError` when the model and the dataset do not fit.
    """
    config = run.config
    check_classifier(run, "it has no accuracy")
    if data == PHOTOS:
        raise no_labels("A test", _advice(config, data))
    model = load_run(run)  # before the dataset, which may have to be downloaded
    dataset = load_dataset(
        data,
        config.image_size,
        skip_broken=config.skip_broken,
        preprocessing=config.preprocessing,
        classes=config.classes,
    )
    if len(dataset.classes) != config.num_classes or dataset.classes != tuple(
        config.classes or dataset.classes
    ):
        raise UserError(
            f"Run {run.id} was trained on other classes than {data} has: {_advice(config, data)}."
        )
    if dataset.size != config.image_size:
        sides = f"{config.image_size} pixels per side, but {data} has {dataset.size}"
        raise UserError(f"Run {run.id} needs images of {sides}: {_advice(config, data)}.")
    return evaluate(model, dataset.test)


def _advice(config: Config, refused: str) -> str:
    """Return what to evaluate a model on instead: its own images, or a folder if it has none with labels."""
    if config.data not in (PHOTOS, refused):
        return f"evaluate it on {config.data}"
    return "evaluate it with --data folder:PATH, whose folders of images have names of its classes"
