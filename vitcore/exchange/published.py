"""Import the published checkpoints of the UvA Deep Learning Tutorials 5 and 15 as ordinary runs.

They are Lightning 1.x files. No code in them is executed: they are read as plain tensors and numbers. Files
whose names and shapes do not match a known architecture are rejected. Source:
github.com/phlippe/saved_models.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import shutil
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
from vitcore.data.download import NotFound, Progress, fetch
from vitcore.errors import UserError
from vitcore.models import build_for, weights_of
from vitcore.paths import check_allowed, published_url, runs_dir
from vitcore.runs import process
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run, create_run, list_runs
from vitcore.runs.metrics import active_seconds, event_files, read_scalars
from vitcore.runs.status import Status

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


def import_tutorial(
    root: str | Path | None = None, progress: Progress = lambda done, total: None
) -> list[Run]:
    """Download all five published checkpoints with their event files, and import those not imported yet.

    The files are kept in <runs folder>/.published, so that an interrupted download can continue. Raise
    `UserError` when a file cannot be downloaded or imported.
    """
    check_allowed()
    base = published_url(BASE)
    store = runs_dir(root) / ".published"
    runs = []
    for names in FILES.items():
        paths = [fetch(f"{base}/{name}", store / name, progress) for name in names]
        try:
            runs.append(import_checkpoint(paths[0], root, events=paths[1]))
        except UserError as error:
            for path in paths:  # the stored files are invalid: download them again next time
                path.unlink(missing_ok=True)
            raise UserError(f"{error} It was downloaded from {base}/{names[0]} and was not kept.") from None
    return runs


def import_checkpoint(
    source: str | Path,
    root: str | Path | None = None,
    *,
    events: str | Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Run:
    """Import a published checkpoint (a path or an http(s) URL) with its TensorBoard event file as a run.

    Without `events`, use the event file next to the checkpoint, or for a URL the tutorial's event file. If
    the checkpoint was imported before, return the existing run, and add the events if it had none. Raise
    `UserError` for a file that is not one of the tutorial's.
    """
    check_allowed()
    store = runs_dir(root) / ".published" / hashlib.sha256(str(source).encode()).hexdigest()[:16]
    file = _local(source, store, progress)
    log = _local(events, store, progress) if events else _events_of(str(source), file, store, progress)
    content = read_checkpoint(file)
    try:
        config = config_of(content["hyper_parameters"])
        model = model_of(config, content["state_dict"])
    except UserError:
        raise
    except Exception:  # a malicious file can raise any exception
        raise UserError(
            f"{file.name} is not a checkpoint of the tutorial: unexpected hyper_parameters or weights."
        ) from None
    title = f"{ARCHITECTURES[config.model].label}, published ({file.stem})"
    best = pack(weights_of(model))
    draft = Status(state="running", reason="importing", created=time.time(), **process.identity())
    found = next((run for run in _existing_import(root, title) if run.best.read_bytes() == best), None)
    run = found or create_run(config, root, title=title, status=draft)
    try:
        if not found:
            write_atomic(run.best, best)
        if not (found and (event_files(run.path) or not log)):
            _finish(run, content, file, log)
    except BaseException:
        if not found:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    shutil.rmtree(store, ignore_errors=True)  # the downloads; the run contains everything
    return run


def _finish(run: Run, content: dict[str, Any], file: Path, log: Path | None) -> None:
    """Copy the curves into the run, and the scores if they belong to this checkpoint."""
    step, result, active = content["global_step"], {"best_epoch": content["epoch"] + 1}, 0.0
    if log:
        name = log.name if log.name.startswith("events.out.tfevents") else f"events.out.tfevents.{log.name}"
        shutil.copy(log, run.path / name)
        try:
            scores, active = _scores(run, step)
        except BaseException:
            (run.path / name).unlink()
            raise
        result |= scores
    status = Status(
        state="finished",
        reason=f"imported from {file.name}" + (f" and {log.name}" if log else ", without an event file"),
        created=run.stored_status().created,
        step=step,
        epoch=content["epoch"] + 1.0,
        active_s=active,
        result=result,
    )
    run.write_status(status)


def _existing_import(root: str | Path | None, title: str) -> list[Run]:
    """Return the completely imported runs with this title."""
    found = [run for run in list_runs(root, bundled=False) if run.meta.title == title]
    return [run for run in found if run.best.is_file() and run.stored_status().state == "finished"]


def _local(source: str | Path, store: Path, progress: Progress) -> Path:
    address = urlparse(str(source))
    if address.scheme in ("http", "https"):
        return fetch(str(source), store / (Path(address.path).name or "checkpoint.ckpt"), progress)
    path = Path(source).expanduser()
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the path or the http(s) address of a checkpoint.")
    return path


def _events_of(source: str, file: Path, store: Path, progress: Progress) -> Path | None:
    """Return the event file of a checkpoint: at the tutorial's URL, or next to the checkpoint."""
    if source.startswith(("http://", "https://")):
        for checkpoint, events in FILES.items():
            if source.endswith(f"/{checkpoint}"):
                with contextlib.suppress(NotFound):
                    return _local(source.removesuffix(checkpoint) + events, store, progress)
        return None
    found = {path.name.rsplit(".", 1)[-1].lower(): path for path in _event_files_in(file.parent)}
    others = {Path(name).suffix.removeprefix(".").lower() for name in FILES.values()} - {file.stem.lower()}
    usable = [path for suffix, path in found.items() if suffix not in others]
    return found.get(file.stem.lower()) or (usable[0] if len(found) == len(usable) == 1 else None)


def _event_files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("events.out.tfevents.*"))


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Return the content of a Lightning checkpoint as tensors and plain values.

    Raise `UserError` when the file is not a checkpoint of the tutorial.
    """
    problem = f"{file.name} is not a checkpoint of the tutorial"
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(f"{problem}: it is damaged, or holds more than tensors and numbers.") from None
    except Exception:  # torch's reader raises all kinds of errors on invalid bytes
        raise UserError(f"{problem}: it cannot be read.") from None
    needed = {"epoch": int, "global_step": int, "state_dict": dict, "hyper_parameters": dict}
    for key, kind in needed.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise UserError(f"{problem}: it has no {key}.")
    return content


def config_of(values: dict[str, Any]) -> Config:
    """Return the configuration described by the tutorial's `hyper_parameters`, or raise `UserError`."""
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
    """Return the model with the checkpoint's weights.

    Raise `UserError` naming the first tensor that is missing, has the wrong shape or is unknown.
    """
    label = ARCHITECTURES[config.model].label
    with torch.device("meta"):  # a small file may describe a model larger than memory
        wanted = build_for(config).state_dict()
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
    model = build_for(config)
    model.load_state_dict(wanted)
    return model


def _scores(run: Run, step: int) -> tuple[dict[str, Any], float]:
    """Return the scores from the event file, in the format of a training, and the training time in seconds.

    Return scores only if the event file belongs to the checkpoint, which was saved at the best validation
    accuracy. The published log of the ViT is from a different, longer training: return no scores for it.
    """
    scalars, result = read_scalars(run.path), {}
    if "val_acc" not in scalars and "test_acc" not in scalars:
        raise UserError("The event file holds no val_acc and no test_acc: give the one of this checkpoint.")
    active = 0.0
    if "val_acc" in scalars:
        curve = scalars["val_acc"]
        active = float(active_seconds(scalars, curve)[-1])
        best = curve.values.argmax()
        if abs(int(curve.steps[best]) - step) > 1:
            return {}, active
        result |= {"val_acc": round(float(curve.values[best]), 6), "n_val": 5_000}
    if "test_acc" in scalars:
        result |= {"test_acc": round(float(scalars["test_acc"].values[-1]), 6), "n_test": 10_000}
    return result, active
