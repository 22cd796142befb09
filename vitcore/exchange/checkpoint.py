"""Import a checkpoint from elsewhere as a run: its weights, its curves, and the scores of these weights."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as pack
from torch import nn

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config
from vitcore.data.download import NotFound, Progress
from vitcore.errors import UserError
from vitcore.exchange import tutorial
from vitcore.exchange.curves import describe_curves
from vitcore.exchange.formats import Position, Request, Weights, read_weights
from vitcore.exchange.sources import Source, find_source, local_file
from vitcore.exchange.tensors import read_file
from vitcore.models import build_for, not_finite, weights_of
from vitcore.paths import check_allowed, runs_dir
from vitcore.reading import GET_FILE, IS_POINTER, is_lfs_pointer, short
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.metrics import event_files
from vitcore.runs.status import Status

IMPORTED = "imported from "  # begins the reason of every imported run
EVENTS = "events.out.tfevents"
WITHOUT_EVENTS = ", without an event file"
# what follows the origin in the reason; earlier versions wrote WITHOUT_EVENTS for all files
AFTER_ORIGIN = re.compile(rf"{WITHOUT_EVENTS}| and {EVENTS}|; (?:it is|assumed:|left out:|`python -m) ")
MOST = 10**12  # largest step or epoch that is believed


def import_checkpoint(
    source: str | Path,
    root: str | Path | None = None,
    *,
    events: str | Path | None = None,
    published: bool = False,
    model: str | None = None,
    data: str | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Progress = lambda done, total: None,
) -> Run:
    """Import a checkpoint with its TensorBoard event files as a run.

    `source` is a path, a folder, an http(s) URL, or a repository of the Hugging Face Hub. A checkpoint of the
    tutorials describes itself, and so do most ViTs and ResNets of other libraries. For other weights, `model`
    names the network, `settings` its options that the shapes do not show, and `data` its dataset.
    Without `events`, use the event files next to the checkpoint or one folder above `checkpoints`, or for a
    URL the tutorials' event file. The run is titled published if `published` is set or the URL is on the
    published site. If the checkpoint was imported before, update and return the existing run. Raise
    `UserError` for a file that cannot be imported.
    """
    check_allowed()
    digest = hashlib.sha256(os.fsencode(source)).hexdigest()
    store = runs_dir(root) / ".published" / digest[:16]
    found_source = find_source(source, store, progress)
    file = found_source.file
    logs = [local_file(events, store, progress)] if events else _events_of(str(source), file, store, progress)
    for log in logs if events else []:
        if is_lfs_pointer(log):
            raise UserError(f"{log.name} {IS_POINTER}: {GET_FILE}.")
    try:
        content = read_file(file)
    except UserError:
        if file.is_relative_to(store):  # an invalid download: download it again next time
            file.unlink(missing_ok=True)
        raise
    position = position_of(content, file)
    weights = read_weights(Request(file, content, position, model, data, settings or {}))
    best = pack(weights_of(_fill(weights, file)))
    label = ARCHITECTURES[weights.config.model].label
    published = published or tutorial.is_published(str(source))
    origin = "published" if published else "imported"
    draft = Status(state="running", reason="importing", created=time.time(), **process.identity())
    found = next((run for run in _imported(root, weights.config) if _holds(run.best, best)), None)
    run = found or create_run(
        weights.config, root, title=f"{label}, {origin} ({found_source.name})", status=draft
    )
    try:
        if not found:
            write_atomic(run.best, best)
        _finish(run, weights, position, found_source, logs, strict=events is not None)
    except BaseException:
        if not found:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    shutil.rmtree(store, ignore_errors=True)  # the downloads; the run contains everything
    return run


def _finish(
    run: Run, weights: Weights, position: Position | None, source: Source, logs: list[Path], *, strict: bool
) -> None:
    """Copy the curves into the run unless it has some, and write its status with the scores."""
    copied = []
    if not event_files(run.path):
        for log in logs:
            name = log.name if log.name.startswith(EVENTS) else f"{EVENTS}.{log.name}"
            copied.append(Path(shutil.copy(log, run.path / name)))
    try:
        curves = describe_curves(run, weights, position, strict=strict)
    except BaseException:
        for path in copied:
            path.unlink()
        raise
    names = [path.name for path in event_files(run.path)]
    earlier = run.stored_status().reason  # of an earlier import, whose origin is kept, as is the title
    reason = AFTER_ORIGIN.split(earlier)[0] if earlier.startswith(IMPORTED) else IMPORTED + source.origin
    if names:
        reason += f" and {', '.join(names)}"
    elif weights.tutorial:  # others need not have one
        reason += WITHOUT_EVENTS
    if weights.family:
        reason += f"; it is {weights.family}"
    if weights.assumed:
        reason += f"; assumed: {', '.join(f'{k}={v}' for k, v in weights.assumed.items())}"
    if weights.left_out:
        reason += f"; left out: {', '.join(weights.left_out)}"
    has_labels = weights.config.has_classifier and not (weights.family and "data" in weights.assumed)
    if "test_acc" not in curves.result and has_labels:
        reason += f"; `python -m vitcore evaluate {run.id}` measures its test accuracy"
    run.write_status(
        Status(
            state="finished",
            reason=reason,
            created=run.stored_status().created,
            step=position.step if position else 0,
            epoch=float(curves.epochs),
            active_s=curves.active_s,
            result=curves.result,
        )
    )


def _imported(root: str | Path | None, config: Config) -> list[Run]:
    """Return the completely imported runs of the same network."""
    same = ("model", "options", "classes", "image_size", "preprocessing", "data")
    found = []
    for run in list_runs(root, bundled=False):
        status = run.stored_status()
        if status.state != "finished" or not status.reason.startswith(IMPORTED) or not run.best.is_file():
            continue
        try:
            if all(getattr(run.config, name) == getattr(config, name) for name in same):
                found.append(run)
        except UserError:  # a damaged configuration
            continue
    return found


def _holds(file: Path, content: bytes) -> bool:
    return file.stat().st_size == len(content) and file.read_bytes() == content


def _events_of(source: str, file: Path, store: Path, progress: Progress) -> list[Path]:
    """Return the event files of a checkpoint: at the tutorials' URL, or near the checkpoint.

    Lightning puts them one folder above `checkpoints`, where all of them belong to the same training.
    """
    if source.startswith(("http://", "https://")):
        address = tutorial.events_address(source)
        try:
            return [local_file(address, store, progress)] if address else []
        except NotFound:
            return []
    near = event_files(file.parent)
    if not near and file.absolute().parent.name == "checkpoints":
        return event_files(file.absolute().parent.parent)
    named = [path for path in near if _suffix(path) == file.stem.lower()]
    others = {_suffix(Path(name)) for name in tutorial.FILES.values()} - {file.stem.lower()}
    if named:
        return named[:1]
    return near if len(near) == 1 and _suffix(near[0]) not in others else []


def _suffix(path: Path) -> str:
    return path.name.rsplit(".", 1)[-1].lower()


def position_of(content: Any, file: Path) -> Position | None:
    """Return where in its training a checkpoint was saved, or None if it does not say.

    Raise `UserError` for impossible numbers.
    """
    entries = content if isinstance(content, Mapping) else {}
    epoch, step = entries.get("epoch"), entries.get("global_step")
    if isinstance(epoch, torch.Tensor) or epoch is None or step is None:
        return None
    for name, value in (("epoch", epoch), ("global_step", step)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
            raise UserError(
                f"{file.name} is damaged, because its {name} is {short(value)}: copy or save it again."
            )
    return Position(step, epoch if _counts_epochs(entries, epoch) else epoch + 1)


def _counts_epochs(entries: Mapping[str, Any], epoch: int) -> bool:
    """Return whether `epoch` is the number of complete epochs, not the index of the last one.

    It is before Lightning 1.6. Later, it is for checkpoints from the middle of an epoch, and for those saved
    when the training was over.
    """
    version = re.match(r"(\d{1,4})\.(\d{1,4})", str(entries.get("pytorch-lightning_version")))
    if version and (int(version[1]), int(version[2])) < (1, 6):
        return True
    try:
        loop = entries["loops"]["fit_loop"]
        started = loop["epoch_progress"]["current"]["ready"]
        return started == epoch or loop["epoch_loop.batch_progress"]["is_last_batch"] is False
    except (LookupError, TypeError):  # not of Lightning
        return False


def _fill(weights: Weights, file: Path) -> nn.Module:
    """Return the network with the weights of a file.

    Raise `UserError` naming the first tensor that is missing, has the wrong shape or type, is unknown, or is
    not finite.
    """
    advice = "choose another file" if weights.tutorial or weights.family else "change --model or --set"
    label = ARCHITECTURES[weights.config.model].label
    problem = f"{file.name} does not fit the {label}"
    if weights.family:
        problem = f"{file.name} is {weights.family}, but does not fit our {label}"
    with torch.device("meta"):  # a small file may describe a model larger than memory
        wanted = build_for(weights.config).state_dict()
    given = dict(weights.tensors)
    for name, value in wanted.items():
        found = given.pop(name, None)
        if found is None:
            raise UserError(f"{problem}: it has no {name}, {advice}.")
        if found.shape != value.shape:
            shapes = f"{list(found.shape)} instead of {list(value.shape)}"
            raise UserError(f"{problem}: {name} has the shape {shapes}, {advice}.")
        if found.is_floating_point() != value.is_floating_point():
            raise UserError(f"{problem}: {name} is of type {found.dtype}, {advice}.")
        wanted[name] = found.to(value.dtype)
    if given:
        raise UserError(f"{problem}: it has an unknown {short(next(iter(given)))}, {advice}.")
    if name := not_finite(wanted):
        origin = _origin_of(name, wanted[name], weights.origins)
        raise UserError(
            f"The weights in {file.name} are not finite ({origin}): choose a checkpoint from before its "
            "training diverged."
        )
    model = build_for(weights.config)
    model.load_state_dict(wanted)
    return model


def _origin_of(name: str, value: torch.Tensor, origins: Mapping[str, str]) -> str:
    """Return the name in the file of a tensor that is not finite, or ours if it is not known.

    Queries, keys and values that the file has on their own are the thirds of ours. `origins` is that of
    `Foreign`.
    """
    if f"{name} q" in origins:
        rows = value.flatten(1) if value.dim() > 1 else value[:, None]
        first = int((~rows.isfinite()).any(dim=1).nonzero()[0])
        return origins.get(f"{name} {'qkv'[3 * first // len(rows)]}", name)
    return origins.get(name, name)
