"""A fair pair: two architectures, the very same images in the same order, the same budget. No torch."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, build_config, make_config
from vitcore.errors import UserError
from vitcore.paths import check_allowed
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.folder import Run
from vitcore.runs.status import ACTIVE

# what is the first one's for both; the order and the augmentation of images follow from seed, data and these
SHARED = ("data", "image_size", "seed", "device", "precision", "devices", "nodes", "compile", "epochs",
          "minutes", "steps_per_epoch", "train_share", "batch_size", "label_smoothing", "augment", "mixup",
          "cutmix")  # fmt: skip


ENDING_S = 10.0  # a training that was told to end at once does, within this


def make_pair(first: Config, other: str, **changes: object) -> tuple[Config, Config]:
    """Two configurations: `first` and the other architecture's recipe of the same name (else `quick`), alike
    in all of `SHARED`, both without patch dropping. Each keeps its own optimizer, rates and model. Raises
    `UserError`.
    """
    if other not in ARCHITECTURES:
        raise UserError(f"Unknown model {other!r}: choose one of {', '.join(ARCHITECTURES)}.")
    if unknown := set(changes) - set(SHARED):
        raise UserError(f"A pair shares {', '.join(SHARED)}; {sorted(unknown)[0]} is each model's own.")
    alike = {name: getattr(first, name) for name in SHARED}
    if "epochs" in changes:
        alike["minutes"] = None
    alike |= changes
    recipe = first.recipe if first.recipe in ARCHITECTURES[other].recipes else "quick"
    one = build_config(**{**first.model_dump(), **alike, "keep_patches": 1.0, "classes": None})
    return one, make_config(recipe, model=other, **alike, keep_patches=1.0)


def policy(config: Config) -> str:
    """What the two have in common, in words."""
    budget = f"{config.minutes:g} minutes" if config.minutes else f"{config.epochs} epochs"
    if config.steps_per_epoch and not config.minutes:
        budget = f"{config.epochs * config.steps_per_epoch:,} steps"
    share = f"{100 * config.train_share:g} % of " if config.train_share < 1 else ""
    mixing = [
        f"{name} {value:g}" for name, value in (("MixUp", config.mixup), ("CutMix", config.cutmix)) if value
    ]
    return (
        f"{budget} of {share}{config.data}, the same {config.batch_size} images in every step "
        f"(seed {config.seed}), augmented alike (policy {', '.join([config.augment, *mixing])}), "
        f"label smoothing {config.label_smoothing:g}, all patches shown. "
        "Optimizer and rates are each model's own."
    )


def launch_pair(
    first: Config, second: Config, root: str | Path | None = None, *, dedupe_s: float = 0.0
) -> list[Run]:
    """Queue both and tie them together in meta.json; nothing is left when one cannot be launched.
    `dedupe_s` is that of `vitcore.queue.launch.launch`. Raises `UserError`.
    """
    check_allowed()
    runs: list[Run] = []
    began = time.time()
    try:
        for config in (first, second):
            runs.append(background.launch(config, root, dedupe_s=dedupe_s))
    except (UserError, OSError):
        for run in runs:
            if run.stored_status().created >= began:  # not one that somebody launched before the pair
                withdraw(run, root)
        raise
    name = next((run.meta.pair for run in runs if run.meta.pair), None) or secrets.token_hex(6)
    for run in runs:
        run.write_meta(run.meta.model_copy(update={"pair": name}))
    return runs


def withdraw(run: Run, root: str | Path | None) -> None:
    """Remove a run that was launched a moment ago; one that has begun is ended first."""
    if run.status().state in ACTIVE:
        background.stop(run, now=True)
    end = time.monotonic() + ENDING_S
    while run.status().state in ACTIVE and time.monotonic() < end:
        time.sleep(0.1)
    edit.delete(run, root)


def partner(run: Run, among: list[Run]) -> Run | None:
    """The other one of its pair, where it is still there."""
    name = run.meta.pair
    return next((r for r in among if name and r.id != run.id and r.meta.pair == name), None)
