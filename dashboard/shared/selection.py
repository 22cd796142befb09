"""The selected image and run. Both are stored in the address, so that a link reproduces the view.

Widgets with the same key share their value between pages. An uploaded image stays in this visitor's session
and is never put into the address.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from vitcore.data import Dataset
from vitcore.data.images import SUFFIXES, open_image, read_image
from vitcore.errors import UserError
from vitcore.runs.folder import Run


@dataclass(frozen=True)
class SelectedImage:
    """An image uint8 [3, S, S], its true class where it is known, and what to call it."""

    image: np.ndarray
    truth: int | None
    name: str
    own: bool = False


def parse_whole(text: str, otherwise: int) -> int:
    """Parse an integer from an address. Return `otherwise` if it is invalid or has too many digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


WRONG, SUREST, UNSURE = "misclassified", "surest", "least sure"


def choose_image(data: Dataset, answers: Callable[[], np.ndarray] | None = None) -> SelectedImage:
    """Draw the image controls: class and number of a test image of `data`, or an upload, at the data's size.

    `answers` holds a model's probabilities [n, classes] for the first n test images. It adds two rankings:
    misclassified images, and all images by confidence.
    """
    ranked = [] if answers is None else [o for o in (WRONG, SUREST, UNSURE) if o not in data.classes]
    options = [*data.classes, *ranked]
    left, middle, right = st.columns([2, 1.4, 1.6], vertical_alignment="bottom")
    own: tuple[bytes, str] | None = st.session_state.get("own_image")
    if st.session_state.get("class") not in options:  # another dataset, other classes
        st.session_state.pop("class", None)
    first = data.classes.index("cat") if "cat" in data.classes else 0
    check_link("class", options, options[first])
    kind = left.selectbox(
        "Images", options, index=first, key="class", bind="query-params", disabled=bool(own)
    )
    if kind in ranked:
        with left, st.spinner("Running the model on the test images"):
            members = _members(data, kind, answers)
    else:
        members = _members(data, kind, answers)
    if st.session_state.get("image", 1) > len(members):
        st.session_state.pop("image")
    numbers = range(1, len(members) + 1)
    check_link("image", [str(n) for n in numbers], f"{kind}, test image 1 of {len(members)}")
    number = middle.number_input(
        "Test image", 1, max(1, len(members)), 1, key="image", bind="query-params", disabled=bool(own),
        help="Numbered within its class, in the order of the dataset; or by how sure the model is.",
    )  # fmt: skip
    with right:
        own_image_control()
    if own:
        return SelectedImage(decoded(*own, data.size), None, own[1], own=True)
    if not len(members):
        st.info(f"There is no test image that is {kind}: choose others.")
        st.stop()
    return _chosen(data, kind, members, number)


def find_image(
    data: Dataset, kind: str, number: int, answers: Callable[[], np.ndarray] | None = None
) -> SelectedImage | None:
    """The image that `choose_image` shows for a class (or ranking) and a number in an address; None where
    there is no such image.
    """
    if kind not in data.classes and (answers is None or kind not in (WRONG, SUREST, UNSURE)):
        return None
    members = _members(data, kind, answers)
    return _chosen(data, kind, members, number) if 1 <= number <= len(members) else None


def _chosen(data: Dataset, kind: str, members: np.ndarray, number: int) -> SelectedImage:
    place = members[number - 1]
    name = f"{kind}, test image {number} of {len(members)}"
    return SelectedImage(data.test.images[place], int(data.test.labels[place]), name)


def _members(data: Dataset, kind: str, answers: Callable[[], np.ndarray] | None) -> np.ndarray:
    """Return the indices of the test images of a class, or all indices in ranking order."""
    if kind in data.classes:
        return np.flatnonzero(data.test.labels == data.classes.index(kind))
    return _ranked(kind, answers(), data.test.labels)


def _ranked(kind: str, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return test image indices: misclassified images by descending confidence, or all by confidence."""
    sure = probabilities.max(axis=1)
    order = np.argsort(sure if kind == UNSURE else -sure, kind="stable")
    wrong = probabilities.argmax(axis=1) != labels[: len(probabilities)]
    return order[wrong[order]] if kind == WRONG else order


@st.cache_data(max_entries=32, show_spinner=False)
def decoded(data: bytes, name: str, size: int) -> np.ndarray:
    """Decode an uploaded image to uint8 [3, size, size]."""
    return read_image(data, size, name)


def own_image_control() -> None:
    """Draw a popover for upload and removal. An invalid file shows a message and keeps the previous image."""
    with st.popover("Own image", icon=":material/upload:", width="stretch"):
        _own_image()


def _own_image() -> None:
    if st.session_state.get("own_image"):
        st.caption("Your image is shown on every page. It stays in this session and is not part of the link.")
        if st.button("Back to the test images", width="stretch"):
            st.session_state.own_image = None
            st.rerun()
    generation = st.session_state.setdefault("upload_generation", 0)
    source = st.segmented_control(
        "From",
        ["File", "Camera"],
        default="File",
        key="own_from",
        required=True,
        label_visibility="collapsed",
    )
    if source == "Camera":
        upload = st.camera_input("A photo; the center square is used", key=f"photo_{generation}", width=360)
    else:
        upload = st.file_uploader(
            "PNG, JPEG or WebP, up to 10 MB and 25 megapixels",
            type=sorted(s.removeprefix(".") for s in SUFFIXES),
            key=f"upload_{generation}",
        )
    if upload is None:
        return
    try:
        open_image(upload.getvalue(), upload.name)
    except UserError as error:
        st.error(sentence(error))
        return
    name = upload.name if source == "File" else "your photo"
    st.session_state.own_image = (upload.getvalue(), name)
    st.session_state.upload_generation = generation + 1  # an empty uploader next time
    st.rerun()


def run_label(run: Run) -> str:
    """A run's title, with the time in its id for the user's own: titles repeat, and a label must not
    change.
    """
    return run.title if run.bundled or run.title == run.id else f"{run.title} ({run.id.split('-', 2)[-1]})"


def warn_missing(named: Sequence[str], instead: str) -> None:
    """Warn that a link refers to something that does not exist here, and say what is shown instead."""
    # in one line: code ends where a paragraph does
    shown = (" ".join(name.replace("`", "").split())[:60] for name in named[:3])
    words = " and ".join(f"`{name}`" for name in shown)
    verb = "isn't" if len(named) == 1 else "aren't"
    text = f"{words} in this link {verb} available here. Showing {escape(instead)} instead."
    st.toast(text, icon=":material/link_off:", duration=60)  # s: a model may be loaded meanwhile


def check_link(key: str, options: Collection[str], instead: str) -> None:
    """Warn if the address holds a value that is not an option. Call this before creating the widget."""
    wanted = st.query_params.get(key)
    if wanted is not None and key not in st.session_state and wanted not in options:
        warn_missing([wanted], instead)


def choose_run(found: list[Run], label: str = "Model", *, key: str = "run", first: Run | None = None) -> Run:
    """A select box of runs, at first `first` or the first of them. The address holds the id, which never
    changes, and not the title.
    """
    by_id = {run.id: run for run in found}
    if st.session_state.get(key) not in by_id:
        wanted, fresh = st.query_params.get(key), key not in st.session_state
        st.session_state[key] = wanted if wanted in by_id else (first or found[0]).id
        if fresh and wanted and wanted not in by_id:  # not when the visitor has just deleted it
            warn_missing([wanted], by_id[st.session_state[key]].title)
    chosen = st.selectbox(
        label,
        list(by_id),
        format_func=lambda run_id: run_label(by_id[run_id]),
        key=key,
        persist_state="session",
    )
    if st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    return by_id[chosen]


def choose_runs(found: list[Run], label: str, *, first: Callable[[], list[Run]], most: int) -> list[Run]:
    """A choice of several runs; the address holds their ids. Without any it begins with `first()`, or, where
    that finds none, with the first run.
    """
    by_id = {run.id: run for run in found}
    if "runs" not in st.session_state:
        named = [run_id for run_id in st.query_params.get("runs", "").split(",") if run_id]
        wanted = [run_id for run_id in named if run_id in by_id]
        instead = first() or found[:1]
        st.session_state.runs = wanted or [run.id for run in instead]
        if len(wanted) < len(named):
            missing = [run_id for run_id in named if run_id not in by_id]
            warn_missing(missing, "the others of the link" if wanted else ", ".join(r.title for r in instead))
    st.session_state.runs = [run_id for run_id in st.session_state.runs if run_id in by_id][:most]
    chosen = st.multiselect(
        label,
        list(by_id),
        format_func=lambda run_id: run_label(by_id[run_id]),
        key="runs",
        max_selections=most,
        persist_state="session",
    )
    if st.query_params.get("runs", "") != ",".join(chosen):
        st.query_params["runs"] = ",".join(chosen)
    return [by_id[run_id] for run_id in chosen]


def add_runs(ids: list[str]) -> None:
    """Before `choose_runs`, in a callback: further runs beside the chosen ones, as many as it takes."""
    st.session_state.runs = list(dict.fromkeys([*st.session_state.get("runs", ()), *ids]))


def link_to_image(run: Run, kind: str, number: int) -> str:
    """The address of the page Attention with a test image, by class and number within it."""
    return "attention?" + urlencode({"run": run.id, "class": kind, "image": number})


def open_in_explorer(run: Run, kind: str, number: int) -> None:
    """Go to the page Attention with that test image, whatever image was selected there before."""
    for key in ("run", "class", "image", "own_image"):
        st.session_state.pop(key, None)
    st.switch_page("../pages/attention.py", query_params={"run": run.id, "class": kind, "image": str(number)})
