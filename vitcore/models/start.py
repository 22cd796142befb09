"""Fine-tuning: a model with the weights of another run, and a new head for the classes of its data.

The head is what depends on the number of classes: the last linear layer, or both of a distilled ViT. All
other weights, the backbone, are those of the start. Learned positions are interpolated to the image size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.models import build, misfit, not_finite, shapes_of
from vitcore.networks.positions import resampled_positions
from vitcore.networks.vit import ViT
from vitcore.reading import short
from vitcore.runs.weights import check_size, damaged

POSITIONS = "pos_embedding"


def head_names(config: Config) -> frozenset[str]:
    """Return the names of the head's parameters: those whose shapes depend on the number of classes."""
    few, more = (_shapes(config, config.num_classes + extra) for extra in (0, 1))
    return frozenset(name for name, shape in few.items() if shape != more[name])


def _shapes(config: Config, classes: int) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = build(config.model, num_classes=classes, image_size=config.image_size, **config.options)
    return shapes_of(model.state_dict())


def head_layers(model: nn.Module, names: frozenset[str]) -> list[nn.Module]:
    """Return the modules that own the parameters of the head, in the order of the model."""
    owners = dict.fromkeys(name.rpartition(".")[0] for name, _ in model.named_parameters() if name in names)
    return [model.get_submodule(owner) for owner in owners]


def head_logits(heads: Sequence[nn.Module], features: torch.Tensor) -> torch.Tensor:
    """Return the mean of the logits of each head. features [B, heads, F] -> logits [B, classes]

    The features are what `head_features` returns. Only a distilled ViT has more than one head.
    """
    logits = [head(features[:, i]) for i, head in enumerate(heads)]
    return logits[0] if len(logits) == 1 else torch.stack(logits).mean(dim=0)


def head_features(model: nn.Module, heads: Sequence[nn.Module], images: torch.Tensor) -> torch.Tensor | None:
    """Return what each head reads, or None if the logits of a model are not the mean of those of its heads.

    Normalized images [B, 3, S, S] -> features [B, heads, F]. The model must be in evaluation mode.
    """
    seen: dict[int, torch.Tensor] = {}

    def remember(number: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def hook(head: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            seen[number] = inputs[0]

        return hook

    hooks = [head.register_forward_pre_hook(remember(i)) for i, head in enumerate(heads)]
    try:
        with torch.no_grad():
            logits = model(images)
    finally:
        for hook in hooks:
            hook.remove()
    shapes = {tuple(value.shape) for value in seen.values()}
    if len(seen) != len(heads) or len(shapes) != 1 or len(next(iter(shapes))) != 2:
        return None
    features = torch.stack([seen[i] for i in range(len(heads))], dim=1)
    with torch.no_grad():
        same = torch.allclose(head_logits(heads, features), logits, rtol=1e-3, atol=1e-3)
    return features if same else None


def load_start(model: nn.Module, config: Config, file: Path) -> None:
    """Load the weights of a start into the backbone of a model. Its head keeps its random weights.

    Weights of half precision become float32. Raise `UserError` if they are damaged, not finite, or do not
    fit.
    """
    try:
        check_size(file)
        stored = load_file(file)
    except (SafetensorError, OSError):
        raise damaged(file) from None
    head, wanted = head_names(config), model.state_dict()
    given = {
        name: value.float() if value.is_floating_point() else value
        for name, value in stored.items()
        if name not in head
    }
    if isinstance(model, ViT) and POSITIONS in given and POSITIONS in wanted:
        given[POSITIONS] = resampled_positions(given[POSITIONS], model.grid)
    backbone = {name: value for name, value in wanted.items() if name not in head}
    if problem := misfit(shapes_of(backbone), shapes_of(given)):
        raise UserError(
            f"The weights of run {short(config.start)} do not fit this model ({problem}): start from another "
            "run."
        )
    if name := not_finite(given):
        raise UserError(
            f"The weights of run {short(config.start)} are not finite ({name}): start from another run."
        )
    model.load_state_dict(given, strict=False)


def freeze(model: nn.Module, head: frozenset[str]) -> None:
    """Train only the head of a model: no other parameter gets a gradient."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in head)
