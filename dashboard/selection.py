"""What is being looked at: the image and the run. Both live in the address, so that a link reproduces the
view.

Widgets with the same key share their value between pages. An uploaded image stays in this visitor's session
and is never put into the address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import resources
from vitcore.data.images import SUFFIXES, read_image
from vitcore.errors import UserError
from vitcore.runs.folder import Run


@dataclass(frozen=True)
class Chosen:
    """An image uint8 [3, S, S], its true class where it is known, and what to call it."""

    image: np.ndarray
    truth: int | None
    name: str


def choose_image() -> Chosen:
    """The image controls: class and number of a bundled test image, or an own one. Draws two columns' worth
    of widgets.
    """
    data = resources.dataset()
    left, middle, right = st.columns([2, 1.4, 1.6], vertical_alignment="bottom")
    own: Chosen | None = st.session_state.get("own_image")
    kind = left.selectbox(
        "Class",
        data.classes,
        index=data.classes.index("cat"),
        key="class",
        bind="query-params",
        disabled=bool(own),
    )
    label = data.classes.index(kind)
    members = np.flatnonzero(data.test.labels == label)
    number = middle.number_input(
        "Test image", 1, len(members), 1, key="image", bind="query-params", disabled=bool(own),
        help="Numbered within its class, in the order of CIFAR-10.",
    )  # fmt: skip
    with right.popover("Own image", icon=":material/upload:", width="stretch"):
        _own_image(data.size)
    if own:
        return own
    return Chosen(
        data.test.images[members[number - 1]], label, f"{kind}, test image {number} of {len(members)}"
    )


def _own_image(size: int) -> None:
    """Upload and removal; a wrong file gets a sentence and leaves the previous image."""
    if st.session_state.get("own_image"):
        st.caption("Your image is shown on every page. It stays in this session and is not part of the link.")
        if st.button("Back to the test images", width="stretch"):
            st.session_state.own_image = None
            st.rerun()
    generation = st.session_state.setdefault("upload_generation", 0)
    upload = st.file_uploader(
        "PNG, JPEG or WebP, up to 10 MB and 25 megapixels",
        type=sorted(s.removeprefix(".") for s in SUFFIXES),
        key=f"upload_{generation}",
    )
    if upload is None:
        return
    try:
        image = read_image(upload.getvalue(), size, upload.name)
    except UserError as error:
        st.error(str(error))
        return
    st.session_state.own_image = Chosen(image, None, upload.name)
    st.session_state.upload_generation = generation + 1  # an empty uploader next time
    st.rerun()


def choose_run(
    found: list[Run], label: str = "Model", *, key: str = "run", note: Callable[[Run], str] | None = None
) -> Run:
    """A select box of runs. The address holds the id, which never changes, and not the title."""
    by_id = {run.id: run for run in found}
    titles = [run.title for run in found]

    def name(run_id: str) -> str:
        run = by_id[run_id]
        text = run.title if titles.count(run.title) == 1 else f"{run.title} ({run.id})"
        return f"{text}, {note(run)}" if note else text

    if st.session_state.get(key) not in by_id:
        wanted = st.query_params.get(key)
        st.session_state[key] = wanted if wanted in by_id else found[0].id
    chosen = st.selectbox(label, list(by_id), format_func=name, key=key, persist_state="session")
    if st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    return by_id[chosen]
