"""The table of scores on the Compare page: size, speed, memory and accuracy of each run."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.compare.measured import Item
from dashboard.drawing.markdown import escape
from dashboard.shared import columns, measurement_panel, resources
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import PHOTOS, Config
from vitcore.errors import UserError
from vitcore.probes.score_values import Speed, TestScores, TrainingSpeed
from vitcore.probes.store import Result
from vitcore.runs.machine_load import BUSY
from vitcore.runs.status import ScoreName
from vitcore.runs.time_to_accuracy import best
from vitcore.runs.titles import data_title, epochs_title, planned_epochs

FEW = 10  # a median of fewer training steps is called rough

METHOD = (
    "**Multiply-adds**: matrix products and convolutions, counted by `torch.utils.flop_counter`. "
    "**Inference**: the median of up to 50 batches of random pixels. **Training**: the median of twenty "
    "steps with the settings of the run, or of as many steps as half a minute allows. Each of the two is "
    "measured in a separate process. **Memory**: the peak of that process, including torch itself. "
    "**Training images**: as many as test images, but at most 3,500. For runs on CIFAR-10, they are the "
    "bundled images that the run was trained on."
)


@dataclass(frozen=True)
class Line:
    """One row of the table: a cell for each run."""

    name: str
    unit: str
    cells: list[str]


def show(items: list[Item]) -> None:
    """Draw the table, notes about its numbers, and a button that downloads it as CSV."""
    groups = table(items)
    st.html(as_html(items, groups))
    notes, method, download = st.columns([4, 1.3, 1], vertical_alignment="center")
    notes.caption(escape(" ".join(_notes(items))))  # devices and reasons may come from others
    results = [result for item in items for result in (item.test, item.speed) if result]
    measurement_panel.explain(method, METHOD, results, _base)
    download.download_button(
        "CSV",
        lambda: as_csv(items, groups).encode(),
        "vitlab-scores.csv",
        "text/csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        key="scores_csv",
    )


def table(items: list[Item]) -> dict[str, list[Line]]:
    """Return the rows by group. A cell function returns None for an unknown value, shown as a dash."""

    def line(name: str, unit: str, cell: Callable[[Item], str | None]) -> Line:
        return Line(name, unit, [cell(item) or columns.MISSING for item in items])

    training = [
        line("epochs", "", _epochs),
        line("training time", "min", lambda i: _format(i.run.status().active_s / 60, "{:,.1f}")),
        line("training speed", "images/s", lambda i: _format(i.run.status().images_per_s)),
    ]
    return {
        "Run": [
            line("model", "", _model),
            line("data, recipe", "", _data_and_recipe),
            # imported weights have none of these
            *(one for one in training if any(cell != columns.MISSING for cell in one.cells)),
            line("state", "", lambda i: i.run.status().state),
        ],
        "Size": [
            line("parameters", "", lambda i: _format(resources.parameters(i.run))),
            line("multiply-adds of an image", "million", _multiply_adds),
        ],
        "Speed and memory on this machine": [
            line("training", "images/s", lambda i: _images_per_s(_training(i))),
            line("training memory", "MB", lambda i: _megabytes(_training(i))),
            line("inference", "images/s", lambda i: _images_per_s(_inference(i))),
            line("inference memory", "MB", lambda i: _megabytes(_inference(i))),
        ],
        "Accuracy": [
            line("validation, best", "%", _validation_accuracy),
            line("training images", "%", _training_accuracy),
            line("test images", "%", _test_accuracy),
            line("gap, training minus test", "points", _gap),
        ],
    }


def _format(value: float | None, form: str = "{:,.0f}") -> str | None:
    """Format a number. Return None for zero too, which means that nothing was counted yet."""
    return form.format(value) if value else None


def _config(item: Item) -> Config | None:
    """Return the configuration, or None for event files of other programs and if it cannot be read."""
    try:
        return item.run.config
    except UserError:
        return None


def _model(item: Item) -> str | None:
    config = _config(item)
    return ARCHITECTURES[config.model].label if config else None


def _data_and_recipe(item: Item) -> str | None:
    config = _config(item)
    if config is None or config.data == PHOTOS:  # the photographs are shown, but not what it was trained on
        return config and config.recipe
    return f"{data_title(config)}, {config.recipe}"


def _epochs(item: Item) -> str | None:
    config = _config(item)
    if config is None:
        return None
    return epochs_title(item.run.status().epoch, planned_epochs(config), config.recipe)


def _multiply_adds(item: Item) -> str | None:
    return numbers.multiply_adds(item.test.values.multiply_adds) if item.test else None


def _inference(item: Item) -> Speed | None:
    return item.speed.values if item.speed else None


def _training(item: Item) -> TrainingSpeed | None:
    return item.speed.values.training if item.speed else None


def _images_per_s(speed: Speed | TrainingSpeed | None) -> str | None:
    return f"{speed.images_per_s:,.0f}" if speed else None


def _megabytes(speed: Speed | TrainingSpeed | None) -> str | None:
    return f"{speed.memory_bytes / 1e6:,.0f}" if speed else None


def _validation_accuracy(item: Item) -> str | None:
    """Return the best validation accuracy of the result, or else that of the curve, as the chart marks it."""
    if stated := _stated(item, "val_acc", "n_val"):
        return stated
    found = best(resources.scalars(item.run))
    return _accuracy(found.value, None) if found else None


def _training_accuracy(item: Item) -> str | None:
    trained = item.test.values.training if item.test else None
    return _accuracy(trained.accuracy, trained.images) if trained else None


def _test_accuracy(item: Item) -> str | None:
    if item.test:
        return _accuracy(item.test.values.accuracy, item.test.images)
    return _stated(item, "test_acc", "n_test")


def _stated(item: Item, accuracy: ScoreName, count: ScoreName) -> str | None:
    """Return an accuracy from the result in status.json, which may come from an untrusted source."""
    result = item.run.status().result
    share, images = result.get(accuracy), result.get(count)
    if not isinstance(share, int | float):
        return None
    return _accuracy(share, images if isinstance(images, int) else None)


def _accuracy(share: float, images: int | None) -> str:
    return f"{numbers.points(share)}, {numbers.sample(images)}" if images else numbers.points(share)


def _gap(item: Item) -> str | None:
    gap = item.test.values.gap if item.test else None
    return f"{100 * gap[0]:+.2f} ± {100 * gap[1]:.2f}" if gap else None


def as_html(items: list[Item], groups: dict[str, list[Line]]) -> str:
    """Return the table as HTML. Titles are text from users, so everything is escaped."""
    head = "".join(
        f'<th scope="col"><span class="scores-mark" style="background:{item.color}"></span>'
        f"{html.escape(item.name)}</th>"
        for item in items
    )
    body = []
    for group, lines in groups.items():
        body.append(
            f'<tr class="scores-group"><th scope="rowgroup" colspan="{len(items) + 1}">{group}</th></tr>'
        )
        for line in lines:
            unit = f' <span class="scores-unit">{line.unit}</span>' if line.unit else ""
            cells = "".join(f"<td>{_cell(cell)}</td>" for cell in line.cells)
            body.append(f'<tr><th scope="row">{line.name}{unit}</th>{cells}</tr>')
    return (
        '<div class="scores-frame" role="region" aria-label="Scores" tabindex="0">'  # scrolls if narrow
        f'<table class="scores"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """Return the HTML of a cell, with the count in small type."""
    value, comma, count = text.partition(", n = ")
    small = f' <span class="scores-unit">n = {html.escape(count)}</span>' if comma else ""
    return f"{html.escape(value)}{small}"


def _notes(items: list[Item]) -> list[str]:
    notes = [item.why for item in items if item.why]
    written: dict[str, list[str]] = {}  # for example that a run trained beside others
    for item in items:
        written.setdefault(item.run.meta.note.strip(), []).append(item.name)
    notes += [f"{', '.join(names)}: {note.rstrip('.')}." for note, names in written.items() if note]
    if measured := [item.speed for item in items if item.speed]:
        speeds = [result.values for result in measured]
        kind, _, device = measured[0].settings["device"].partition(": ")
        where = measured[0].machine if kind == "cpu" else device
        notes.append(
            f"Speed and memory: on {where}. Inference uses batches of {speeds[0].batch}. Training uses the "
            "settings of the run, including patch dropping."
        )
        reasons = (speed.no_training for speed in speeds)
        notes += dict.fromkeys(
            f"The training speed of a run was not measured: {reason}." for reason in reasons if reason
        )
        trainings = [speed.training for speed in speeds if speed.training]
        busy = max(speed.others for speed in (*speeds, *trainings))
        if busy > BUSY:
            share = numbers.percent(busy, 0)
            notes.append(f"Other programs used up to {share} of the processors during a measurement.")
        counted = min((training.counted for training in trainings), default=FEW)
        if counted < FEW:
            notes.append(
                f"Only {counted} training steps fit into half a minute, so their speed is a rough estimate."
            )
    if any(item.test for item in items):
        notes.append(
            "Training images: some that the run was trained on, complete and not augmented. ± is one "
            "standard error."
        )
    return notes


def _base(result: Result[TestScores] | Result[Speed]) -> str:
    """Return further details of a measurement of speed, or nothing for other results."""
    speed = result.values
    if not isinstance(speed, Speed):
        return ""
    memory = f"; torch itself takes {speed.base_bytes / 1e6:,.0f} MB of the memory"
    if not speed.training:
        return memory
    return f"{memory}; medians of {speed.batches} batches and {speed.training.counted} training steps"


def as_csv(items: list[Item], groups: dict[str, list[Line]]) -> str:
    """Return the table as CSV, with a column for each run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "quantity", "unit", *(item.run.id for item in items)])
    for group, lines in groups.items():
        for line in lines:
            writer.writerow(
                [group, line.name, line.unit, *("" if c == columns.MISSING else c for c in line.cells)]
            )
    return out.getvalue()
