"""How good a classifier is on test images, in detail, and what it costs: torchmetrics, torch's counter."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

BINS = 15  # of the confidence, equally wide (Guo et al. 2017)


def judged(logits: torch.Tensor, labels: torch.Tensor, bins: int = BINS) -> dict[str, Any]:
    """logits [N, C], labels int [N] -> plain numbers: accuracy, loss (mean cross-entropy), confusion [C][C]
    (rows are the truth), class_accuracy and calibration, see the functions below.

    What a diverged model leaves undefined counts as the same for all classes.
    """
    logits = logits.float().nan_to_num(0.0, 0.0, 0.0)
    classes, count = logits.shape[1], len(labels)
    share = float(multiclass_accuracy(logits, labels, num_classes=classes, average="micro"))
    return {
        "accuracy": round(share * count) / count,  # the share came in float32
        "loss": round(float(F.cross_entropy(logits, labels)), 6),
        "confusion": multiclass_confusion_matrix(logits, labels, num_classes=classes).tolist(),
        "class_accuracy": class_accuracy(logits, labels),
        "calibration": calibration(logits.softmax(dim=1), labels, bins),
    }


def class_accuracy(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, list]:
    """Per class: the share of its images that are recognized, its binomial standard error, their count. A
    class without images has zeros.
    """
    classes = logits.shape[1]
    mean = multiclass_accuracy(logits, labels, num_classes=classes, average=None).double().numpy()
    count = np.bincount(labels.numpy(), minlength=classes)
    error = np.sqrt(mean * (1 - mean) / np.maximum(count, 1))
    return {"mean": _plain(mean), "error": _plain(error), "count": count.tolist()}


def calibration(chances: torch.Tensor, labels: torch.Tensor, bins: int = BINS) -> dict[str, Any]:
    """The expected calibration error (Guo et al. 2017) of probabilities [N, C], and what it is made of: per
    bin of the confidence, equally wide, how many answers, their mean confidence and accuracy (0 where none
    is).
    """
    ece = multiclass_calibration_error(chances, labels, num_classes=chances.shape[1], n_bins=bins, norm="l1")
    sure, said = chances.max(dim=1)
    edges = torch.linspace(0, 1, bins + 1)  # torchmetrics' own: a bin holds its lower edge
    place = (torch.bucketize(sure, edges, right=True) - 1).clamp(max=bins - 1)
    count = torch.bincount(place, minlength=bins)

    def mean(values: torch.Tensor) -> list:
        sums = torch.bincount(place, weights=values.double(), minlength=bins)
        return _plain((sums / count.clamp(min=1)).numpy())

    return {
        "bins": bins,
        "ece": round(float(ece), 6),
        "count": count.tolist(),
        "confidence": mean(sure),
        "accuracy": mean(said == labels),
    }


@torch.inference_mode()
def multiply_adds(model: nn.Module, image_size: int) -> int:
    """Of one image: the matrix products and convolutions that `torch.utils.flop_counter` counts (it says two
    operations for each). Normalization, softmax and activations are left out. A ViT that reads its answer off
    CLS asks for CLS alone in its last block, so this is a little less than `cost.vit_cost`.
    """
    # the counter knows the products of the plain attention, not the CPU's fused one
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, image_size, image_size))
    return counter.get_total_flops() // 2


def _plain(values: np.ndarray) -> list:
    return np.round(np.asarray(values, dtype=np.float64), 6).tolist()
