"""The published checkpoints of the UvA Deep Learning Tutorials 5 and 15: their addresses and settings.

Source: github.com/phlippe/saved_models. Does not import torch.
"""

from __future__ import annotations

from typing import Any

from vitcore.config import Config, make_config
from vitcore.data.datasets import CLASSES
from vitcore.errors import UserError
from vitcore.paths import published_url
from vitcore.reading import short

BASE = "https://raw.githubusercontent.com/phlippe/saved_models/main"  # $VITLAB_PUBLISHED overrides it
FILES = {  # checkpoint -> its event file
    "tutorial15/ViT.ckpt": "tutorial15/tensorboards/ViT/events.out.tfevents.ViT",
    "tutorial5/ResNet.ckpt": "tutorial5/tensorboards/ResNet/events.out.tfevents.resnet",
    "tutorial5/ResNetPreAct.ckpt": "tutorial5/tensorboards/ResNetPreAct/events.out.tfevents.resnetpreact",
    "tutorial5/GoogleNet.ckpt": "tutorial5/tensorboards/GoogleNet/events.out.tfevents.googlenet",
    "tutorial5/DenseNet.ckpt": "tutorial5/tensorboards/DenseNet/events.out.tfevents.densenet",
}
CNNS = {"ResNet": "resnet", "GoogleNet": "googlenet", "DenseNet": "densenet"}  # model_name -> architecture
OPTIMIZERS = {"SGD": "sgd", "Adam": "adamw"}  # the tutorial's "Adam" is AdamW
BLOCKS = {"ResNetBlock": "resnet", "PreActResNetBlock": "preactresnet"}
TRAINING, VALIDATION, TEST = 45_000, 5_000, 10_000  # images of CIFAR-10 in the tutorials' splits


def is_published(source: str) -> bool:
    """Return whether an address is that of a checkpoint on the published site."""
    base = published_url(BASE)
    return any(source == f"{base}/{name}" for name in FILES)


def events_address(source: str) -> str | None:
    """Return the address of the event file of a checkpoint on the published site or a copy of it."""
    for checkpoint, events in FILES.items():
        if source.endswith(f"/{checkpoint}"):
            return source.removesuffix(checkpoint) + events
    return None


def steps_per_epoch(config: Config) -> int:
    """Return the optimizer steps of one epoch of the tutorials, which drop the last partial batch."""
    return TRAINING // config.batch_size


def config_of(values: dict[str, Any]) -> Config:
    """Return the configuration described by the tutorials' `hyper_parameters`.

    Raise `UserError` for any other content.
    """
    try:
        return _vit(values) if isinstance(values.get("model_kwargs"), dict) else _cnn(values)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RuntimeError):  # wrong types
        raise UserError("Its hyper_parameters are not the tutorials'.") from None


def _vit(values: dict[str, Any]) -> Config:
    kwargs = dict(values["model_kwargs"])
    tokens, channels, classes = (kwargs.pop(k, None) for k in ("num_patches", "num_channels", "num_classes"))
    side = 32 // (kwargs.get("patch_size") or 4)
    if (tokens, channels, classes) != (side * side, 3, 10):
        raise UserError(
            "This ViT was not made for CIFAR-10: it needs 32x32 images of 3 channels and 10 classes."
        )
    return _config("vit", kwargs, {"lr": values.get("lr", 3e-4)})


def _cnn(values: dict[str, Any]) -> Config:
    name = values.get("model_name")
    kwargs = dict(values.get("model_hparams") or {})
    block = kwargs.pop("block_name", "ResNetBlock")
    if name == "ViT":
        raise UserError("They name a ViT, but lack its model_kwargs.")
    if name not in CNNS:
        raise UserError(f"Unknown model {short(name)}: the tutorials' are ViT, {', '.join(CNNS)}.")
    if block not in BLOCKS:
        raise UserError(f"Unknown block {short(block)}: the tutorials' are {', '.join(BLOCKS)}.")
    if kwargs.pop("num_classes", 10) != 10 or kwargs.pop("act_fn_name", "relu") != "relu":
        raise UserError(f"This {name} is not the published one: it needs 10 classes and the activation relu.")
    optimizer, given = values.get("optimizer_name"), dict(values.get("optimizer_hparams") or {})
    if optimizer not in OPTIMIZERS:
        raise UserError(f"Unknown optimizer {short(optimizer)}: the tutorials' are {', '.join(OPTIMIZERS)}.")
    changes = {"optimizer": OPTIMIZERS[optimizer]}
    changes |= {k: given[k] for k in ("lr", "weight_decay", "momentum") if k in given}
    return _config(BLOCKS[block] if name == "ResNet" else CNNS[name], kwargs, changes)


def _config(model: str, kwargs: dict[str, Any], changes: dict[str, Any]) -> Config:
    options = {k: list(v) if isinstance(v, tuple) else v for k, v in kwargs.items()}
    config = make_config("tutorial", model=model, data="cifar10", seed=42, **changes, options=options)
    return config.model_copy(update={"classes": CLASSES})
