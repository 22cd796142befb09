"""A table of all runs: filter it, sort it, watch a run, compare several, or stop and delete them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.drawing.figures import in_percent
from dashboard.page_table import PAGES
from dashboard.shared import bound, columns, deletion, messages, popovers, resources, run_selection
from dashboard.shared.default_runs import MAX_COMPARED
from dashboard.shared.labels import label_among, run_labels
from dashboard.shared.model_outputs import digest
from dashboard.states.compare import CompareState
from dashboard.states.training import TrainingState
from dashboard.training import announcements
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, setting_of, text_of
from vitcore.paths import readonly
from vitcore.queue import launch as background
from vitcore.runs import edit
from vitcore.runs.folder import Run
from vitcore.runs.listing import as_row, state_of
from vitcore.runs.status import ACTIVE, printable
from vitcore.runs.titles import varied_settings

# The first columns of settings, if any of the runs varies them
COMMON = ("seed", "epochs", "lr", "batch_size")
MOST_SETTINGS = 8  # columns


def control(found: list[Run]) -> None:
    """Draw the table on request. `found` holds all readable runs."""
    if not st.toggle(f"All runs ({len(found):,})", **TrainingState.bound("table", value="value")):
        return
    text_place, state_place, model_place = st.columns([2.2, 1.8, 1.8], vertical_alignment="bottom")
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
    by_id = {run.id: run for run in found}
    shown = [row for row in rows if matches(row, text or "", states, models)]
    settings = varied_columns([by_id[row["id"]] for row in shown])
    titles = run_labels(found)
    chosen = st.dataframe(
        [_cells(row, titles[row["id"]], cells) for row, cells in zip(shown, settings, strict=True)],
        # The browser keeps the numbers of the selected rows: for other rows they are other runs.
        key=f"runs_table_{digest(*(row['id'] for row in shown))}",
        hide_index=True,
        width="stretch",
        height=min(420, 38 + 35 * max(1, len(shown))),
        on_select="rerun",
        selection_mode="multi-row",
        column_config=COLUMNS,
        placeholder=columns.MISSING,
    ).selection.rows
    _buttons([by_id[shown[i]["id"]] for i in chosen if i < len(shown)])
    if not shown:
        st.caption("No run matches: clear the filters.")


def _buttons(selected: list[Run]) -> None:
    """Draw what can be done with the selected runs. They are below the table, whose toolbar is above it."""
    ids = [run.id for run in selected]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Compare",
            key="compare_selected",
            type="primary",
            disabled=not 0 < len(ids) <= MAX_COMPARED,
            help=f"Select up to {MAX_COMPARED} runs in the table.",
        ):
            bound.put(CompareState, runs=ids)
            st.switch_page(
                PAGES["compare"].script, query_params=CompareState.of(runs=tuple(ids)).parameters()
            )
        st.button(
            "Watch",
            key="watch_selected",
            disabled=len(ids) != 1,
            help="Select one run in the table.",
            on_click=_watch,
            args=(ids,),
        )
        if readonly():
            return
        active = [run for run in selected if not run.bundled and run.status().state in ACTIVE]
        st.button(
            "Stop",
            key="stop_selected",
            disabled=not active,
            on_click=_stop,
            args=(active,),
            help="Select runs that train or wait in the queue.",
        )
        with popovers.popover("Delete", "delete_selected", disabled=not selected):
            _deletion(selected, active)
    messages.toast_error("selected")


def _deletion(selected: list[Run], active: list[Run]) -> None:
    """Draw the confirmation that deletes the selected runs. Active runs are kept."""
    own = [run for run in selected if not run.bundled and run not in active]
    if active:
        count = numbers.count(len(active), "active run")
        st.caption(f"Not included: {count}. Stop active runs, and wait until they have ended.")
    elif not own:
        st.caption("Select runs of your own in the table.")
    if not own:
        return
    name = f"selected_{' '.join(sorted(run.id for run in own))}"
    deletion.confirm(numbers.count(len(own), "run"), name, "delete_runs", _delete, own)


def _stop(runs: list[Run]) -> None:
    found = resources.runs()
    with messages.keep_error("selected"):
        for run, state in background.stop_all(runs):
            messages.announce(announcements.of_stop(label_among(run, found), state))


def _delete(runs: list[Run]) -> None:
    deleted: list[str] = []
    with messages.keep_error("selected"):
        for run in runs:
            title = run.title  # stored in the folder
            edit.delete(run)
            run_selection.forget([run])
            deleted.append(title)
    if deleted:
        what = numbers.count(len(deleted), "run") if len(deleted) > 1 else deleted[0]
        popovers.close("delete_selected", f"Deleted {what}.")


def varied_columns(runs: list[Run]) -> list[dict[str, str | None]]:
    """Return for each run the settings in which any of the runs differs from its recipe, by column title.

    The value is None if the setting does not apply to a run: if its model does not have it, and for the
    epochs of a run with a time budget.
    """
    configs = [run.config for run in runs]
    names = [
        name for config in configs for name in varied_settings(config) if _value(config, name) is not None
    ]
    wanted = dict.fromkeys(name for name in COMMON if name in names) | dict.fromkeys(names)
    return [
        {
            column_title(name): text_of(value) if (value := _value(config, name)) is not None else None
            for name in list(wanted)[:MOST_SETTINGS]
        }
        for config in configs
    ]


def column_title(name: str) -> str:
    """Return the title of the column of a setting. The column `epochs` holds the epochs trained so far."""
    return "planned epochs" if name == "epochs" else {"lr": "learning rate"}.get(name, name.replace("_", " "))


def _value(config: Config, name: str) -> Any:
    if name == "epochs" and config.minutes:
        return None
    known = name in config.options or name in Config.model_fields
    return setting_of(config, name) if known else None


def broken_runs(found: list[tuple[Run, str]]) -> None:
    """List the runs whose configuration cannot be read, with the reasons."""
    if not found:
        return
    with st.expander(f"{numbers.count(len(found), 'run')} cannot be read", icon=":material/warning:"):
        st.dataframe(
            [{"run": printable(run.id), "reason": reason} for run, reason in found],
            hide_index=True,
            width="stretch",
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


def _cells(row: dict[str, Any], label: str, settings: dict[str, str | None]) -> dict[str, Any]:
    return {
        "title": label,
        "launched": datetime.fromtimestamp(row["created"]) if row["created"] else None,
        "state": state_of(row),
        "model": _label(row["model"]),
        "recipe": row["recipe"],
        "data": row["data"],
        "epochs": row["epoch"],
        "validation": in_percent(row["val_acc"]),
        "test": in_percent(row["test_acc"]),
        **settings,
        "minutes": row["minutes"] or None,
        "size": row["size_bytes"] / 1e6,
    }


COLUMNS = {
    "title": st.column_config.TextColumn(width="medium"),
    "epochs": st.column_config.NumberColumn(format="%.1f"),
    "validation": columns.PERCENT,
    "test": st.column_config.NumberColumn(width=80, format="%.2f %%"),
    "minutes": columns.MINUTES,
    "size": st.column_config.NumberColumn(format="%.1f MB"),
    "launched": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
}
