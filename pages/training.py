"""Training: configure, launch, watch, stop."""

import time

import streamlit as st

from dashboard import resources, settings, watch
from vitcore.architectures import ARCHITECTURES, RECIPE_NAMES
from vitcore.config import choices, make_config
from vitcore.data.datasets import data_dir
from vitcore.errors import UserError
from vitcore.runs import launch as background
from vitcore.runs.folder import readonly

DOUBLE_CLICK_S = 2.0  # the same launch within this time is one launch

st.title("Train a model and watch it learn")


model_place, data_place, recipe_place, epochs_place, more_place, launch_place = st.columns(
    [1.2, 1.6, 1.2, 1, 1.2, 1.5], vertical_alignment="bottom"
)
model = model_place.selectbox(
    "Model",
    list(ARCHITECTURES),
    format_func=lambda name: ARCHITECTURES[name].label,
    key="model",
    bind="query-params",
)
sources = ["cifar10-mini", "cifar10", "own folder"]
source = data_place.selectbox("Data", sources, key="data", bind="query-params")
architecture = ARCHITECTURES[model]
recipes = [name for name in RECIPE_NAMES if name in architecture.recipes]
recipe = recipe_place.selectbox(
    "Recipe", recipes, key="recipe", bind="query-params",
    help="quick: minutes on a CPU. modern: for complete CIFAR-10. tutorial: as published, 180 epochs.",
)  # fmt: skip
defaults = make_config(recipe, model=model)
values: dict[str, object] = {"model": model}
form = f"{model}_{recipe}"  # another recipe has other defaults, so fresh widgets
with epochs_place:
    values["epochs"] = settings.whole("Epochs", "epochs", defaults.epochs, form)
with more_place.popover("More", icon=":material/tune:", width="stretch"):
    left, right = st.columns(2)
    with left:
        values["batch_size"] = settings.whole("Batch size", "batch_size", defaults.batch_size, form)
        values["seed"] = settings.whole("Seed", "seed", defaults.seed, form)
    with right:
        values["lr"] = st.text_input("Learning rate", f"{defaults.lr:g}", key=f"lr_{form}")
        values["device"] = st.selectbox("Device", choices("device"), key="device")
    values |= settings.options(architecture, defaults.options, form)
    title = st.text_input("Title", placeholder=f"{architecture.label} {recipe}", key="title", max_chars=80)

values["data"] = source
if source == "own folder":
    folder = st.text_input(
        "Folder under the data directory", key="folder", placeholder="holds one folder of images per class",
        help=f"Below {data_dir()}. Any image sizes; they are resized to 32 x 32.",
    )  # fmt: skip
    home = data_dir().resolve()
    place = (home / folder).resolve()
    values["data"] = f"folder:{place}" if folder and place.is_relative_to(home) else ""
elif source == "cifar10":
    there = any((data_dir() / "cifar10" / name).exists() for name in ("labels.json", "cifar-10-batches-py"))
    st.caption("Complete CIFAR-10." if there else "Not on this machine yet: the run downloads 170 MB first.")


wanted = (repr(values), title)


def start() -> None:
    """Launch with the settings shown; a wrong one becomes a sentence, which goes when the settings change."""
    again, when = st.session_state.get("launched", (None, 0.0))
    if again == wanted and time.monotonic() - when < DOUBLE_CLICK_S:
        return
    try:
        if not values["data"]:
            raise UserError(f"Name a folder below {data_dir()}, for example `flowers`.")
        run = background.launch(make_config(recipe, **values), title=title)
    except UserError as error:
        st.session_state.launch_error = (wanted, str(error))
        return
    st.session_state.launched = (wanted, time.monotonic())
    st.session_state.watch = run.id


launch_place.button(
    "Launch training", type="primary", width="stretch", on_click=start, icon=":material/play_arrow:",
    disabled=readonly(), help="This is a read-only ViT Lab: look at everything." if readonly() else None,
)  # fmt: skip

refused, problem = st.session_state.get("launch_error", (None, ""))
if problem and refused == wanted:
    st.error(problem)

measured = architecture.measured.get(recipe, "not measured yet")
st.caption(f"Recipe `{recipe}` for the {architecture.label}: {measured}.")

found = resources.runs()
own = [run for run in found if not run.bundled]
if not own:
    st.markdown(
        "No training of yours yet. A `quick` run takes a few minutes, goes on when you close the browser, "
        "and "
        "appears here with its curves. Below, how the bundled models were trained."
    )
watch.panel([*own, *(run for run in found if run.bundled)])
