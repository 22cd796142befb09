"""Compare: runs side by side."""

import streamlit as st

from dashboard import chart, published, resources, run_table, selection, watch
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.runs.folder import ACTIVE, Run
from vitcore.runs.foreign import foreign_runs
from vitcore.runs.metrics import event_files

st.title("How do the models compare?")

found = [*(run for run in resources.runs() if event_files(run.path)), *foreign_runs()]
if not found:
    st.info("There is no run with curves yet.")
    st.page_link("../pages/training.py", label="Train one", icon=":material/arrow_forward:")
    st.stop()

run_control, more = st.columns([5, 1.3], vertical_alignment="bottom")
with run_control:
    chosen = selection.choose_runs(found, "Runs", most=run_table.MOST)
with more:
    published.control()
if not chosen:
    st.info("Choose at least one run above.")
    st.stop()

look = chart.controls(*st.columns([2.4, 1.5, 0.9], vertical_alignment="bottom"))


def overlay(active: bool) -> None:
    """The curves; while one of the runs is active they grow."""
    chart.pair(chosen, look, key="compare", height=330)
    st.caption(
        "Faint: training, measured with augmentation, label smoothing and (for a ViT that drops patches) on "
        "a part of each image, so it can lie below validation. Full: validation images, whole and unchanged; "
        "a diamond marks the best. Dotted and faint: what a resume took back."
    )
    chart.more(chosen, look, key="compare")
    if active and not active_among(chosen):
        st.rerun()  # the table below, too


def active_among(runs: list[Run]) -> bool:
    return any(run.status().state in ACTIVE for run in runs)


going = active_among(chosen)
st.fragment(overlay, run_every=watch.TICK_S if going else None)(going)

rows = []
for run in chosen:
    row = {"run": selection.label_of(run)}
    try:
        config = run.config
    except UserError:  # somebody else's event files: curves alone
        rows.append({**row, "state": "event files"})
        continue
    status = run.status()
    result = status.result
    rows.append(
        {
            **row,
            "model": ARCHITECTURES[config.model].label,
            "data": config.data,
            "recipe": config.recipe,
            "epochs": f"{status.epoch:.3g} of {config.epochs}",
            "parameters": resources.parameters(run),
            "minutes": round(status.active_s / 60, 1) or None,
            "validation %": round(100 * result["val_acc"], 2) if "val_acc" in result else None,
            "test %": round(100 * result["test_acc"], 2) if "test_acc" in result else None,
            "test images": result.get("n_test"),
            "state": status.state,
        }
    )
st.dataframe(
    rows,
    hide_index=True,
    width="stretch",
    column_config={
        "parameters": st.column_config.NumberColumn(format="localized"),
        "test images": st.column_config.NumberColumn(format="localized"),
    },
)
