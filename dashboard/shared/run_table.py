"""All runs as a table: sort, filter, and take some to Compare."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from vitcore.architectures import ARCHITECTURES
from vitcore.runs.folder import Run
from vitcore.runs.listing import as_row
from vitcore.runs.metrics import event_files

MAX_COMPARED = 8  # maximum number of runs in Compare
PAIR, NEWEST = ("vit", "resnet"), 2  # that it opens with: bundled models, and own runs


def control(found: list[Run]) -> None:
    """Draw the table on request. `found` holds all readable runs."""
    if not st.toggle(f"All runs ({len(found):,})", key="all", bind="query-params"):
        return
    text_place, state_place, model_place, watch_place, compare_place = st.columns(
        [2.2, 1.8, 1.8, 1, 1.4], vertical_alignment="bottom"
    )
    rows = [as_row(run) for run in found]
    text = text_place.text_input(
        "Find", key="find", placeholder="title, note, data, recipe, date, sweep", bind="query-params"
    )
    states = state_place.multiselect("State", sorted({row["state"] for row in rows}), key="states")
    models = model_place.multiselect(
        "Model", sorted({row["model"] for row in rows}), key="models", format_func=_label
    )
    shown = [row for row in rows if matches(row, text, states, models)]
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
        "Watch", width="stretch", disabled=len(ids) != 1, help="One run of the table.", on_click=_watch,
        args=(ids,),
    )  # fmt: skip
    if compare_place.button(
        "Compare", width="stretch", disabled=not 0 < len(ids) <= MAX_COMPARED, type="primary",
        help=f"Up to {MAX_COMPARED} runs of the table.",
    ):  # fmt: skip
        st.session_state.runs = ids
        st.switch_page("../pages/compare.py", query_params={"runs": ",".join(ids)})
    if not shown:
        st.caption("No run fits: clear the filters.")


def default_runs(found: list[Run]) -> list[Run]:
    """What Compare opens with: the bundled ViT and ResNet, and the newest own runs that have curves. All six
    bundled models are twelve curves on each other. Runs of sweeps have a view of their own.
    """
    shelf = [run for run in found if run.bundled and run.weights and run.config.model in PAIR]
    shelf.sort(key=lambda run: PAIR.index(run.config.model))
    own = []
    for run in found:  # newest first
        if len(own) < NEWEST and not run.bundled and run.meta.sweep is None and event_files(run.path):
            own.append(run)
    return [*shelf, *own]


def _watch(ids: list[str]) -> None:
    st.session_state.watch = ids[0]


def matches(row: dict[str, Any], text: str, states: list[str], models: list[str]) -> bool:
    """Whether a row has every word of the text somewhere, and one of the states and of the models, where any
    are asked for.
    """
    names = ("id", "title", "note", "data", "recipe", "reason", "sweep")
    whole = " ".join(str(row.get(name) or "") for name in names).lower()
    words = all(word in whole for word in text.lower().split())
    return words and (not states or row["state"] in states) and (not models or row["model"] in models)


def _label(model: str) -> str:
    return ARCHITECTURES[model].label if model in ARCHITECTURES else model


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    percent = {name: None if row[name] is None else 100 * row[name] for name in ("val_acc", "test_acc")}
    return {
        "title": row["title"],
        "state": row["state"],
        "model": _label(row["model"]),
        "recipe": row["recipe"],
        "data": row["data"],
        "epochs": row["epoch"],
        "validation": percent["val_acc"],
        "test": percent["test_acc"],
        "minutes": row["minutes"] or None,
        "size": row["size_bytes"] / 1e6,
        "launched": datetime.fromtimestamp(row["created"]) if row["created"] else None,
    }


COLUMNS = {
    "title": st.column_config.TextColumn(width="medium"),
    "epochs": st.column_config.NumberColumn(format="%.1f"),
    "validation": st.column_config.NumberColumn(format="%.2f %%"),
    "test": st.column_config.NumberColumn(format="%.2f %%"),
    "minutes": st.column_config.NumberColumn(format="%.1f"),
    "size": st.column_config.NumberColumn(format="%.1f MB"),
    "launched": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
}
