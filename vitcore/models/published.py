"""The published checkpoints of the UvA Deep Learning Tutorials 5 and 15, turned into ordinary runs.

They are Lightning 1.x files. Nothing in them is executed: they are read as plain tensors and numbers, and
what does not have the names and shapes of a known architecture is refused. Source:
github.com/phlippe/saved_models.
"""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from safetensors.torch import save as pack
from torch import nn

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, make_config
from vitcore.data.datasets import CLASSES
from vitcore.data.download import Progress, fetch
from vitcore.errors import UserError
from vitcore.models import build, weights_of
from vitcore.runs.folder import Run, Status, check_allowed, create_run, runs_dir, write_atomic
from vitcore.runs.metrics import read_scalars

BASE = "https://raw.githubusercontent.com/phlippe/saved_models/main"  # $VITLAB_PUBLISHED replaces it
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


def import_tutorial(
    root: str | Path | None = None, progress: Progress = lambda done, total: None
) -> list[Run]:
    """Download all five published checkpoints with their event files and import each that is not there yet.

    Files go to <runs folder>/.published and are kept, so that a broken download goes on. Raises `UserError`.
    """
    check_allowed()
    base = os.environ.get("VITLAB_PUBLISHED") or BASE
    store = runs_dir(root) / ".published"
    runs = []
    for checkpoint, events in FILES.items():
        paths = [fetch(f"{base}/{name}", store / name, progress) for name in (checkpoint, events)]
        runs.append(import_checkpoint(paths[0], root, events=paths[1]))
    return runs


def import_checkpoint(
    source: str | Path,
    root: str | Path | None = None,
    *,
    events: str | Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Run:
    """A run out of a published checkpoint (a path or an http(s) address) and its TensorBoard event file.

    Without `events` an event file beside the checkpoint, alone or named after it, is taken. A checkpoint that
    was imported before gives the run of then. Raises `UserError` for a file that is not one of the
    tutorial's.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = _local(source, Path(folder), progress)
        log = _local(events, Path(folder), progress) if events else _beside(file)
        content = read_checkpoint(file)
        try:
            config = config_of(content["hyper_parameters"])
        except (TypeError, ValueError, ArithmeticError):
            raise UserError(
                f"{file.name} is not a checkpoint of the tutorial: odd hyper_parameters."
            ) from None
        model = model_of(config, content["state_dict"])
        title = f"{ARCHITECTURES[config.model].label}, published ({file.stem})"
        number = int(content["global_step"])
        best = pack(weights_of(model))
        for run in _earlier(root, title):
            if run.best.is_file() and run.best.read_bytes() == best:
                return run
        now = time.time()
        draft = Status(state="running", reason="importing", created=now)
        run = create_run(config, root, title=title, status=draft)
        try:
            write_atomic(run.best, best)
            result: dict[str, Any] = {"best_epoch": int(content["epoch"]) + 1}
            if log:
                name = (
                    log.name
                    if log.name.startswith("events.out.tfevents")
                    else f"events.out.tfevents.{log.name}"
                )
                shutil.copy(log, run.path / name)
                result |= _scores(run)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    done = {
        "state": "finished",
        "reason": "imported",
        "step": number,
        "epoch": float(config.epochs),
        "result": result,
    }
    run.write_status(draft.model_copy(update=done))
    return run


def _earlier(root: str | Path | None, title: str) -> list[Run]:
    from vitcore.runs.folder import list_runs

    return [run for run in list_runs(root, bundled=False) if run.meta.title == title]


def _local(source: str | Path, folder: Path, progress: Progress) -> Path:
    address = urlparse(str(source))
    if address.scheme in ("http", "https"):
        return fetch(str(source), folder / (Path(address.path).name or "checkpoint.ckpt"), progress)
    path = Path(source).expanduser()
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the path or the http(s) address of a checkpoint.")
    return path


def _beside(file: Path) -> Path | None:
    found = sorted(file.parent.glob("events.out.tfevents.*"))
    named = [path for path in found if path.name.rsplit(".", 1)[-1].lower() == file.stem.lower()]
    return next(iter(named or (found if len(found) == 1 else [])), None)


def read_checkpoint(file: Path) -> dict[str, Any]:
    """The content of a Lightning checkpoint, as tensors and plain values. Raises `UserError`."""
    refused = f"{file.name} is not a checkpoint of the tutorial"
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(f"{refused}: it holds more than tensors and numbers, or is broken.") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError):
        raise UserError(f"{refused}: it cannot be read.") from None
    needed = {"epoch": int, "global_step": int, "state_dict": dict, "hyper_parameters": dict}
    for key, kind in needed.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise UserError(f"{refused}: it has no {key}.")
    return content


def config_of(values: dict[str, Any]) -> Config:
    """The configuration that the tutorial's `hyper_parameters` describe. Raises `UserError`."""
    if isinstance(values.get("model_kwargs"), dict):
        kwargs = dict(values["model_kwargs"])
        tokens, channels, classes = (
            kwargs.pop(k, None) for k in ("num_patches", "num_channels", "num_classes")
        )
        side = 32 // (kwargs.get("patch_size") or 4)
        if (tokens, channels, classes) != (side * side, 3, 10):
            raise UserError(
                "This ViT was not made for CIFAR-10: it needs 32x32 images of 3 channels and 10 classes."
            )
        changes = {"lr": values.get("lr", 3e-4)}
        model = "vit"
    else:
        name = values.get("model_name")
        kwargs = dict(values.get("model_hparams") or {})
        block = kwargs.pop("block_name", "ResNetBlock")
        if name not in CNNS or block not in BLOCKS:
            raise UserError(f"Unknown model {name!r} ({block}): the tutorial's are ViT, {', '.join(CNNS)}.")
        if kwargs.pop("num_classes", 10) != 10 or kwargs.pop("act_fn_name", "relu") != "relu":
            raise UserError(
                f"This {name} is not the published one: it needs 10 classes and the activation relu."
            )
        model = BLOCKS[block] if name == "ResNet" else CNNS[name]
        optimizer, given = values.get("optimizer_name"), dict(values.get("optimizer_hparams") or {})
        if optimizer not in OPTIMIZERS:
            raise UserError(f"Unknown optimizer {optimizer!r}: the tutorial's are {', '.join(OPTIMIZERS)}.")
        changes = {"optimizer": OPTIMIZERS[optimizer]}
        changes |= {k: given[k] for k in ("lr", "weight_decay", "momentum") if k in given}
    options = {k: list(v) if isinstance(v, tuple) else v for k, v in kwargs.items()}
    config = make_config("tutorial", model=model, data="cifar10", seed=42, **changes, options=options)
    return config.model_copy(update={"classes": CLASSES})


def model_of(config: Config, state: dict[str, Any]) -> nn.Module:
    """The model with the checkpoint's weights; `UserError` names the first that is missing, odd or
    unknown.
    """
    model = build(config.model, **config.options)
    label = ARCHITECTURES[config.model].label
    wanted = model.state_dict()
    given = {name.removeprefix("model."): value for name, value in state.items()}
    for name, value in wanted.items():
        found = given.pop(name, None)
        if not isinstance(found, torch.Tensor):
            raise UserError(f"This is not the published {label}: it has no {name}.")
        if found.shape != value.shape:
            shapes = f"{list(found.shape)} instead of {list(value.shape)}"
            raise UserError(f"This is not the published {label}: {name} has the shape {shapes}.")
        wanted[name] = found
    if given:
        raise UserError(f"This is not the published {label}: it has an unknown {next(iter(given))}.")
    model.load_state_dict(wanted)
    return model


def _scores(run: Run) -> dict[str, Any]:
    """The published scores out of the event file, as a training writes them."""
    scalars, result = read_scalars(run.path), {}
    if "val_acc" in scalars:
        result |= {"val_acc": round(float(scalars["val_acc"].values.max()), 6), "n_val": 5_000}
    if "test_acc" in scalars:
        result |= {"test_acc": round(float(scalars["test_acc"].values[-1]), 6), "n_test": 10_000}
    if not result:
        raise UserError("The event file holds no val_acc and no test_acc: give the one of this checkpoint.")
    return result
