"""Speed to accuracy: when each training first reached the best validation accuracy of a selected run."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.compare import measured
from dashboard.compare import time_figures as draw
from dashboard.components import figure_files
from dashboard.drawing.figures import Figure
from dashboard.drawing.markdown import escape
from dashboard.shared import columns, curve_axes, drawable, resources, run_curves, run_selection
from dashboard.states.compare import CompareState
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.time_to_accuracy import TAG, Moment, best, first_at_least, last

ON = {"step": "step", "epoch": "epoch", "wall clock": "seconds", "images": "images"}


@dataclass(frozen=True)
class Course:
    """A run with its best and its last validation, and the first validation that reaches the target."""

    run: Run
    best: Moment
    last: Moment
    reached: Moment | None


def show(runs: list[Run], look: run_curves.CurveStyle) -> None:
    """Draw the selector of the run that sets the target, and when the other runs reach the target."""
    validated = _validated(runs)
    if not validated:
        st.info("None of these runs has a validation curve: choose one that was trained here.")
        return
    left, right = st.columns([1.5, 3], vertical_alignment="center")
    with left:
        goal = run_selection.choose_run(validated, CompareState, "goal", "Match the best of")
    names = {item.run.id: item.name for item in measured.named(runs)}
    courses = _courses(validated, goal)
    right.markdown(" ".join(_sentences(names, courses, goal)))
    drawn, note = _figure(runs, courses, look.axis)
    if drawn:
        alt = "when each run reached the target"
        figure_files.show(drawn, key="reach", alt=alt)
    if note:
        st.caption(escape(note))
    st.dataframe(
        [_row(names[run.id], run, courses.get(run.id)) for run in runs],
        hide_index=True,
        width="stretch",
        column_config={
            "step": columns.COUNT,
            "images seen": columns.COUNT,
            "minutes": columns.MINUTES,
            "best %": columns.POINTS,
        },
        placeholder=columns.MISSING,
    )
    st.caption(
        "The first validation in each run's own curve that is at least as good. A run is validated once per "
        "epoch, so it may have reached the target up to one epoch earlier. Minutes are training time without "
        "pauses, on the machine that trained the run."
    )


def figure(runs: list[Run], goal: str, axis: str) -> tuple[go.Figure, str]:
    """Return the figure for the target of the run `goal`, and its alternative text.

    Without such a run, the first run with a validation curve sets the target. Raise `UserError`.
    """
    validated = _validated(runs)
    if not validated:
        raise UserError("None of these runs has a validation curve: name a run that was trained here.")
    run = next((run for run in validated if run.id == goal), validated[0])
    courses = _courses(validated, run)
    drawn, note = _figure(runs, courses, axis)
    if drawn is None:
        raise UserError(f"None of these runs recorded the axis {axis!r}: choose another axis.")
    value = numbers.percent(courses[run.id].best.value)
    title = f"{curve_axes.AXES[axis]}, until {value} validation accuracy"
    title += ", without points far beyond the others" if note else ""
    return drawn.plot.update_xaxes(
        title_text=title
    ), f"when each run reaches the best validation accuracy of {run.title}, {value}"


def _validated(runs: list[Run]) -> list[Run]:
    """Return the runs with a validation curve."""
    return [run for run in runs if best(resources.scalars(run))]


def _courses(validated: list[Run], goal: Run) -> dict[str, Course]:
    """Return the course of each run by id. The target is the best validation accuracy of `goal`."""
    target = best(resources.scalars(goal))
    courses = {}
    for run in validated:
        scalars, batch = resources.scalars(run), curve_axes.batch_size(run)
        own, end = best(scalars, batch), last(scalars, batch)
        if target and own and end:
            courses[run.id] = Course(run, own, end, first_at_least(scalars, target.value, batch))
    return courses


def _sentences(names: dict[str, str], courses: dict[str, Course], goal: Run) -> list[str]:
    target = courses[goal.id].best
    after = "" if target.epoch is None else f", after {numbers.amount(target.epoch)} epochs"
    sentences = [
        f"Best validation of **{escape(names[goal.id])}**: **{numbers.percent(target.value)}**{after}."
    ]
    for course in courses.values():
        if course.run.id == goal.id:
            continue
        name, moment = escape(names[course.run.id]), course.reached
        if moment is None:
            sentences.append(f"**{name}** does not reach it (best {numbers.percent(course.best.value)}).")
            continue
        when = f"step {moment.step:,}"
        if moment.epoch is not None and course.last.epoch is not None:
            when = f"{numbers.amount(moment.epoch)} of its {numbers.amount(course.last.epoch)} epochs"
        sentences.append(f"**{name}** reaches it after {when}.")
    return sentences


def _row(name: str, run: Run, course: Course | None) -> dict[str, object]:
    moment = course.reached if course else None
    row: dict[str, object] = {
        "run": name,
        "reached": "yes" if moment else ("no" if course else "no validation curve"),
        "epoch": _rounded(moment.epoch if moment else None),
        "of epochs": _rounded(course.last.epoch if course else None),
        "step": moment.step if moment else None,
        "minutes": round(moment.seconds / 60, 1) if moment else None,
        "images seen": moment.images if moment else None,
        "best %": _rounded(100 * course.best.value if course else None),
    }
    try:
        row["data"] = run.config.data
    except UserError:
        row["data"] = None
    return row


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _figure(runs: list[Run], courses: dict[str, Course], axis: str) -> tuple[Figure | None, str]:
    """Draw a bar for each run along the axis of the curves above, and return a note about what is left out.

    The figure is None if no run has that axis. A bar ends at the last point that the curves show, so that one
    impossible step does not shrink all other bars.
    """
    paths: list[draw.Path] = []
    far: dict[str, int] = {}
    limit = run_curves.drawn_reach(runs, axis)
    for item in measured.named(runs):
        course = courses.get(item.run.id)
        x = _validations(item.run, axis) if course else None
        if course is None or x is None:
            continue
        near = drawable.within(x, limit)
        if count := int(np.count_nonzero(~near)):
            far[item.name] = count
        if not near.any():
            continue
        length = float(x[near][-1])
        reached = _along(course.reached, axis) if course.reached else None
        end = numbers.amount(length)
        text = f"not reached in {end}" if reached is None else f"{numbers.amount(reached)} of {end}"
        if reached is not None and not drawable.within(np.array([reached]), limit).all():
            text, reached = f"not reached in the {end} that are drawn", None
        paths.append(draw.Path(html.escape(item.name), item.color, reached, length, f"  {text}"))
    most = drawable.reach([np.array([path.end]) for path in paths])
    for path in paths:
        if abs(path.end) > most:
            name = html.unescape(path.name)
            far[name] = far.get(name, 0) + 1
    paths = [path for path in paths if abs(path.end) <= most]
    note = drawable.about_far(axis, far) if far else ""
    return (draw.reach(paths, curve_axes.AXES[axis]) if paths else None), note


def _validations(run: Run, axis: str) -> np.ndarray | None:
    """Return the positions of a run's validations [N] on an axis, or None if the run did not record them."""
    scalars = resources.scalars(run)
    return curve_axes.x_values(run, scalars, scalars[TAG], axis)


def _along(moment: Moment, axis: str) -> float | None:
    value = getattr(moment, ON[axis])
    return value / 60 if axis == "wall clock" and value is not None else value
