"""A table of all runs: filter it, sort it, watch a run, or compare several."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.drawing.figures import percent
from dashboard.shared import bound, columns
from dashboard.shared.default_runs import MAX_COMPARED
from dashboard.states.compare import CompareState
from dashboard.states.training import TrainingState
from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run
from vitcore.runs.listing import as_row


def control(found: list[Run]) -> None:
    """Draw the table on request. `found` holds all readable runs."""
    if not st.toggle(f"All runs ({len(found):,})", **TrainingState.bound("table", value="value")):
        return
    text_place, state_place, model_place, watch_place, compare_place = st.columns(
        [2.2, 1.8, 1.8, 1, 1.4], vertical_alignment="bottom"
    )
    rows = [as_row(run) for run in found]
    text = text_place.text_input(
        "Find",
        placeholder="title, note, data, recipe, date, sweep",
        **TrainingState.bound("find", value="value"),
    )
    states = state_place.multiselect("State", sorted({row["state"] for row in rows}), key="states")
    models = model_place.multiselect(
        "Model", sorted({row["model"] for row in rows}), key="models", format_func=_label
    )
    shown = [row for row in rows if matches(row, text or "", states, models)]
    chosen = st.dataframe(
        [_cells(row) for row in shown],
        key=f"runs_table_{text}_{states}_{models}",  # reset the selection when the rows change
        hide_index=True,
        width="stretch",
        height=min(420, 38 + 35 * max(1, len(shown))),
        on_select="rerun",
        selection_mode="multi-row",
        column_config=COLUMNS,
    ).selection.rows
    ids = [shown[i]["id"] for i in chosen if i < len(shown)]
    watch_place.button(
        "Watch", width="stretch", disabled=len(ids) != 1, help="Select one run in the table.",
        on_click=_watch, args=(ids,),
    )  # fmt: skip
    if compare_place.button(
        "Compare", width="stretch", disabled=not 0 < len(ids) <= MAX_COMPARED, type="primary",
        help=f"Select up to {MAX_COMPARED} runs in the table.",
    ):  # fmt: skip
        bound.put(CompareState, runs=ids)
        st.switch_page("../pages/compare.py", query_params=CompareState.of(runs=tuple(ids)).parameters())
    if not shown:
        st.caption("No run matches: clear the filters.")


def broken_runs(found: list[tuple[Run, str]]) -> None:
    """List the runs whose configuration cannot be read, with the reasons."""
    if not found:
        return
    count = f"{len(found):,} runs" if len(found) > 1 else "1 run"
    with st.expander(f"{count} cannot be read", icon=":material/warning:"):
        st.dataframe(
            [{"run": run.id, "reason": reason} for run, reason in found], hide_index=True, width="stretch"
        )


def _watch(ids: list[str]) -> None:
    bound.put(TrainingState, watch=ids[0])


def matches(row: dict[str, Any], text: str, states: list[str], models: list[str]) -> bool:
    """Return whether a row contains every word of the text, and has one of the states and of the models.

    Empty lists of states and models match every row.
    """
    names = ("id", "title", "note", "data", "recipe", "reason", "sweep")
    content = " ".join(str(row.get(name) or "") for name in names).lower()
    has_words = all(word in content for word in text.lower().split())
    return has_words and (not states or row["state"] in states) and (not models or row["model"] in models)


def _label(model: str) -> str:
    return ARCHITECTURES[model].label if model in ARCHITECTURES else model


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": row["title"],
        "state": row["state"],
        "model": _label(row["model"]),
        "recipe": row["recipe"],
        "data": row["data"],
        "epochs": row["epoch"],
        "validation": percent(row["val_acc"]),
        "test": percent(row["test_acc"]),
        "minutes": row["minutes"] or None,
        "size": row["size_bytes"] / 1e6,
        "launched": datetime.fromtimestamp(row["created"]) if row["created"] else None,
    }


COLUMNS = {
    "title": st.column_config.TextColumn(width="medium"),
    "epochs": st.column_config.NumberColumn(format="%.1f"),
    "validation": columns.PERCENT,
    "test": columns.PERCENT,
    "minutes": columns.MINUTES,
    "size": st.column_config.NumberColumn(format="%.1f MB"),
    "launched": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
}
