"""The weights from which a training starts: found by run, identified by digest, kept in the run folder.

A fine-tuned run keeps the weights of its start in checkpoints/start.safetensors, and their SHA-256 digest in
its configuration. So it can be resumed and repeated exactly after the start was deleted or trained again. The
file is a hard link where the file system allows it, and takes no space then. Does not import torch.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, make_config
from vitcore.errors import UserError, no_weights
from vitcore.finetuning import TRAINING_OPTIONS
from vitcore.reading import short
from vitcore.recipes import FINE_TUNING
from vitcore.runs.files import writing
from vitcore.runs.folder import Run, find_run, list_runs
from vitcore.runs.status import ACTIVE
from vitcore.runs.weights import not_finite, read_header

UNTRAINED = "step-0000000"  # name of the weights before the first step
COPY = "start.safetensors"  # in the folder of checkpoints
FIRST_RECIPE = "finetune"


def fine_tuned(
    start: str | Path | Run, recipe: str | None = None, *, root: str | Path | None = None, **overrides: Any
) -> Config:
    """Return the configuration of a training that starts from the weights of a run.

    It has the architecture, options, image size and preprocessing of that run. `recipe` and `overrides` are
    those of `make_config`. Without a recipe, it is `finetune`. Raise `UserError` for a run that cannot be a
    start, and for settings that do not fit.
    """
    run = start if isinstance(start, Run) else find_run(start, root)
    _weights_of(run)
    config = run.config
    model = overrides.pop("model", None) or config.model
    if model != config.model:
        raise UserError(
            f"Run {run.id} is a {ARCHITECTURES[config.model].label}, not {short(model)}: leave out the "
            "model, or start from another run."
        )
    inherited = {
        "model": model,
        "options": dict(config.options),
        "image_size": config.image_size,
        "preprocessing": config.preprocessing.model_dump(),
        "start": _name_of(run, root),
    }
    found = make_config(recipe or FIRST_RECIPE, **{**inherited, **overrides})
    _check_inherited(found, run)
    return found


def check_start(config: Config) -> None:
    """Raise `UserError` if a recipe or a setting needs a start, but the configuration has none."""
    if not config.start and (config.recipe in FINE_TUNING or config.freeze):
        what = f"recipe {config.recipe}" if config.recipe in FINE_TUNING else "freeze"
        raise UserError(f"Fine-tuning ({what}) needs a run to start from: name it with --from RUN.")


def resolve_start(config: Config, root: str | Path | None = None) -> Config:
    """Return the configuration with the digest of the weights from which it starts.

    A configuration that already has the digest, such as that of a run to repeat, keeps it. Raise `UserError`
    if these weights cannot be found or read, or do not fit, and if a recipe needs a start but has none.
    """
    check_start(config)
    if not config.start:
        return config
    try:
        run = find_run(config.start, root)
        digest = digest_of(_weights_of(run))
    except UserError:
        if not config.start_digest:
            raise
        run, digest = None, ""
    if run is not None and config.start_digest in ("", digest):
        _check_inherited(config, run)
        return config.model_copy(update={"start": _name_of(run, root), "start_digest": digest})
    start_file(config, root)  # a copy in another run, such as the one that is repeated
    return config


def start_file(config: Config, root: str | Path | None = None, own: Run | None = None) -> Path:
    """Return the file with the weights from which a training starts, by their digest.

    It is the copy in the run folder of the training (`own`), the weights of the start, or the copy in another
    run that started from them. Raise `UserError` when there is none.
    """
    for path in _candidates(config, root, own):
        with contextlib.suppress(OSError):
            if digest_of(path) == config.start_digest:
                return path
    raise UserError(
        f"The weights from which this training starts, those of run {short(config.start)} with the digest "
        f"{config.start_digest[:12]}, are gone or have changed: restore that run, or choose another start "
        "with --from."
    )


def keep_start(run: Run, config: Config, root: str | Path | None = None) -> None:
    """Put the weights from which a new run starts into its folder. Raise `UserError` if they are gone."""
    source, target = start_file(config, root), run.checkpoints / COPY
    with writing(run.path):
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, target)


def can_start(run: Run) -> bool:
    """Return whether a training can start from a run: whether it has trained weights."""
    return run.weights is not None and run.weights.stem != UNTRAINED


def digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a file as 64 hexadecimal digits. Raise `OSError` if it cannot be read."""
    about = path.stat()
    return _digest(path, about.st_ino, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=256)
def _digest(path: Path, inode: int, modified: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=256)  # a sweep asks for each of its runs
def _not_finite(path: Path, inode: int, modified: int, size: int) -> str | None:
    return not_finite(path)


def _candidates(config: Config, root: str | Path | None, own: Run | None) -> Iterator[Path]:
    if own is not None:
        yield own.checkpoints / COPY
    with contextlib.suppress(UserError):
        if weights := find_run(config.start, root).weights:
            yield weights
    for run in list_runs(root):
        with contextlib.suppress(UserError):
            if run.config.start_digest == config.start_digest:
                yield run.checkpoints / COPY


def _weights_of(run: Run) -> Path:
    """Return the weights of a run. Raise `UserError` if there are none, or if they are damaged."""
    path = run.weights
    if path is None or not can_start(run):
        raise no_weights(run.id, active=run.status().state in ACTIVE)
    read_header(path)
    about = path.stat()
    if name := _not_finite(path, about.st_ino, about.st_mtime_ns, about.st_size):
        raise UserError(
            f"The weights {path.name} of run {run.id} are not finite ({name}): start from another run."
        )
    return path


def _name_of(run: Run, root: str | Path | None) -> str:
    """Return the id of a run if it is found by its id, else the path of its folder."""
    with contextlib.suppress(UserError):
        if find_run(run.id, root).path.absolute() == run.path.absolute():
            return run.id
    return str(run.path.absolute())


def _check_inherited(config: Config, run: Run) -> None:
    """Raise `UserError` if a configuration differs from its start in what the weights determine."""
    start = run.config
    label = ARCHITECTURES[start.model].label
    if config.model != start.model:
        raise UserError(
            f"Run {run.id} is a {label}, not {config.model}: start from a run of the same architecture."
        )
    fixed = {"preprocessing"} if ARCHITECTURES[start.model].resizes else {"preprocessing", "image_size"}
    ours, theirs = ({**c.options, **{name: getattr(c, name) for name in fixed}} for c in (config, start))
    for name in sorted((ours.keys() | theirs.keys()) - set(TRAINING_OPTIONS)):
        if ours.get(name) != theirs.get(name):
            has = short(theirs.get(name, "its default"))
            raise UserError(
                f"{name} cannot be changed, because the weights of run {run.id} were trained with {has}: "
                "leave it out, or start from another run."
            )
