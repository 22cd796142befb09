"""Speed to accuracy: when each training was as good as one of them at its best."""

from __future__ import annotations

import html

import plotly.graph_objects as go
import streamlit as st

from dashboard.compare import figures as draw
from dashboard.compare import measured
from dashboard.components import figure_files
from dashboard.shared import resources, run_curves, selection
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.time_to_accuracy import Moment, best, first_at_least, last

ON = {"step": "step", "epoch": "epoch", "wall clock": "seconds", "images": "images"}


def show(runs: list[Run], look: run_curves.Look) -> None:
    """A target from one run's validation curve, and where the others reach it first."""
    able = {run.id: run for run in runs if best(resources.scalars(run))}
    if not able:
        st.info("None of these runs has a validation curve: choose one that was trained here.")
        return
    left, right = st.columns([1.5, 3], vertical_alignment="center")
    with left:
        goal = selection.choose_run(list(able.values()), "As good as the best of", key="goal")
    names = {item.run.id: item.name for item in measured.named(runs)}
    target, found = _reached(able, goal)
    right.markdown(" ".join(_sentence(able, names, goal, target, found)))
    if drawn := _figure(runs, able, found, look.axis):
        alt = "how far each training was when it reached the target"
        figure_files.show(drawn, key="reach", alt=alt)
    st.dataframe(
        [_row(names[run.id], run, found.get(run.id)) for run in runs],
        hide_index=True,
        width="stretch",
        column_config={
            **{name: st.column_config.NumberColumn(format="localized") for name in ("step", "images seen")},
            "minutes": st.column_config.NumberColumn(format="%.1f"),
            "its own best %": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    st.caption(
        "From each run's own validation curve: the first validation that is at least as good. Validations "
        "come once an epoch, so the true moment lies up to one of them earlier. Minutes are those of "
        "training, pauses left out, on whatever machine it was."
    )


def figure(runs: list[Run], goal: str, axis: str) -> tuple[go.Figure, str]:
    """(figure, in words) for the run `goal`, or the first that can be one. Raises `UserError`."""
    able = {run.id: run for run in runs if best(resources.scalars(run))}
    if not able:
        raise UserError("None of these runs has a validation curve.")
    run = able.get(goal) or next(iter(able.values()))
    target, found = _reached(able, run)
    drawn = _figure(runs, able, found, axis)
    if drawn is None:
        raise UserError(f"No run tells where its points stand on the axis {axis!r}.")
    value = f"{100 * target.value:.1f} %"
    drawn.update_xaxes(title_text=f"{run_curves.AXES[axis]}, until {value} of validation images are right")
    return drawn, f"when each is as good as {run.title} at its best, {value}"


def _reached(able: dict[str, Run], goal: Run) -> tuple[Moment, dict[str, Moment | None]]:
    """The best moment of `goal`, and when each run is as good."""
    target = best(resources.scalars(goal), run_curves.batch_size(goal))
    found = {
        run_id: first_at_least(resources.scalars(run), target.value, run_curves.batch_size(run))
        for run_id, run in able.items()
    }
    return target, found


def _sentence(
    able: dict[str, Run], names: dict[str, str], goal: Run, target: Moment, found: dict[str, Moment | None]
) -> list[str]:
    value = f"{100 * target.value:.1f} %"
    said = []
    for run_id, moment in found.items():
        if run_id == goal.id:
            continue
        name = html.escape(names[run_id])
        if moment is None:
            own = best(resources.scalars(able[run_id]))
            said.append(f"**{name}** does not reach it (best {100 * own.value:.1f} %).")
            continue
        when = f"step {moment.step:,}"
        end = last(resources.scalars(able[run_id]))
        if moment.epoch is not None:
            when = f"{_epochs(moment.epoch)} of its {_epochs(end.epoch)} epochs"
        said.append(f"**{name}** reaches it after {when}.")
    own = "" if target.epoch is None else f", after {_epochs(target.epoch)} epochs"
    return [f"Best validation of **{html.escape(names[goal.id])}**: **{value}**{own}.", *said]


def _epochs(value: float) -> str:
    return f"{value:.3g}"


def _row(name: str, run: Run, moment: Moment | None) -> dict[str, object]:
    scalars = resources.scalars(run)
    own, end = best(scalars), last(scalars)
    row: dict[str, object] = {
        "run": name,
        "reached": "yes" if moment else ("no" if own else "no validation curve"),
        "epoch": round(moment.epoch, 2) if moment and moment.epoch is not None else None,
        "of epochs": round(end.epoch, 2) if end and end.epoch is not None else None,
        "step": moment.step if moment else None,
        "minutes": round(moment.seconds / 60, 1) if moment else None,
        "images seen": moment.images if moment else None,
        "its own best %": round(100 * own.value, 2) if own else None,
    }
    try:
        row["data"] = run.config.data
    except UserError:
        row["data"] = None
    return row


def _figure(
    runs: list[Run], able: dict[str, Run], found: dict[str, Moment | None], axis: str
) -> go.Figure | None:
    """A bar for each run along the axis that the curves above have."""
    paths = []
    for item in measured.named(runs):
        if item.run.id not in able:
            continue
        end = last(resources.scalars(item.run), run_curves.batch_size(item.run))
        length = _along(end, axis)
        if length is None:
            continue
        moment = found[item.run.id]
        at = _along(moment, axis) if moment else None
        words = f"not reached in {length:,.3g}" if at is None else f"{at:,.3g} of {length:,.3g}"
        paths.append(draw.Path(html.escape(item.name), item.color, at, length, f"  {words}"))
    return draw.reach(paths, run_curves.AXES[axis]) if paths else None


def _along(moment: Moment, axis: str) -> float | None:
    value = getattr(moment, ON[axis])
    return value / 60 if axis == "wall clock" else value
