"""Create models: `build("vit", embed_dim=128)` builds one by name, `load_run(run)` loads a run's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, check_options
from vitcore.errors import UserError, detail_of, no_weights
from vitcore.models.bounded import Bounded, TooLarge
from vitcore.preprocessing import attach
from vitcore.reading import short
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE
from vitcore.runs.weights import check_size, damaged


@dataclass(frozen=True)
class Built:
    """What a model was built from: the architecture, its options, and the sizes of its output and input."""

    name: str
    options: dict[str, Any]
    num_classes: int
    image_size: int


HEADER = 10_000  # bytes, more than the header of a file of weights has for each of them


def build(name: str, *, num_classes: int = 10, image_size: int = 32, **options: Any) -> nn.Module:
    """Return a new model with random weights, by default with the tutorial's options.

    The model carries its description (`built_from`). Raise `UserError` for invalid options.
    """
    checked = check_options(name, options)
    try:
        model = ARCHITECTURES[name].build(checked, num_classes, image_size)
    except ValueError as error:
        raise UserError(f"{error}.") from None
    object.__setattr__(model, "built_from", Built(name, checked.model_dump(), num_classes, image_size))
    return model


def built_from(model: nn.Module) -> Built | None:
    """Return how `build` made a model, or None for a model that it did not make."""
    return getattr(model, "built_from", None)


def build_for(config: Config) -> nn.Module:
    """Return the model of a configuration, with random weights. Raise `UserError` for invalid options.

    The model carries the preprocessing of the configuration (`vitcore.preprocessing.preprocessing_of`).
    """
    model = build(
        config.model, num_classes=config.num_classes, image_size=config.image_size, **config.options
    )
    attach(model, config.preprocessing)
    return model


def shapes_for(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a configuration by name, without memory for the weights.

    Raise `UserError` for invalid options.
    """
    with torch.device("meta"):
        return shapes_of(build_for(config).state_dict())


def shapes_of(weights: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of weights by name."""
    return {name: tuple(value.shape) for name, value in weights.items()}


def misfit(wanted: Mapping[str, tuple[int, ...]], stored: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return what is wrong with the names and shapes of stored weights, or None if they fit."""
    if missing := [name for name in wanted if name not in stored]:
        return f"{short(missing[0])} is missing"
    if more := [name for name in stored if name not in wanted]:
        return f"{short(more[0])} does not belong to it"
    for name, shape in wanted.items():
        if stored[name] != shape:
            return f"{name} has the shape {short(list(stored[name]))}, not {list(shape)}"
    return None


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def load_run(run: Run, weights: Path | None = None) -> nn.Module:
    """Return the model of a run in float32, in evaluation mode, on the CPU.

    Load `weights`, such as a snapshot, or by default the best (else newest) weights. Raise `UserError` when
    they are missing, do not fit or are not finite, or when the outputs are not finite.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    path = weights or run.weights
    if path is None:
        raise no_weights(run.id, active=run.status().state in ACTIVE)
    check_size(path)
    try:
        path.open("rb").close()  # safetensors says "No such file" of a file that may not be read
        with safe_open(path, framework="pt") as file:
            count = sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        model = _built_for(run, path, count)
        wanted = model.state_dict()
        check_size(path, 2 * HEADER + sum(HEADER + 8 * value.numel() for value in wanted.values()))
        stored = load_file(path)
        for name, value in wanted.items():
            if name in stored and value.is_floating_point() != stored[name].is_floating_point():
                raise TypeError(f"{name} is of type {stored[name].dtype}")
        if problem := misfit(shapes_of(wanted), shapes_of(stored)):
            raise UserError(
                f"The weights {path.name} of run {run.id} do not fit its configuration ({problem}): choose "
                "another run."
            )
        state = {name: value.float() for name, value in stored.items()}
        model.load_state_dict(state)
    except SafetensorError:
        raise damaged(path) from None
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The weights {path.name} of run {run.id} cannot be read ({detail_of(error)}): choose another "
            "run."
        ) from None
    if name := not_finite(state):
        raise UserError(
            f"The weights {path.name} of run {run.id} are not finite ({name}): choose another run."
        )
    model.eval()
    if not _has_finite_outputs(model, run.config.image_size):
        raise UserError(
            f"The weights {path.name} of run {run.id} are so large that its outputs are not finite: choose "
            "another run."
        )
    return model


def _built_for(run: Run, path: Path, stored: int) -> nn.Module:
    """Return the network of a run, with random weights.

    Raise `UserError` if it is much larger than the file of its weights, which has `stored` numbers.
    """
    try:
        with Bounded(stored):
            return build_for(run.config)
    except TooLarge:
        raise UserError(
            f"The weights {path.name} of run {run.id} do not fit its configuration (they are {stored:,} "
            "numbers, and the network has many more): choose another run."
        ) from None


def _has_finite_outputs(model: nn.Module, size: int) -> bool:
    """Return whether a model computes finite outputs for an image with a gradient."""
    ramp = torch.linspace(-2, 2, size)
    with torch.inference_mode():
        return bool(model(ramp.expand(1, 3, size, size)).isfinite().all())


def not_finite(state: Mapping[str, torch.Tensor]) -> str | None:
    """Return the name of the first tensor with NaN or infinity, or None."""
    return next((name for name, value in state.items() if not bool(value.isfinite().all())), None)


def weights_of(model: nn.Module, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Return a model's state for safetensors: on the CPU, contiguous, floats as `dtype`, counts as int64."""
    state = model.state_dict()
    return {
        k: v.detach().to("cpu", dtype if v.is_floating_point() else v.dtype).contiguous()
        for k, v in state.items()
    }
