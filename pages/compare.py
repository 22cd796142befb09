"""Compare: runs side by side."""

import streamlit as st

from dashboard import live, published, resources, selection
from vitcore.architectures import ARCHITECTURES
from vitcore.runs.metrics import event_files

st.title("How do the models compare?")

found = [run for run in resources.runs() if event_files(run.path)]
if not found:
    st.info("There is no run with curves yet.")
    st.page_link("../pages/training.py", label="Train one", icon=":material/arrow_forward:")
    st.stop()

run_control, axis_control, more = st.columns([3, 1.6, 1.1], vertical_alignment="bottom")
with run_control:
    chosen = selection.choose_runs(found, "Runs", most=8)
axis = axis_control.segmented_control(
    "Against", list(live.AXES), default="epoch", key="x", bind="query-params", required=True
)
with more:
    published.control()
if not chosen:
    st.info("Choose at least one run above.")
    st.stop()

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Accuracy")
    live.draw(chosen, ("train_acc", "val_acc"), axis, key="compare_acc", height=330)
with right:
    st.subheader("Loss")
    live.draw(chosen, ("train_loss", "val_loss"), axis, key="compare_loss", height=330)
st.caption(
    "Faint: training, measured with augmentation, label smoothing and (for a ViT that drops patches) on a "
    "part of each image, so it can lie below validation. Full: validation images, whole and unchanged."
)

rows = []
for run in chosen:
    status, config = run.status(), run.config
    result = status.result
    rows.append(
        {
            "run": selection.label_of(run),
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
