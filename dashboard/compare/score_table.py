"""The table of the page Compare: what each run is, costs, takes and reaches."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.compare.measured import Item
from dashboard.shared import measuring, resources
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.probes.store import Result
from vitcore.probes.table import standard_error
from vitcore.sweeps.plan import data_name

DASH = "\u2013"
BUSY = 0.2  # share of the processors from which on other programs are worth a word
FEW = 10  # training steps: a median of fewer is a rough one


@dataclass(frozen=True)
class Line:
    """One row of the table: a cell for each run."""

    name: str
    unit: str
    cells: list[str]


def show(items: list[Item]) -> None:
    """The table, what its numbers mean, and the same as a file."""
    groups = table(items)
    st.html(as_html(items, groups))
    said, how, save = st.columns([4, 1.3, 1], vertical_alignment="center")
    said.caption(" ".join(_notes(items)))
    with how.popover("How it was measured", width="stretch"):
        _sources(items)
    save.download_button(
        "CSV", lambda: as_csv(items, groups).encode(), "vitlab-scores.csv", "text/csv",
        icon=":material/download:", width="stretch", on_click="ignore", key="scores_csv",
    )  # fmt: skip


def table(items: list[Item]) -> dict[str, list[Line]]:
    """Groups of rows. What is not known is a dash."""

    def line(name: str, unit: str, cell: Callable[[Item], str | None]) -> Line:
        return Line(name, unit, [_safe(cell, item) for item in items])

    return {
        "Run": [
            line("model", "", lambda i: ARCHITECTURES[i.run.config.model].label),
            line("data, recipe", "", lambda i: f"{_data(i)}, {i.run.config.recipe}"),
            line("epochs", "", lambda i: _epochs(i)),
            line("training time", "min", lambda i: _some(i.run.status().active_s / 60, "{:,.1f}")),
            line("speed of that training", "images/s", _then),
            line("state", "", lambda i: i.run.status().state),
        ],
        "Size": [
            line("parameters", "", lambda i: _some(resources.parameters(i.run), "{:,}")),
            line(
                "multiply-adds of an image",
                "million",
                lambda i: f"{i.test.values['multiply_adds'] / 1e6:,.1f}",
            ),
        ],
        "Speed and memory on this machine": [
            line("training", "images/s", lambda i: f"{i.speed.values['training']['images_per_s']:,.0f}"),
            line("training memory", "MB", lambda i: _mega(i.speed.values["training"])),
            line("inference", "images/s", lambda i: f"{i.speed.values['images_per_s']:,.0f}"),
            line("inference memory", "MB", lambda i: _mega(i.speed.values)),
        ],
        "Accuracy": [
            line("validation, best", "%", _validation),
            line("training images", "%", lambda i: _share(i.test.values["training"])),
            line("test images", "%", _test),
            line("gap, training minus test", "points", _gap),
        ],
    }


def _safe(cell: Callable[[Item], str | None], item: Item) -> str:
    try:
        return cell(item) or DASH
    except (UserError, KeyError, AttributeError, TypeError):  # event files, no weights, not measured
        return DASH


def _some(value: float | None, form: str) -> str | None:
    return form.format(value) if value else None


def _then(item: Item) -> str | None:
    return _some(item.run.status().images_per_s, "{:,.0f}")


def _mega(values: dict) -> str:
    return f"{values['memory_bytes'] / 1e6:,.0f}"


def _data(item: Item) -> str:
    return data_name(item.run.config)


def _epochs(item: Item) -> str:
    status, config = item.run.status(), item.run.config
    return f"{status.epoch:.3g}" + ("" if config.minutes else f" of {config.epochs}")


def _validation(item: Item) -> str | None:
    result = item.run.status().result
    return (
        _share({"accuracy": result["val_acc"], "images": result.get("n_val")})
        if "val_acc" in result
        else None
    )


def _test(item: Item) -> str | None:
    if item.test:
        return _share({"accuracy": item.test.values["accuracy"], "images": item.test.images})
    result = item.run.status().result
    return (
        _share({"accuracy": result["test_acc"], "images": result.get("n_test")})
        if "test_acc" in result
        else None
    )


def _share(found: dict) -> str:
    count = f", n = {found['images']:,}" if found["images"] else ""
    return f"{100 * found['accuracy']:.2f}{count}"


def _gap(item: Item) -> str:
    here, there = item.test.values["accuracy"], item.test.values["training"]
    error = standard_error(here, item.test.images) ** 2
    error += standard_error(there["accuracy"], there["images"]) ** 2
    return f"{100 * (there['accuracy'] - here):+.2f} ± {100 * error**0.5:.2f}"


def as_html(items: list[Item], groups: dict[str, list[Line]]) -> str:
    """The table; titles are people's own text, so everything is escaped."""
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
        '<div class="scores-frame" role="region" aria-label="Scores" tabindex="0">'  # narrow, it scrolls
        f'<table class="scores"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """A number large, its count small."""
    value, comma, count = text.partition(", n = ")
    small = f' <span class="scores-unit">n = {html.escape(count)}</span>' if comma else ""
    return f"{html.escape(value)}{small}"


def _notes(items: list[Item]) -> list[str]:
    notes = []
    if speeds := [item.speed for item in items if item.speed]:
        kind, _, device = speeds[0].settings["device"].partition(": ")
        where = speeds[0].machine if kind == "cpu" else device
        notes.append(
            f"Speed and memory: on {where}; inference in batches of {speeds[0].values['batch']}, training as "
            "the run was trained, without the patches that it drops."
        )
        whys = (s.values.get("no_training") for s in speeds)
        notes += dict.fromkeys(f"Training speed not measured for one run: {why}." for why in whys if why)
        busy = max(max(s.values["others"], (s.values["training"] or {}).get("others", 0)) for s in speeds)
        if busy > BUSY:
            notes.append(f"Other programs used up to {100 * busy:.0f} % of the processors meanwhile.")
        counted = [(s.values["training"] or {}).get("counted", FEW) for s in speeds]
        if min(counted) < FEW:
            notes.append(f"Half a minute allowed no more than {min(counted)} training steps: a rough number.")
    if any(item.test for item in items):
        notes.append(
            "Training images: some that it was trained on, whole and unchanged; ± one standard error."
        )
    return notes


def _sources(items: list[Item]) -> None:
    """Command, date, machine of every measurement; how memory is counted."""
    st.markdown(
        "**Multiply-adds**: matrix products and convolutions, counted by `torch.utils.flop_counter`. "
        "**Inference**: the median of up to 50 batches of random pixels; **training**: the median of twenty "
        "steps as the run was trained, or of as many as half a minute allows; each in a process of its own, "
        "whose memory is the most at once, torch's own included. **Training images**: as many as test images "
        "but at most 3,500, for runs on CIFAR-10 of the bundled ones that the run was trained on."
    )
    results: list[Result] = [found for item in items for found in (item.test, item.speed) if found]
    measuring.origins(results, _base)
    if not results:
        st.caption("Not measured yet.")


def _base(result: Result) -> str:
    if result.probe != "speed":
        return ""
    words = f"; torch alone takes {result.values['base_bytes'] / 1e6:,.0f} MB of it"
    trained = result.values.get("training")
    if not trained:
        return words
    return f"{words}; medians of {result.values['batches']} batches and {trained['counted']} training steps"


def as_csv(items: list[Item], groups: dict[str, list[Line]]) -> str:
    """The table as it is read: a column for each run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "quantity", "unit", *(item.run.id for item in items)])
    for group, lines in groups.items():
        for line in lines:
            writer.writerow([group, line.name, line.unit, *("" if c == DASH else c for c in line.cells)])
    return out.getvalue()
