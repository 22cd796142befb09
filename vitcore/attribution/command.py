"""A class map of a run's test image with all that the command line prints about it. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from vitcore.analysis.attention import as_input
from vitcore.analysis.faithfulness import area, deletion_and_insertion
from vitcore.attribution import Method, Needs, find_method, methods_for
from vitcore.attribution.checks import Curves, MapCheck, check, mean_and_error, with_random_weights
from vitcore.config import CIFAR
from vitcore.data import dataset_for, load_dataset
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.networks.vit import ViT
from vitcore.runs.classifier import check_classifier
from vitcore.runs.folder import Run


def attribution(
    run: Run,
    index: int,
    class_name: str | None,
    method_name: str | None,
    settings: dict[str, Any],
    *,
    check: bool,
) -> dict[str, Any]:
    """Return the map of a test image, counted from 0, with its method and perhaps its checks.

    Without names, the class is the predicted one, and the method the usual one for the model. Raise
    `UserError` for names, settings or an image that do not exist, and for a model without a classifier.
    """
    config = run.config
    check_classifier(run, "no region supports a class")
    data = load_dataset("cifar10-mini") if config.data in CIFAR else dataset_for(config)
    images = data.test.images
    if index >= len(images):
        raise UserError(f"{data.name} has {len(images):,} test images: choose a number up to that.")
    if class_name is not None and class_name not in data.classes:
        raise UserError(f"{class_name!r} is not a class: choose one of {', '.join(data.classes)}.")
    model = load_run(run)
    has: list[Needs] = []
    if isinstance(model, ViT):
        has.append("attention")
    elif hasattr(model, "stages"):
        has.append("stages")
    method = find_method(method_name or next(iter(methods_for(has))), has)
    values = method.complete(settings)
    image = torch.from_numpy(images[index : index + 1].copy())
    if class_name is None:
        with torch.inference_mode():
            target = int(model(as_input(image, model)).argmax())
    else:
        target = data.classes.index(class_name)
    classes = torch.tensor([target])
    maps = method.compute(model, image, classes, values)
    found: dict[str, Any] = {
        "run": run.id,
        "method": method.name,
        "title": method.title,
        "settings": values,
        "image": index + 1,
        "class": data.classes[target],
        "misleads": method.misleads,
        "remark": method.remark(model, image, classes, maps) if method.remark else "",
        "map": maps[0].tolist(),
    }
    if check:
        found["check"] = _described(_check(run, model, method, values, image, target, maps[0].numpy()))
    return found


def _check(
    run: Run,
    model: torch.nn.Module,
    method: Method,
    settings: dict[str, Any],
    image: torch.Tensor,
    target: int,
    values: np.ndarray,
) -> MapCheck:
    def random_map(seed: int) -> np.ndarray:
        network = with_random_weights(run.config, seed)
        return method.compute(network, image, torch.tensor([target]), settings)[0].numpy()

    def curves(order: np.ndarray) -> Curves:
        return Curves(*deletion_and_insertion(model, image, target, order))

    done = list(check(values, random_map, curves))[-1][2]
    assert done is not None  # the last item has the checks
    return done


def _described(done: MapCheck) -> dict[str, Any]:
    fields = ("deletion", "insertion")
    return {
        "map": {field: area(getattr(done.curves, field)) for field in fields},
        "random": {
            "rank correlation": done.correlation()[:2],
            **{
                field: mean_and_error([area(getattr(order, field)) for order in done.orders])
                for field in fields
            },
        },
        "random weights": len(done.correlations),
        "constant maps": done.correlation()[2],
        "random orders": len(done.orders),
    }
