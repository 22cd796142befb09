"""Fair pairs: two architectures, the same images in the same order, the same budget. No torch."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, build_config, make_config
from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.files import writing
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE
from vitcore.sweeps.wording import length_of

# Settings that both take from the first model. They also fix the order and the augmentation of the images.
SHARED = (
    "data",
    "skip_broken",
    "image_size",
    "preprocessing",
    "seed",
    "device",
    "precision",
    "matmul",
    "devices",
    "nodes",
    "compile",
    "cuda_graph",
    "epochs",
    "minutes",
    "steps_per_epoch",
    "train_share",
    "batch_size",
    "label_smoothing",
    "augment",
    "mixup",
    "cutmix",
)


ENDING_S = 10.0  # time limit for a training to exit when asked to stop without saving


def make_pair(first: Config, other: str, **changes: object) -> tuple[Config, Config]:
    """Return two configurations that agree in all settings of `SHARED`, both without patch dropping.

    They are `first` and the other architecture's recipe of the same name (else `quick`). Each keeps its own
    optimizer, learning rate and model. Raise `UserError` for an unknown model or a setting not in `SHARED`.
    """
    if other not in ARCHITECTURES:
        raise UserError(f"Unknown model {other!r}: choose one of {', '.join(ARCHITECTURES)}.")
    if first.mask_ratio:
        raise UserError(
            "A fair pair compares accuracies, which a pretraining without labels does not have: choose "
            "another recipe than pretrain."
        )
    if unknown := set(changes) - set(SHARED):
        raise UserError(
            f"{sorted(unknown)[0]} is not shared by the models of a pair: choose from {', '.join(SHARED)}."
        )
    alike = {name: getattr(first, name) for name in SHARED}
    if "epochs" in changes:
        alike["minutes"] = None
    alike |= changes
    recipe = first.recipe if first.recipe in ARCHITECTURES[other].recipes else "quick"
    one = build_config(**{**first.model_dump(), **alike, "keep_patches": 1.0, "classes": None})
    return one, make_config(recipe, model=other, **alike, keep_patches=1.0)


def policy(config: Config) -> str:
    """Return a description of what the two runs share."""
    share = f"{numbers.chosen_share(config.train_share)} of " if config.train_share < 1 else ""
    mixing = [
        f"{name} {value:g}" for name, value in (("MixUp", config.mixup), ("CutMix", config.cutmix)) if value
    ]
    return (
        f"{length_of(config)} of {share}{config.data}, the same {config.batch_size} images in every step "
        f"(seed {config.seed}), with the same augmentation (policy {', '.join([config.augment, *mixing])}), "
        f"label smoothing {config.label_smoothing:g}, all patches visible. "
        "Each model keeps its own optimizer and learning rate."
    )


def launch_pair(
    first: Config, second: Config, root: str | Path | None = None, *, dedupe_s: float = 0.0
) -> list[Run]:
    """Queue both runs and link them in meta.json. If one cannot be launched, remove the other.

    `dedupe_s` is passed to `vitcore.queue.launch.launch`. Raise `UserError` when a launch fails.
    """
    check_allowed()
    runs: list[Run] = []
    began = time.time()
    try:
        for config in (first, second):
            runs.append(background.launch(config, root, dedupe_s=dedupe_s))
    except (UserError, OSError):
        for run in runs:
            if run.stored_status().created >= began:  # not one launched before this pair
                withdraw(run, root)
        raise
    name = next((run.meta.pair for run in runs if run.meta.pair), None) or secrets.token_hex(6)
    for run in runs:
        with writing(run.path):
            run.write_meta(run.meta.model_copy(update={"pair": name}))
    return runs


def withdraw(run: Run, root: str | Path | None) -> None:
    """Delete a run that was just launched. If it has started, stop it first."""
    if run.status().state in ACTIVE:
        background.stop(run, now=True)
    end = time.monotonic() + ENDING_S
    while run.status().state in ACTIVE and time.monotonic() < end:
        time.sleep(0.1)
    edit.delete(run, root)


def partner(run: Run, among: list[Run]) -> Run | None:
    """Return the other run of the pair, or None if it no longer exists."""
    name = run.meta.pair
    return next((r for r in among if name and r.id != run.id and r.meta.pair == name), None)
