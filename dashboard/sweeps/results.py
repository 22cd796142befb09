"""The results of a sweep, on Compare: its figure, its table, and what is still to come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.compare import sections
from dashboard.components import figure_files
from dashboard.drawing.markdown import plain, sentence
from dashboard.shared import header, measuring, run_status, run_table
from dashboard.sweeps import figures
from dashboard.training import sweep_form
from vitcore.errors import UserError
from vitcore.paths import readonly
from vitcore.runs.folder import ACTIVE, Run
from vitcore.runs.metrics import event_files
from vitcore.sweeps.plan import data_name, steps_of
from vitcore.sweeps.results import Score, sample_curve, study_rows, together
from vitcore.sweeps.sweep import Sweep, delete_sweep, find_sweeps, resume_sweep, stop_sweep

RUNS, SWEEPS = "Runs", "Sweeps"
TICK_S = 2.0
FEW_SEEDS = 4  # from two, one error in twelve is less than a tenth of the true one


def view(every: list[Run]) -> bool:
    """The page's title and, where there is a sweep, the switch between runs and sweeps beside it; draws the
    chosen sweep if that is asked for, and says so.
    """
    found = {sweep.name: sweep for sweep in find_sweeps(every)}
    if (wanted := st.session_state.get("open_sweep")) in found:
        st.session_state.view, st.session_state.sweep = SWEEPS, wanted
    chosen = st.session_state.get("show") or st.query_params.get("show") or sections.SECTIONS[0]
    if SWEEPS in (st.session_state.get("view"), st.query_params.get("view")):
        chosen = "Sweeps over settings"
    top = header.title("How do the models compare?", "compare", about=chosen)
    if not found:
        return False
    shown = top.row.segmented_control(
        "Show", [RUNS, SWEEPS], default=None if "view" in st.session_state else RUNS, key="view",
        bind="query-params", required=True, label_visibility="collapsed",
    )  # fmt: skip
    if shown != SWEEPS:
        return False
    if st.session_state.get("sweep") not in found:
        wanted = st.query_params.get("sweep")
        st.session_state.sweep = wanted if wanted in found else next(iter(found))
    fixed = readonly() or found[st.session_state.sweep].bundled
    chooser, *places = st.columns([5, 1.2, *([] if fixed else [1.2])], vertical_alignment="bottom")
    name = chooser.selectbox(
        "Sweep", list(found), format_func=lambda n: _label(found[n]), key="sweep", persist_state="session"
    )
    if st.query_params.get("sweep") != name:
        st.query_params["sweep"] = name
    _actions(found[name], *places)
    show(found[name])
    st.session_state.pop("open_sweep", None)  # it is on the page
    return True


def _label(sweep: Sweep) -> str:
    created = sweep.runs[0].stored_status().created
    return (
        sweep.title if sweep.bundled else f"{sweep.title} ({datetime.fromtimestamp(created):%Y-%m-%d %H:%M})"
    )


def show(sweep: Sweep) -> None:
    """The figure and the table of a sweep, which fill while it trains."""
    states = [run.status().state for run in sweep.runs]
    going = any(state in ACTIVE for state in states)
    rows: list[Any] = sample_curve(sweep.runs) if sweep.kind == "samples" else study_rows(sweep.runs)
    st.fragment(_progress, run_every=TICK_S if going else None)(sweep, states)
    if sweep.kind == "samples":
        picture, words = st.columns([2.4, 1], gap="large")
        with picture:
            figure_files.show(
                figures.sample_efficiency(rows), key="samples_figure",
                alt=f"test accuracy against training images: {_spoken(rows)}",
            )  # fmt: skip
        words.caption(_about_samples(sweep, rows))
        _source(sweep, words)
        table = [_sample_cells(row) for row in rows]
    else:
        count = len({row["setting"] for row in rows})  # one or two panels leave room for the words
        picture, words = (
            st.columns([count + 0.6, 3.4 - count], gap="large") if count < 3 else (st.container(), st)
        )
        with picture:
            figure_files.show(
                figures.study_panels(rows), key="study_figure",
                alt=f"test accuracy against each setting: {_spoken(rows)}",
            )  # fmt: skip
        words.caption(_about_study(sweep, rows))
        _source(sweep, words)
        table = [_study_cells(row) for row in rows]
    empty = [name for name in table[0] if all(cells[name] is None for cells in table)] if table else []
    table = [{name: value for name, value in cells.items() if name not in empty} for cells in table]
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height="content",
        column_config=COLUMNS,
        key="sweep_table",
    )


def _source(sweep: Sweep, place: Any) -> None:
    """What people said of its runs; machine, date, commit and command of each."""
    for note in dict.fromkeys(run.meta.note for run in sweep.runs if run.meta.note):
        place.caption(plain(note))
    with place.popover("How it was measured"):
        st.caption("Each run is an ordinary training. The same again:")
        measuring.trainings(sweep.runs)


def _progress(sweep: Sweep, shown: list[str]) -> None:
    """A line about the runs that are not finished; the page is drawn anew when one changes its state."""
    now = [(run, run.status()) for run in sweep.runs]
    states = [status.state for _, status in now]
    if states != shown:
        st.rerun()
    if set(states) == {"finished"}:
        return
    parts = [f"{len(states)} runs: {together(states)}."]
    for run, status in now:
        if status.state == "running" and status.steps:
            left = f", {run_status.duration(status.eta_s)} left" if status.eta_s is not None else ""
            parts.append(f"{run.title}: step {status.step:,} of {status.steps:,}{left}.")
    st.text(" ".join(parts))


def _actions(sweep: Sweep, first: Any, second: Any = None) -> None:
    """Take the curves to the other view; stop what is not over, delete what is."""
    curves = [run.id for run in sweep.runs if event_files(run.path)][: run_table.MOST]
    first.button(
        "Its curves", key="sweep_curves", width="stretch", disabled=not curves,
        on_click=_curves, args=(curves,),
        help=f"The first {len(curves)} runs of it, over steps, epochs or minutes.",
    )  # fmt: skip
    if not second:
        return
    with second.popover("Manage", width="stretch"):
        states = [run.status().state for run in sweep.runs]
        going = sum(state in ACTIVE for state in states)
        left = len(states) - going - states.count("finished")
        if going:
            st.button(
                f"Stop {_count(going)}", key="stop_sweep", on_click=_attempt, args=(stop_sweep, sweep),
                width="stretch",
                help="What waits is taken off the queue; what trains saves and ends, and can be resumed.",
            )  # fmt: skip
        if left:
            st.button(
                f"Resume {_count(left)}", key="resume_sweep", on_click=_attempt, args=(resume_sweep, sweep),
                width="stretch", help="Those that were stopped, failed or lost.",
            )  # fmt: skip
        sure = st.checkbox(
            f"I do not need its {_count(len(states))} any more", key=f"sure_{sweep.name}", disabled=going > 0
        )
        st.button(
            "Delete for good", key="delete_sweep", disabled=bool(going) or not sure, on_click=_attempt,
            args=(delete_sweep, sweep), width="stretch", help="Stop them first." if going else None,
        )  # fmt: skip
    if problem := st.session_state.pop("sweep_error", None):
        st.toast(sentence(problem))


def _count(runs: int) -> str:
    return f"{runs} run{'s' * (runs != 1)}"


def _curves(ids: list[str]) -> None:
    st.session_state.view = RUNS
    st.session_state.runs = ids


def _attempt(action: Any, sweep: Sweep) -> None:
    try:
        action(sweep)
    except UserError as error:
        st.session_state.sweep_error = str(error)


# --- words -------------------------------------------------------------------------------------


def _about_samples(sweep: Sweep, rows: list[Any]) -> str:
    config = sweep.runs[0].config
    steps = {row["steps"] for row in rows}
    length = f"{steps_of(config):,} steps" if len(steps) == 1 and steps_of(config) else "equally many steps"
    recipes = " and ".join(f"`{name}`" for name in dict.fromkeys(row["recipe"] for row in rows))
    held = next((f"{row['n_validation']:,} " for row in rows if row["n_validation"]), "")
    return (
        f"{_accuracy(rows)}\n\n"
        f"Every run takes {length} of {config.batch_size} images, whatever its share: equal steps, not equal "
        "epochs, so a small share is passed over more often. Each share is part of the next larger one. "
        f"The same {held}validation images choose the weights. Images, batches and augmentation are alike; "
        f"optimizer, rates and patch dropping are each model's own (recipe {recipes})."
    )


def _about_study(sweep: Sweep, rows: list[Any]) -> str:
    config = sweep.runs[0].config
    length = f"{steps_of(config):,} steps" if steps_of(config) else sweep_form.epochs_of(config)
    length = f"{config.minutes:g} minutes" if config.minutes else length
    chance = rows[0]["chance"]
    guess = f" Chance is {100 * chance:.3g} %." if chance else ""
    axis = " The axis is the same in all panels and does not begin at 0."
    return (
        f"One setting at a time around the base (diamond), which is trained once: {rows[0]['label']}, recipe "
        f"`{config.recipe}`, {length} of {data_name(config)}. {_accuracy(rows)}{guess}"
        f"{axis if any(row['seeds'] for row in rows) else ''}"
    )


def _accuracy(rows: list[Any]) -> str:
    """What the points and their bars are."""
    counts = sorted({row["n_test"] for row in rows if row["n_test"]})
    n = f" (n = {' and '.join(f'{count:,}' for count in counts)} test images)" if counts else ""
    seeds = sorted({seed for row in rows for seed in row["seeds"]})
    kinds = {row["error_of"] for row in rows} - {None}
    if not seeds:
        return "Nothing is finished yet."
    listed = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    if kinds == {"seeds"}:
        few = " So few seeds tell it roughly." if len(seeds) < FEW_SEEDS else ""
        return (
            f"Mean test accuracy{n} over {listed}. Bars: one standard error of that mean, over the seeds; "
            f"the choice of test images is not in it.{few}"
        )
    if kinds == {"test images"}:
        return (
            f"Test accuracy{n}, one run each, {listed}. Bars: one standard error of a share of so many test "
            "images; it says nothing of how other seeds would end."
        )
    return (
        f"Mean test accuracy{n} over the finished seeds. Bars: one standard error over seeds; where one seed "
        "is finished, over test images, which says nothing of other seeds."
    )


def _spoken(rows: list[Any]) -> str:
    """The points of a figure in words."""
    points = [
        (r, f"{r['label']} {100 * r['share']:g} %" if "share" in r else f"{r['title']} {r['text']}")
        for r in rows
    ]
    said = [f"{name}: {100 * r['mean']:.1f} %" for r, name in points if r["mean"] is not None]
    return ", ".join(said) or "nothing is finished yet"


# --- tables ------------------------------------------------------------------------------------


def _cells(row: Score) -> dict[str, Any]:
    percent = {
        name: None if row[name] is None else 100 * row[name] for name in ("mean", "error", "validation")
    }  # fmt: skip
    return {
        "test": percent["mean"],
        "± standard error": percent["error"],
        "over": f"{len(row['seeds'])} seeds" if row["error_of"] == "seeds" else row["error_of"],
        "validation": percent["validation"],
        "seeds": f"{len(row['seeds'])} of {row['planned']}",
        "test images": row["n_test"],
        "parameters": row["parameters"],
        "minutes": row["minutes"],
        "state": row["state"],
    }


def _sample_cells(row: Any) -> dict[str, Any]:
    return {"model": row["label"], "share": 100 * row["share"], "images": row["images"], **_cells(row)}


def _study_cells(row: Any) -> dict[str, Any]:
    value = f"{row['text']} (base)" if row["base"] and row["text"] else row["text"]
    return {"setting": row["title"], "value": value, **_cells(row)}


COLUMNS = {
    "share": st.column_config.NumberColumn(format="%g %%"),
    "images": st.column_config.NumberColumn(format="localized"),
    "test": st.column_config.NumberColumn(format="%.2f %%"),
    "± standard error": st.column_config.NumberColumn(format="%.2f"),
    "validation": st.column_config.NumberColumn(format="%.2f %%"),
    "test images": st.column_config.NumberColumn(format="localized"),
    "parameters": st.column_config.NumberColumn(format="localized"),
    "minutes": st.column_config.NumberColumn(format="%.1f"),
}
