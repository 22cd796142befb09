"""The results of a sweep: its figure, its table, and the runs that are not finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.components import figure_files
from dashboard.drawing.figures import Figure, in_percent
from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import columns, origins, run_status, ticking
from dashboard.sweeps import figures, sample_curves
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.runs.status import State
from vitcore.runs.titles import data_title
from vitcore.sweeps.results import (
    SamplePoint,
    Score,
    StudyPoint,
    left_out,
    sample_curve,
    study_rows,
    summarize_states,
)
from vitcore.sweeps.sweep import Sweep
from vitcore.sweeps.wording import length_of, steps_of

TICK_S = 2.0
FEW_SEEDS = 4  # with two, one estimate in twelve is less than a tenth of the true standard error
SAMPLES = "test accuracy against training images"
STUDY = "test accuracy against each setting"


def read(sweep: Sweep) -> tuple[Figure, str]:
    """Return the figure of a sweep, and what it shows.

    Raise `UserError` for a study of which this version knows no setting.
    """
    if sweep.kind == "samples":
        return figures.sample_efficiency(sample_curve(sweep.runs)), SAMPLES
    return figures.study_panels(_study_rows(sweep)), STUDY


def _study_rows(sweep: Sweep) -> list[StudyPoint]:
    if rows := study_rows(sweep.runs):
        return rows
    raise UserError(left_out(sweep.runs))


def show(sweep: Sweep) -> None:
    """Show the figure and the table of a sweep, and update them while it trains."""
    ticking.fragment(
        lambda states: _progress(sweep, states),
        lambda: _states(sweep),
        every_s=TICK_S,
        active=run_status.any_active,
    )
    if sweep.kind == "samples":
        return _show_samples(sweep, sample_curve(sweep.runs))
    try:
        rows = _study_rows(sweep)
    except UserError as error:
        st.info(sentence(error))
        return
    _show_study(sweep, rows)


def _show_samples(sweep: Sweep, rows: list[SamplePoint]) -> None:
    _note(sweep)
    if limit := sample_curves.step_limit(rows):
        st.markdown(limit)
    chart, text = st.columns([2.4, 1], gap="large")
    spoken = _spoken([(f"{row['label']} {numbers.chosen_share(row['share'])}", row) for row in rows])
    with chart:
        figure = figures.sample_efficiency(rows)
        figure_files.show(figure, key="samples_figure", alt=f"{SAMPLES}: {spoken}")
    text.caption(_about_samples(sweep, rows))
    _source(sweep, text)
    _table([_sample_cells(row) for row in rows])


def _show_study(sweep: Sweep, rows: list[StudyPoint]) -> None:
    _note(sweep)
    count = len({row["setting"] for row in rows})  # one or two panels leave room for the text
    chart, text = st.columns([count + 0.6, 3.4 - count], gap="large") if count < 3 else (st.container(), st)
    spoken = _spoken([(f"{row['title']} {row['text']}", row) for row in rows])
    with chart:
        figure_files.show(figures.study_panels(rows), key="study_figure", alt=f"{STUDY}: {spoken}")
    text.caption(_about_study(sweep, rows))
    _source(sweep, text)
    _table([_study_cells(row) for row in rows])


def _note(sweep: Sweep) -> None:
    """Name the settings of a study that this version does not know, if there are any."""
    if note := left_out(sweep.runs):
        st.info(escape(note))


def _table(rows: list[dict[str, Any]]) -> None:
    """Draw a table without its empty columns."""
    empty = [name for name in rows[0] if all(cells[name] is None for cells in rows)] if rows else []
    st.dataframe(
        [{name: value for name, value in cells.items() if name not in empty} for cells in rows],
        hide_index=True,
        width="stretch",
        height="content",
        column_config=COLUMNS,
        key="sweep_table",
        placeholder=columns.MISSING,
    )


def _source(sweep: Sweep, column: Any) -> None:
    """Show the notes of the runs, and the machine, date, commit and command of each run."""
    for note in dict.fromkeys(run.meta.note for run in sweep.runs if run.meta.note):
        column.caption(escape(note))
    with origins.popover(column, "Each run is an ordinary training. Its command repeats it."):
        origins.trainings(sweep.runs)


def _states(sweep: Sweep) -> list[State]:
    return [run.status().state for run in sweep.runs]


def _progress(sweep: Sweep, states: list[State]) -> None:
    """Write a line about the runs that are not finished."""
    if set(states) == {"finished"}:
        return
    parts = [f"{numbers.count(len(states), 'run')}: {summarize_states(states)}."]
    for run, state in zip(sweep.runs, states, strict=True):
        if state != "running":
            continue
        status = run.status()
        if status.steps:
            left = f", {numbers.duration(status.eta_s)} left" if status.eta_s is not None else ""
            parts.append(f"{run.title}: step {status.step:,} of {status.steps:,}{left}.")
    st.text(" ".join(parts))


# --- captions ----------------------------------------------------------------------------------


def _about_samples(sweep: Sweep, rows: list[SamplePoint]) -> str:
    config = sweep.runs[0].config
    steps = {row["steps"] for row in rows}
    length = length_of(config) if len(steps) == 1 and steps_of(config) else "the same number of steps"
    recipes = " and ".join(f"`{name}`" for name in dict.fromkeys(row["recipe"] for row in rows))
    held = next((f"{row['n_validation']:,} " for row in rows if row["n_validation"]), "")
    return (
        f"{_accuracy(rows)}\n\n"
        f"Every run takes {length} of {config.batch_size} images, regardless of its share. With equal steps "
        "instead of equal epochs, a small share is repeated more often. Each share is a subset of the next "
        f"larger one. All runs select their weights on the same {held}validation images. Images, batches and "
        "augmentation are the same for all models. Each model has its own optimizer, learning rate and patch "
        f"dropping (recipe {recipes}).{_starts(rows)}{_left_out(rows)}"
    )


def _starts(rows: list[SamplePoint]) -> str:
    """Say what the lines of fine-tuned runs have in common with the others, if there are any."""
    if not any(row["start"] for row in rows):
        return ""
    return (
        " The runs “from” another run begin with its weights and a new head, and get the images in its size "
        "and normalization."
    )


def _left_out(rows: list[SamplePoint]) -> str:
    """Name the points that the figure leaves out, because it would show all others at one place."""
    far = figures.drawn_shares(rows)[1]
    if not far:
        return ""
    names = ", ".join(f"{row['label']} {numbers.chosen_share(row['share'])}" for row in far)
    return f" Not drawn, because the share is far below all others: {names}."


def _about_study(sweep: Sweep, rows: list[StudyPoint]) -> str:
    config = sweep.runs[0].config
    chance = rows[0]["chance"]
    guess = f" Chance is {numbers.chance(chance)}." if chance else ""
    axis = " All panels share one y axis, which does not begin at 0."
    training = f"{length_of(config)} on {escape(data_title(config))}"
    return (
        f"Each panel changes one setting of the base (diamond), which is trained once: {rows[0]['label']}, "
        f"recipe `{config.recipe}`, {training}. {_accuracy(rows)}{guess}"
        f"{axis if any(row['seeds'] for row in rows) else ''}"
    )


def _accuracy(rows: Sequence[Score]) -> str:
    """Describe the points and their error bars."""
    counts = sorted({row["n_test"] for row in rows if row["n_test"]})
    n = f" (n = {' and '.join(f'{count:,}' for count in counts)} test images)" if counts else ""
    seeds = sorted({seed for row in rows for seed in row["seeds"]})
    kinds = {row["error_of"] for row in rows} - {None}
    if not seeds:
        return "No run has finished yet."
    listed = numbers.listed("seed", seeds)
    if kinds == {"seeds"}:
        few = " With so few seeds it is a rough estimate." if len(seeds) < FEW_SEEDS else ""
        return (
            f"Mean test accuracy{n} over {listed}. Bars: one standard error of that mean over the seeds, "
            f"without the choice of test images.{few}"
        )
    if kinds == {"test images"}:
        return (
            f"Test accuracy{n}, one run each, {listed}. Bars: one binomial standard error over the test "
            "images, without the variation between seeds."
        )
    return (
        f"Mean test accuracy{n} over the finished seeds. Bars: one standard error over the seeds. Where only "
        "one seed is finished, it is over the test images, without the variation between seeds."
    )


def _spoken(points: list[tuple[str, Score]]) -> str:
    """Describe the points of a figure, given as (name, score)."""
    parts = [f"{name}: {numbers.percent(p['mean'], 1)}" for name, p in points if p["mean"] is not None]
    return ", ".join(parts) or "nothing is finished yet"


# --- tables ------------------------------------------------------------------------------------


def _cells(row: Score) -> dict[str, Any]:
    return {
        "test": in_percent(row["mean"]),
        "± standard error": in_percent(row["error"]),
        "over": numbers.count(len(row["seeds"]), "seed") if row["error_of"] == "seeds" else row["error_of"],
        "validation": in_percent(row["validation"]),
        "seeds": f"{len(row['seeds'])} of {row['planned']}",
        "test images": row["n_test"],
        "parameters": row["parameters"],
        "minutes": row["minutes"],
        "state": row["state"],
    }


def _sample_cells(row: SamplePoint) -> dict[str, Any]:
    return {"model": row["label"], "share": 100 * row["share"], "images": row["images"], **_cells(row)}


def _study_cells(row: StudyPoint) -> dict[str, Any]:
    value = f"{row['text']} (base)" if row["base"] and row["text"] else row["text"]
    return {"setting": row["title"], "value": value, **_cells(row)}


COLUMNS = {
    "share": st.column_config.NumberColumn(format="%g %%"),
    "images": columns.COUNT,
    "test": columns.PERCENT,
    "± standard error": columns.POINTS,
    "validation": columns.PERCENT,
    "test images": columns.COUNT,
    "parameters": columns.COUNT,
    "minutes": columns.MINUTES,
}
