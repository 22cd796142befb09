"""Plan a sweep: its configurations, all checked before anything is launched. No torch.

There are two kinds of sweeps. `samples` (sample efficiency) trains architectures on nested subsets of the
training images, all for the same number of optimizer steps, from scratch or from the weights of runs. `study`
varies one setting at a time around a base configuration, which is trained only once for all settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import (
    Config,
    build_config,
    choices,
    make_config,
    setting_of,
    text_of,
)
from vitcore.errors import UserError
from vitcore.finetuning import TRAINING_OPTIONS
from vitcore.runs.folder import Run
from vitcore.runs.start import FIRST_RECIPE, fine_tuned
from vitcore.runs.titles import setting_words
from vitcore.sweeps.pair import SHARED
from vitcore.sweeps.variants import FIXED, parse_variant, settings_of
from vitcore.sweeps.wording import line_label, steps_of

Kind = Literal["samples", "study"]
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
STEPS, EPOCHS = 3_500, 10  # of each run of `samples`; validation happens after each epoch
MOST = 200  # maximum number of runs in a sweep
ALIKE = tuple(
    n for n in SHARED if n not in ("data", "seed", "epochs", "minutes", "steps_per_epoch", "train_share")
)
VALUES = {
    "patch_size": (2, 4, 8),
    "num_heads": (2, 4, 8),
    "num_layers": (2, 4, 6),
    "embed_dim": (64, 128, 256),
    "dropout": (0.0, 0.1, 0.2),
    "drop_path": (0.0, 0.05, 0.1),
}


Line = tuple[Config, dict[str, Any]]  # of a sweep of samples, with the settings of a variant


@dataclass(frozen=True)
class Entry:
    """A run to launch. `varied` holds the one setting in which it differs from the base of a study.

    In a sweep of samples, it holds the settings of a variant of a model (`vit+conv_stem`).
    """

    config: Config
    title: str
    varied: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep, in queue order."""

    kind: Kind
    entries: tuple[Entry, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the runs to launch as rows of plain types."""
        return [
            {
                "title": e.title,
                "model": e.config.model,
                "data": e.config.data,
                "recipe": e.config.recipe,
                "seed": e.config.seed,
                "train_share": e.config.train_share,
                "steps": steps_of(e.config),
                "epochs": e.config.epochs,
                "minutes": e.config.minutes,
                "varied": e.varied,
            }
            for e in self.entries
        ]


def plan_samples(
    models: Sequence[str],
    *,
    data: str = "cifar10-mini",
    shares: Sequence[float] = SHARES,
    steps: int = STEPS,
    seeds: Sequence[int] = (0, 1),
    recipe: str = "quick",
    own: Mapping[str, Mapping[str, Any]] | None = None,
    starts: Sequence[Run] = (),
    start_recipe: str = FIRST_RECIPE,
    root: str | Path | None = None,
    **shared: Any,
) -> Plan:
    """Plan a run for every model, share (0 to 1) of the training images and seed, each for `steps` steps.

    All runs agree in the settings of `ALIKE`, so that they see the same images in the same batches. The
    values come from `shared` or the first model's recipe. Optimizer, learning rate and patch dropping come
    from each model's recipe. A model may have settings of its own: `vit+conv_stem` (see
    `vitcore.sweeps.variants`). `own` holds further settings of all variants of a model. The seeds are the
    outermost loop, so that complete curves are available early.

    `starts` are runs whose weights are fine-tuned with `start_recipe` in further runs. These keep the
    preprocessing of their start. All runs have the image size of the starts, so that the sweep does not
    compare resolutions too; `image_size` in `shared` changes it for all. A model from scratch has the options
    of the first start of its architecture. `root` is the runs folder by whose ids the starts are named. Raise
    `UserError` for settings that do not fit.
    """
    if not (models or starts) or not shares or not seeds:
        raise UserError("A sweep of samples needs at least one model or start, one share and one seed.")
    _check_samples(shares, steps, shared)
    fixed = {"data": data, "epochs": EPOCHS, "steps_per_epoch": steps // EPOCHS, "minutes": None}
    starts = list(dict.fromkeys(starts))
    shared = {**_seen_by(starts, shared), **shared}
    lines = _lines_from_scratch(models, recipe, own or {}, shared, fixed, starts)
    for run in starts:
        alike = {name: value for name, value in _alike(lines, shared).items() if name != "preprocessing"}
        lines.append((fine_tuned(run, start_recipe, root=root, **{**alike, **fixed}), {}))
    entries = [
        Entry(
            build_config(**{**base.model_dump(), "train_share": share, "seed": seed}),
            f"{line_label(base, varied)}, {numbers.chosen_share(share)} of the images, seed {seed}",
            varied,
        )
        for seed in dict.fromkeys(seeds)
        for share in sorted(set(shares))
        for base, varied in lines
    ]
    return _checked(Plan("samples", tuple(entries)))


def _check_samples(shares: Sequence[float], steps: int, shared: Mapping[str, Any]) -> None:
    for share in shares:
        if not 0 < share <= 1:
            wrong = numbers.chosen_share(share)
            raise UserError(f"The share {wrong} is not possible: choose more than 0 and at most 100 %.")
    if steps < EPOCHS or steps % EPOCHS:
        raise UserError(
            f"{steps:,} steps cannot be divided into {EPOCHS} epochs of equal length: "
            f"choose {max(EPOCHS, (steps + EPOCHS // 2) // EPOCHS * EPOCHS):,}."
        )
    if wrong := set(shared) - set(ALIKE):
        name = min(wrong)
        raise UserError(
            f"The models of a sweep of samples share only {', '.join(ALIKE)}: write MODEL.{name} to set it "
            "for one model."
        )


def _seen_by(starts: Sequence[Run], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the image size of the starts and the preprocessing of the first one, nothing without starts.

    Raise `UserError` if the starts differ in their image sizes and `shared` has none.
    """
    if not starts:
        return {}
    first = starts[0].config
    other = next((run for run in starts if run.config.image_size != first.image_size), None)
    if other and "image_size" not in shared:
        raise UserError(
            f"{starts[0].id} has images of {first.image_size} pixels and {other.id} of "
            f"{other.config.image_size}, so that their curves would compare resolutions too: choose starts "
            f"of one size, or one size for all lines with image_size={first.image_size}."
        )
    return {"image_size": first.image_size, "preprocessing": first.preprocessing}


def _options_of(model: str, starts: Sequence[Run]) -> dict[str, Any]:
    """Return the options that a model from scratch has from the starts.

    They are those of the first start of its architecture, but for what a recipe chooses. Another
    architecture has only the patch size of the first start that has one, unless the starts are for the image
    size that its default is for.
    """
    for run in starts:
        if run.config.model == model:
            return {name: value for name, value in run.config.options.items() if name not in TRAINING_OPTIONS}
    usual = Config.model_fields["image_size"].default
    sizes = [
        run.config.options["patch_size"]
        for run in starts
        if run.config.image_size != usual and "patch_size" in run.config.options
    ]
    known = model in ARCHITECTURES and "patch_size" in ARCHITECTURES[model].options.model_fields
    return {"patch_size": sizes[0]} if sizes and known else {}


def _alike(lines: Sequence[Line], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a further line has from the first one, or else those given for all."""
    return {name: getattr(lines[0][0], name) for name in ALIKE} if lines else dict(shared)


def _lines_from_scratch(
    models: Sequence[str],
    recipe: str,
    own: Mapping[str, Mapping[str, Any]],
    shared: Mapping[str, Any],
    fixed: Mapping[str, Any],
    starts: Sequence[Run],
) -> list[Line]:
    """Return the configurations of the models and their variants, without a share and a seed of their own."""
    variants = [parse_variant(text) for text in models]
    if strange := set(own) - {model for model, _ in variants}:
        raise UserError(f"{min(strange)} is not a model of this sweep: choose one of {', '.join(models)}.")
    particular = [*own.values(), *(settings for _, settings in variants)]
    if common := {name for settings in particular for name in settings if name in SHARED}:
        raise UserError(
            f"{min(common)} is the same for all models of a sweep of samples: set it without the name of a "
            "model."
        )
    lines: list[Line] = []
    for model, varied in variants:
        settings = {**own.get(model, {}), **varied}
        if model not in ARCHITECTURES:
            raise UserError(f"Unknown model {model!r}: choose one of {', '.join(ARCHITECTURES)}.")
        if wrong := set(settings) & set(FIXED):
            raise UserError(f"{min(wrong)} cannot be set for one model of a sweep: leave it out.")
        named = recipe if not lines or recipe in ARCHITECTURES[model].recipes else "quick"
        given = {**_alike(lines, shared), **fixed, **_options_of(model, starts), **settings}
        config = make_config(named, **{**given, "model": model})
        if config.schedule == "multistep" and min(config.milestones, default=0) >= EPOCHS:
            raise UserError(
                f"Recipe {config.recipe} lowers its learning rate after {min(config.milestones)} epochs, "
                f"which this sweep of {EPOCHS} never reaches: choose quick or modern."
            )
        if config not in (other for other, _ in lines):
            # the values of the configuration, which are numbers where the text was one
            lines.append((config, {name: setting_of(config, name) for name in varied}))
    return lines


def plan_study(base: Config, values: Mapping[str, Sequence[Any]], *, seeds: Sequence[int] = ()) -> Plan:
    """Plan runs of the base configuration and of variants with one changed setting. `values` are by setting.

    A value equal to the base's is not trained again. Without `seeds`, use the base's seed. Raise `UserError`
    naming the setting and the value when they do not fit.
    """
    if not any(values.values()):
        raise UserError("A study needs at least one setting and a value to try.")
    base = build_config(**{**base.model_dump(), "classes": None})
    seeds = list(dict.fromkeys(seeds or (base.seed,)))
    label, variants = ARCHITECTURES[base.model].label, {}
    for name, tried in values.items():
        for value in tried:
            config = with_setting(base, name, value)
            if config != base:
                at = setting_of(config, name)
                variants.setdefault(
                    repr(config),
                    (config, {name: at}, setting_words(base.model, name, at)),
                )
    entries = [
        Entry(
            build_config(**{**config.model_dump(), "seed": seed}),
            f"{label}, {words}" + (f", seed {seed}" if len(seeds) > 1 else ""),
            varied,
        )
        for seed in seeds
        for config, varied, words in ((base, {}, "base"), *variants.values())
    ]
    return _checked(Plan("study", tuple(entries)))


def _checked(plan: Plan) -> Plan:
    if any(entry.config.mask_ratio for entry in plan.entries):
        raise UserError(
            "A sweep compares accuracies, which a pretraining without labels does not have: launch it alone, "
            "and start a sweep of samples from it."
        )
    if len(plan.entries) > MOST:
        raise UserError(
            f"The sweep would have {len(plan.entries):,} runs, but at most {MOST} are allowed: choose fewer "
            "values or seeds."
        )
    return plan


def with_setting(base: Config, name: str, value: Any) -> Config:
    """Return the base with one setting changed. Raise `UserError` naming the setting and the value."""
    if name not in settings_of(base):
        raise UserError(f"A study cannot vary {name!r}: choose one of {', '.join(settings_of(base))}.")
    values = base.model_dump()
    inner = ARCHITECTURES[base.model].options.model_fields
    (values["options"] if name in inner else values)[name] = value
    try:
        return build_config(**values)
    except UserError as error:
        raise UserError(f"{name} {text_of(value)} cannot be tried: {error}") from None


def suggest(base: Config, name: str) -> list[Any]:
    """Return suggested values of a setting: the tutorial's or values around the base's, and the base's."""
    at = setting_of(base, name)
    kind = Config if name in Config.model_fields else ARCHITECTURES[base.model].options
    if isinstance(at, bool):
        tried = [False, True]
    elif isinstance(at, str):
        tried = list(choices(name, kind))
    elif isinstance(at, int | float):
        around = (at // 2, at, 2 * at) if isinstance(at, int) else (at / 3, at, 3 * at)
        tried = sorted(
            {float(f"{v:.2g}") if isinstance(v, float) else v for v in VALUES.get(name, around)} | {at}
        )
    else:
        tried = [at]
    fitting = []
    for value in tried:
        try:
            fitting.append(setting_of(with_setting(base, name, value), name))
        except UserError:
            continue
    return fitting
