"""Detailed test metrics of a classifier (torchmetrics), and its multiply-adds (torch's flop counter)."""

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

from vitcore import numbers

BINS = 15  # confidence bins of equal width (Guo et al. 2017)


def evaluate_logits(logits: torch.Tensor, labels: torch.Tensor, bins: int = BINS) -> dict[str, Any]:
    """Return the test metrics of logits [N, C] with labels int [N], as plain numbers.

    The metrics are accuracy, loss (mean cross-entropy), confusion [C][C] (rows are the true class),
    class_accuracy and calibration (see the functions below). Undefined probabilities of a diverged model
    count as equal for all classes.
    """
    logits = logits.float().nan_to_num(0.0, 0.0, 0.0)
    classes, count = logits.shape[1], len(labels)
    share = float(multiclass_accuracy(logits, labels, num_classes=classes, average="micro"))
    return {
        "accuracy": round(share * count) / count,  # undo the rounding of float32
        "loss": round(float(F.cross_entropy(logits, labels)), 6),
        "confusion": multiclass_confusion_matrix(logits, labels, num_classes=classes).tolist(),
        "class_accuracy": class_accuracy(logits, labels),
        "calibration": calibration(logits.softmax(dim=1), labels, bins),
    }


def class_accuracy(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, list]:
    """Return for each class its accuracy, the binomial standard error, and the number of images.

    A class without images has zeros.
    """
    classes = logits.shape[1]
    mean = multiclass_accuracy(logits, labels, num_classes=classes, average=None).double().numpy()
    count = np.bincount(labels.numpy(), minlength=classes)
    error = np.sqrt(mean * (1 - mean) / np.maximum(count, 1))
    return {"mean": numbers.rounded(mean), "error": numbers.rounded(error), "count": count.tolist()}


def calibration(probabilities: torch.Tensor, labels: torch.Tensor, bins: int = BINS) -> dict[str, Any]:
    """Return the expected calibration error (Guo et al. 2017) of probabilities [N, C], and its bins.

    For each confidence bin of equal width, return the number of predictions, their mean confidence and their
    accuracy (0 for an empty bin).
    """
    ece = multiclass_calibration_error(
        probabilities, labels, num_classes=probabilities.shape[1], n_bins=bins, norm="l1"
    )
    confidence, predicted = probabilities.max(dim=1)
    edges = torch.linspace(0, 1, bins + 1)  # as in torchmetrics: a bin includes its lower edge
    index = (torch.bucketize(confidence, edges, right=True) - 1).clamp(max=bins - 1)
    count = torch.bincount(index, minlength=bins)

    def mean(values: torch.Tensor) -> list:
        sums = torch.bincount(index, weights=values.double(), minlength=bins)
        return numbers.rounded((sums / count.clamp(min=1)).numpy())

    return {
        "bins": bins,
        "ece": round(float(ece), 6),
        "count": count.tolist(),
        "confidence": mean(confidence),
        "accuracy": mean(predicted == labels),
    }


@torch.inference_mode()
def multiply_adds(model: nn.Module, image_size: int) -> int:
    """Return the multiply-adds of one image, as half the operations of `torch.utils.flop_counter`.

    They include matrix products and convolutions, but not normalization, softmax and activations. For a
    ViT, the result equals `cost.vit_cost`.
    """
    # The counter supports the products of plain attention, but not the CPU's fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, image_size, image_size))
    return counter.get_total_flops() // 2
