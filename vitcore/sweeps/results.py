"""The results of a sweep as plain rows, for tables, figures and JSON. Pure functions of runs, no torch.

Accuracies are fractions of the test images, from 0 to 1, with the weights that were best by validation. With
two or more finished seeds, the error is the standard error of their mean. With one, it is the binomial
standard error of its test accuracy, which ignores the variation between seeds. `error_of` says which one it
is. Runs that repeat a seed count once, with the mean of their accuracies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Any, TypedDict

from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, setting_of, setting_title, text_of
from vitcore.runs.folder import Run
from vitcore.runs.status import Status
from vitcore.sweeps.estimate import TRAINING_IMAGES
from vitcore.sweeps.variants import is_setting
from vitcore.sweeps.wording import line_label, steps_of


class Score(TypedDict):
    """The score of one configuration over runs that differ only in the seed."""

    mean: float | None  # mean test accuracy of the finished seeds; None if none is finished
    error: float | None  # its standard error
    error_of: str | None  # "seeds", or "test images" if only one seed is finished
    validation: float | None  # mean of the best validation accuracies
    n_test: int | None
    n_validation: int | None
    seeds: list[int]  # finished seeds
    planned: int  # number of seeds, finished or not
    state: str  # "finished", "queued", or "1 of 3 finished, 1 running, 1 queued"
    minutes: float | None  # mean training time of the finished runs
    parameters: int | None
    runs: list[str]  # ids


class SamplePoint(Score):
    """One model on one share of the training images."""

    model: str  # name of the architecture
    label: str  # with its own settings and what it starts from
    start: str  # the run from whose weights it starts; empty from scratch
    data: str
    recipe: str
    share: float  # fraction of the training images, 0 to 1
    images: int | None  # training images: from the runs, else for known datasets to within 0.1 %
    steps: int | None  # optimizer steps of each run
    batch_size: int
    chance: float | None  # accuracy of random guessing


class StudyPoint(Score):
    """One value of one setting. The base appears once under every setting."""

    setting: str  # name of the field
    title: str  # display name of the setting
    value: Any
    text: str  # the value as displayed
    base: bool
    model: str
    label: str
    data: str
    recipe: str
    chance: float | None


def standard_error(scores: Sequence[float], n_test: int | None) -> tuple[float | None, str | None]:
    """Return the standard error of the mean accuracy, and its source.

    With several seeds it is s / sqrt(n), where s divides by n - 1. For one accuracy p over n = `n_test`
    images it is sqrt(p (1 - p) / n).
    """
    if len(scores) > 1:
        return stdev(scores) / math.sqrt(len(scores)), "seeds"
    if len(scores) == 1 and n_test:
        return math.sqrt(scores[0] * (1 - scores[0]) / n_test), "test images"
    return None, None


def summarize_states(states: Sequence[str]) -> str:
    """Return a summary of the states of several runs."""
    counts = Counter(states)
    if len(counts) == 1:
        return states[0]
    done = counts.pop("finished", 0)
    order = ("running", "stopping", "queued", "stopped", "failed", "lost", "imported")
    rest = ", ".join(f"{counts[state]} {state}" for state in order if counts[state])
    return f"{done} of {len(states)} finished, {rest}"


def score(runs: Sequence[tuple[Run, Status]]) -> Score:
    """Return the mean and standard error over the seeds of one configuration."""
    done = [(run, s) for run, s in runs if s.state == "finished" and s.result.get("test_acc") is not None]
    results = [s.result for _, s in done]
    by_seed: dict[int, list[float]] = {}
    for run, status in done:
        by_seed.setdefault(run.config.seed, []).append(status.result["test_acc"])
    accuracies = [fmean(repeated) for repeated in by_seed.values()]
    validations = [r["val_acc"] for r in results if r.get("val_acc") is not None]
    n_test = next((r["n_test"] for r in results if r.get("n_test")), None)
    error, error_of = standard_error(accuracies, n_test)
    return Score(
        mean=fmean(accuracies) if accuracies else None,
        error=error,
        error_of=error_of,
        validation=fmean(validations) if validations else None,
        n_test=n_test,
        n_validation=next((r["n_val"] for r in results if r.get("n_val")), None),
        seeds=sorted(by_seed),
        planned=len({run.config.seed for run, _ in runs}),
        state=summarize_states([s.state for _, s in runs]),
        minutes=fmean(s.active_s / 60 for _, s in done) if done else None,
        parameters=next((r["parameters"] for r in results if r.get("parameters")), None),
        runs=[run.id for run, _ in runs],
    )


def _chance(config: Config) -> float | None:
    return 1 / len(config.classes) if config.classes else None


def sample_curve(runs: Iterable[Run]) -> list[SamplePoint]:
    """Return the test accuracy as a function of the share of the training images.

    There is one row per model, its own settings, start and share, in the order of the menus and from the
    smallest share up. Seeds are averaged. Unfinished shares have `mean` None. Use it for `Sweep.runs` of kind
    `samples` or any other runs: runs that differ in start, data, recipe, steps or batch size are never
    averaged. The figure is `dashboard.sweeps.figures.sample_efficiency`.
    """
    groups: dict[tuple, list[tuple[Run, Status]]] = {}
    for run in runs:
        config = run.config
        where = (config.start, config.start_digest, config.freeze, line_label(config, run.meta.varied))
        where += (config.data, steps_of(config), config.batch_size, config.recipe)
        groups.setdefault((config.model, *where, config.train_share), []).append((run, run.status()))
    order = list(ARCHITECTURES)
    counted: dict[tuple[str, float], int] = {}
    for members in groups.values():
        for run, status in members:
            if count := status.result.get("n_train"):
                counted[run.config.data, run.config.train_share] = count
    rows = []
    for key in sorted(groups, key=lambda k: (order.index(k[0]), *map(str, k[1:-1]), k[-1])):
        config, share = groups[key][0][0].config, key[-1]
        total = TRAINING_IMAGES.get(config.data)
        rows.append(
            SamplePoint(
                model=config.model,
                label=line_label(config, groups[key][0][0].meta.varied),
                start=config.start,
                data=config.data,
                recipe=config.recipe,
                share=share,
                images=counted.get((config.data, share)) or (round(share * total) if total else None),
                steps=steps_of(config),
                batch_size=config.batch_size,
                chance=_chance(config),
                **score(groups[key]),
            )
        )
    return rows


def study_rows(runs: Iterable[Run]) -> list[StudyPoint]:
    """Return one row per setting and value, for `Sweep.runs` of kind `study`.

    Settings are in launch order. Numeric values ascend, and others are in launch order. The base appears
    under every setting. Settings that this version does not know are left out (`left_out` names them).
    """
    base: list[tuple[Run, Status]] = []
    settings: dict[str, dict[str, list[tuple[Run, Status]]]] = {}
    for run in runs:
        varied = run.meta.varied
        if not varied:
            base.append((run, run.status()))
        for name in _known(run, varied):
            value = repr(setting_of(run.config, name))
            settings.setdefault(name, {}).setdefault(value, []).append((run, run.status()))
    rows = []
    for name, variants in settings.items():
        fitting = [entry for entry in base if is_setting(entry[0].config, name)]
        groups = [*([fitting] if fitting else []), *variants.values()]
        values = [setting_of(group[0][0].config, name) for group in groups]
        if all(isinstance(value, int | float) for value in values):
            groups = [
                group for _, group in sorted(zip(values, groups, strict=True), key=lambda pair: pair[0])
            ]
        rows += [_study_point(name, group, group is fitting) for group in groups]
    return rows or ([_study_point("", base, True)] if base else [])


def _known(run: Run, varied: Iterable[str]) -> list[str]:
    return [name for name in varied if is_setting(run.config, name)]


def left_out(runs: Iterable[Run]) -> str:
    """Return a sentence about the settings of a study that this version does not know, or an empty string."""
    names: dict[str, None] = {}
    for run in runs:
        varied = run.meta.varied
        names |= dict.fromkeys(name for name in varied if not is_setting(run.config, name))
    if not names:
        return ""
    what = "a setting" if len(names) == 1 else "settings"
    return f"This sweep varies {what} that this version does not have: {', '.join(names)}."


def _study_point(name: str, group: list[tuple[Run, Status]], is_base: bool) -> StudyPoint:
    config = group[0][0].config
    value = setting_of(config, name) if name else None
    return StudyPoint(
        setting=name,
        title=setting_title(config.model, name) if name else "Base",
        value=value,
        text=text_of(value) if name else "",
        base=is_base,
        model=config.model,
        label=ARCHITECTURES[config.model].label,
        data=config.data,
        recipe=config.recipe,
        chance=_chance(config),
        **score(group),
    )
