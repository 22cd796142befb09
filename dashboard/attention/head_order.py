"""The measured behavior of attention heads: order and group the heads by it, and offer to measure it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import labels, measurement_panel, measurements
from dashboard.shared.measurements import Measurement
from dashboard.states.attention import ExplorerState
from vitcore import numbers
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes import HEADS
from vitcore.probes.estimates import Table
from vitcore.probes.heads import HeadValues
from vitcore.probes.store import Images, Result, Subject, images_for
from vitcore.probes.table import as_csv
from vitcore.runs.folder import Run

LAYERS = ExplorerState.options("order")[0]  # the order without a measure
ERRORS = 2  # standard errors by which a log probability must change to be grouped as a change


@dataclass(frozen=True)
class Measure:
    """One measured property of heads.

    `order` is its name in links, `field` that in `HeadValues`, and `label` that on the page. `limits`
    separate the groups, as functions of the size of an image in pixels and the number of its patches. Values
    are multiplied by `scale`. They are written with `digits` at a map, and with `fine` digits next to their
    error. Values that are `ablated` are changes without the head, on fewer images. The heads are not ordered
    by a measure that is `only_shown`.
    """

    order: str
    field: str
    label: str
    unit: str = ""
    digits: int = 1
    fine: int = 2
    scale: float = 1.0
    descending: bool = False
    ablated: bool = False
    only_shown: bool = False
    limits: Callable[[int, int], tuple[float, ...]] = lambda size, patches: (2, 5, 20)


MEASURES = (
    Measure(
        "distance",
        "distance",
        "mean distance",
        " px",
        limits=lambda size, patches: (size / 4, 3 * size / 8, size / 2),
    ),
    Measure(
        "entropy",
        "entropy",
        "entropy",
        " bits",
        digits=2,
        limits=lambda size, patches: tuple(max(0.0, np.log2(patches) - bits) for bits in (3, 2, 1)),
    ),
    Measure("cls", "to_cls", "attention to CLS", " %", scale=100, descending=True),
    Measure("self", "to_self", "attention to itself", " %", scale=100, descending=True),
    Measure(
        "position",
        "position",
        "position correlation",
        digits=2,
        fine=3,
        descending=True,
        limits=lambda size, patches: (0.25, 0.5, 0.75),
    ),
    Measure(
        "change",
        "log_change",
        "effect of removal",
        " nats",
        digits=2,
        fine=3,
        ablated=True,
    ),
    Measure(
        "accuracy",
        "accuracy_change",
        "effect on accuracy",
        " pt",
        fine=1,
        scale=100,
        ablated=True,
        only_shown=True,
    ),
)
LONG_UNITS = {" px": " pixels"}  # in headings


@st.cache_resource(max_entries=8, show_spinner=False)
def _images(state: str, _run: Run) -> Images:
    return images_for([_run], HEADS.images)


def _seen(run: Run, data: Dataset) -> Images:
    return _images(f"{data.state} {run.config.image_size}", run)


def look_up(run: Run, data: Dataset) -> Measurement[HeadValues]:
    """Return the measurement of the heads of a run's best weights. Raise `UserError`."""
    seen = _seen(run, data)
    return measurements.look_up(
        HEADS, [Subject(run)], seen, {}, count=len(seen.labels), name=labels.run_label(run)
    )


def found_behavior(run: Run, data: Dataset, snapshot: Path | None) -> dict[str, Any] | None:
    """Return what the browser needs of the stored result, or None without one. Snapshots have none."""
    if snapshot is not None or data.missing:
        return None
    try:
        result = look_up(run, data).result
    except UserError:  # the panel shows the error if the heads are to be ordered
        return None
    if result is None:
        return None
    patches = (run.config.image_size // run.config.options["patch_size"]) ** 2
    return behavior(result, run.config.image_size, patches)


def behavior(result: Result[HeadValues], size: int, patches: int) -> dict[str, Any]:
    """Return the measures with a text for each head, and the groups of heads in their order.

    Heads are [layer, head], both from 0.
    """
    found = [
        _described(measure, table, size, patches)
        for measure in MEASURES
        if (table := getattr(result.values, measure.field))
    ]
    return {"count": result.images, "ablated": result.values.ablated, "measures": found}


def _described(measure: Measure, table: Table, size: int, patches: int) -> dict[str, Any]:
    means, errors = (measure.scale * np.array(part) for part in (table.mean, table.error))
    signed = "+" if measure.ablated else ""

    def written(value: float, digits: int) -> str:
        text = f"{value:{signed}.{digits}f}"
        return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "\u2212")

    def with_error(value: float, error: float) -> str:
        digits = measure.fine
        if error and float(f"{error:.{digits}f}") == 0:  # as in a model whose heads hardly differ
            digits = numbers.decimals(error)
        return f"{written(value, digits)} ± {error:.{digits}f}{measure.unit}"

    return {
        "order": measure.order,
        "label": measure.label,
        "unit": measure.unit,
        "tiles": [[written(value, measure.digits) for value in row] for row in means],
        "texts": [list(map(with_error, *rows)) for rows in zip(means, errors, strict=True)],
        "ablated": measure.ablated,
        "groups": [] if measure.only_shown else groups(measure, means, errors, size, patches),
    }


def groups(
    measure: Measure, means: np.ndarray, errors: np.ndarray, size: int, patches: int
) -> list[dict[str, Any]]:
    """Return the groups that have heads, in order: label and heads [layer, head], sorted by the mean."""
    if measure.ablated:
        multiples = means / np.where(errors > 0, errors, np.inf)
        kinds = 1 + (multiples >= ERRORS).astype(int) - (multiples <= -ERRORS)
        labels = [
            f"log p falls by at least {ERRORS} standard errors",
            f"log p changes less than {ERRORS} standard errors",
            f"log p rises by at least {ERRORS} standard errors",
        ]
    else:
        limits, unit = measure.limits(size, patches), LONG_UNITS.get(measure.unit, measure.unit)
        kinds = np.digitize(means, limits)
        texts = [f"{limit:.2f}".rstrip("0").rstrip(".") for limit in limits]
        labels = [
            f"{measure.label} under {texts[0]}{unit}",
            *(f"{measure.label} from {a} to {b}{unit}" for a, b in itertools.pairwise(texts)),
            f"{measure.label} from {texts[-1]}{unit}",
        ]
    sign = -1 if measure.descending else 1
    order = np.argsort(sign * means, axis=None, kind="stable")
    heads = np.stack(np.unravel_index(order, means.shape), axis=1)
    made = [
        {"label": labels[kind], "heads": heads[kinds[heads[:, 0], heads[:, 1]] == kind].tolist()}
        for kind in range(len(labels))
    ]
    return [group for group in made[::sign] if group["heads"]]


def running(run: Run, data: Dataset) -> bool:
    """Return whether the heads of a run are being measured."""
    try:
        return not data.missing and look_up(run, data).running
    except UserError:
        return False


def offer(run: Run, data: Dataset, order: str, snapshot: Path | None) -> None:
    """Offer to measure the heads, or show the progress, if the page orders them and there is no result.

    If they cannot be measured, say why.
    """
    if order == LAYERS:
        return
    if snapshot is not None:
        st.info("Heads are measured with the best weights: choose them to order the heads.")
        return
    try:
        found = look_up(run, data)
    except UserError as error:  # for example, the images have no labels
        st.info(f"The heads are in the order of the layers. {sentence(error)}")
        return
    if not found.result:
        about = f"the heads of {found.name}, over {found.count:,} {_seen(run, data).title}"
        measurement_panel.show([found], about)
    elif order == "change" and not found.result.values.ablated:
        st.info(
            "The heads are in the order of the layers. The effect of removing one is not measured: it needs "
            "labels and a classifier, and takes too long for a large model."
        )


def show_source(run: Run, data: Dataset, order: str, snapshot: Path | None) -> None:
    """Draw the origin of the numbers by which the page orders the heads, if it does."""
    if order == LAYERS or snapshot is not None:
        return
    try:
        result = look_up(run, data).result
    except UserError:  # `offer` has said why
        return
    if not result:
        return
    source, method, download = st.columns([3.4, 1.1, 1], vertical_alignment="center")
    source.caption(f"n = {result.images:,} {escape(result.data)}; ± is one standard error over images.")
    measurement_panel.explain(method, HEADS.method, [result])
    download.download_button(
        "Heads as CSV",
        lambda: as_csv([result]).encode(),
        f"vitlab-heads-{run.id}.csv",
        "text/csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        key="heads_csv",
    )
