"""Attention: where a patch looks, in every head of every layer."""

import streamlit as st

from dashboard import figures, gradcam, pictures, resources, selection, theme
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError

st.title("Where does each patch look?")

found = resources.runs(trained=True)
if not found:
    st.info("There is no trained model yet.")
    st.page_link("../pages/training.py", label="Train one", icon=":material/arrow_forward:")
    st.stop()

run_control, image_controls, query_control, scale_control = st.columns(
    [1.5, 3, 1.3, 1.2], vertical_alignment="bottom"
)
with run_control:
    run = selection.choose_run(found)
try:
    data = resources.dataset_of(run)
except UserError as error:
    st.error(f"The images of {run.title} are gone. {error}")
    st.stop()
with image_controls:
    chosen = selection.choose_image(data)

if not ARCHITECTURES[run.config.model].attention:
    gradcam.show(run, chosen, data.classes)
    st.stop()

has_cls = run.config.options["pool"] == "cls"
side = run.config.image_size // run.config.options["patch_size"]
tokens = [figures.token_name(t, side, has_cls) for t in range(side * side + has_cls)]
if st.session_state.get("query") not in tokens:
    st.session_state.pop("query", None)


def pick() -> None:
    """A click on the image chooses that patch."""
    points = st.session_state.picker.selection.points
    if points:
        st.session_state.query = tokens[points[0]["point_index"] + has_cls]


query = query_control.selectbox(
    "Query", tokens, key="query", bind="query-params", help="The token that looks."
)
scale = scale_control.selectbox("Colour scale", ["shared", "per map"], key="scale", bind="query-params")

picture, grid = st.columns([1.45, 2.2], gap="large")
with grid:
    grid_place = st.container()
with picture:
    position = tokens.index(query)
    patch = None if has_cls and position == 0 else position - has_cls
    image_place, rollout_place = st.columns(2)
    with image_place:
        st.markdown("**The image**")
        figure = figures.patch_picker(chosen.image, side, patch)
        alt = f"{chosen.name}; the query is {query}"
        with st.container(key="square", height=220, border=False):
            st.plotly_chart(
                figure, config=figures.PLAIN, key="picker", height="stretch", on_select=pick,
                selection_mode="points", alt=alt,
            )  # fmt: skip
        st.caption("**Click a patch** to make it the query.")
    prediction_place = st.container()

try:
    with grid_place, st.spinner("Loading the model and capturing its attention"):
        view = resources.view(run, chosen.image)
except UserError as error:
    st.error(str(error))
    st.stop()

with grid_place:
    rows = view.weights[:, :, position]
    figure = figures.head_grid(rows, has_cls=has_cls, per_map=scale == "per map")
    alt = f"attention of {query} in every layer and head"
    with st.container(key="maps", height=500, border=False):
        st.plotly_chart(figure, config=figures.PLAIN, key="grid", height="stretch", alt=alt)
    mass = f" CLS itself gets {100 * rows[..., 0].mean():.0f} % on average, not drawn." if has_cls else ""
    st.caption(
        f"Attention from **{query}** to every patch: rows are layers, columns heads.{mass} It shows where a "
        "head reads, not why the model decides."
    )

with rollout_place:
    st.markdown("**Rollout**")
    row = view.rollout[position, has_cls:].reshape(side, side)
    st.image(
        pictures.overlay(chosen.image, row),
        width="stretch",
        output_format="PNG",
        alt=f"attention rollout from {query}",
    )
    st.caption("The same query through all layers.")

with prediction_place:
    figure = figures.probabilities(view.probabilities, data.classes, chosen.truth, theme.hue("vit"))
    st.markdown("**Prediction**")
    alt = "probabilities of the likeliest classes"
    st.plotly_chart(figure, config=figures.PLAIN, key="prediction", alt=alt)
