"""Why the summary of Inductive bias has no value for some models, and the commands that measure them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.drawing.markdown import escape
from dashboard.inductive_bias import sample_efficiency
from dashboard.inductive_bias.summary_figure import QUANTITIES, Row
from vitcore.errors import UserError
from vitcore.probes.wording import enumerate_words
from vitcore.runs.folder import Run
from vitcore.runs.titles import launch_command
from vitcore.sweeps.results import SamplePoint

NOT_IN_SWEEP = "The bundled sweep trains other models."
NO_CLASSES = "A pretraining without labels predicts no classes. A run that is fine-tuned from it does."
NO_WEIGHTS = "The weights of its run are not here, so it is trained again first."
NOT_YET = "Nobody has measured it yet."


@dataclass(frozen=True)
class Gap:
    """A row without a value of an experiment, the reason as a sentence, and the commands that measure it."""

    row: Row
    experiment: str
    reason: str
    commands: tuple[str, ...]


def gaps(rows: Sequence[Row], runs: Mapping[str, Run], points: Sequence[SamplePoint]) -> list[Gap]:
    """Return the gaps of all rows. `runs` are those that are measured, by label. `points` are the sweep's."""
    found = []
    for quantity in QUANTITIES:
        empty = [row for row in rows if quantity.name not in row.trained | row.untrained]
        if quantity.name == sample_efficiency.NAME:
            commands = (_sweep(empty, points[0]),) if points else ()
            found += [Gap(row, quantity.name, NOT_IN_SWEEP, commands) for row in empty]
        else:
            measurable = (row for row in empty if row.label in runs)
            found += [Gap(row, quantity.name, *_why(quantity.name, runs[row.label])) for row in measurable]
    return found


def _sweep(rows: Sequence[Row], point: SamplePoint) -> str:
    """Return the command that trains the models of all rows as those of a point were trained."""
    models = " ".join(dict.fromkeys(row.model for row in rows))
    seeds = ",".join(map(str, point["seeds"]))
    recipe = "" if point["recipe"] == "quick" else f" --recipe {point['recipe']}"
    return (
        f"python -m vitcore sweep samples {models} --data {point['data']} --shares {100 * point['share']:g} "
        f"--steps {point['steps']} --seeds {seeds}{recipe}"
    )


def _why(experiment: str, run: Run) -> tuple[str, tuple[str, ...]]:
    """Return the reason why an experiment has no result of a run, and the commands that lead to one."""
    probe = f"python -m vitcore probe {experiment} --runs"
    if not run.config.classes:
        return NO_CLASSES, (f"python -m vitcore train --from {run.id} --data cifar10-mini", f"{probe} RUN")
    if run.weights:
        return NOT_YET, (f"{probe} {run.id}",)
    with contextlib.suppress(UserError):  # the recipe of another version
        return NO_WEIGHTS, (launch_command(run.config), f"{probe} RUN")
    return NO_WEIGHTS, ()


def notes(found: Sequence[Gap]) -> str:
    """Return a line of Markdown for each reason: the models without a value, why, and the commands."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for gap in found:
        groups.setdefault((gap.experiment, gap.reason, gap.commands), []).append(gap.row.label)
    titles = {quantity.name: quantity.short for quantity in QUANTITIES}
    lines = []
    for (experiment, reason, commands), labels in groups.items():
        how = f" To measure it: {enumerate_words([f'`{command}`' for command in commands])}." * bool(commands)
        names = enumerate_words([escape(label) for label in labels])
        lines.append(f"{titles[experiment]} of {names}: {reason}{how}")
    return "\n\n".join(["**Not measured**", *lines]) if lines else ""
