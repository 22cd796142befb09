"""The menu "Talk" of every page: add the view to a talk, present, edit or download a talk."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import tour
from dashboard.components.copy_step import copy_step
from dashboard.drawing.markdown import escape, sentence
from dashboard.page_table import PAGES
from dashboard.shared import popovers
from dashboard.states.talk import EditorState, TalkState
from dashboard.talk import add_form, cached
from dashboard.talk.files import Talk, folders, list_talks, misnamed
from vitcore.errors import UserError


@st.fragment
def control(page: str) -> None:
    """Draw the menu in the navigation bar. `page` is the name of the current page."""
    with (
        st.container(key="talk_menu"),
        popovers.popover("Talk", "talk", icon=":material/slideshow:", type="tertiary"),
    ):
        if page not in PAGES:
            _list()
            return
        present, add = st.tabs(["Present", "Add this view"])
        with present:
            _list()
        with add:
            add_form.draw(page)
            copy_step()


def _list() -> None:
    """Draw the talks, the user's first."""
    own, bundled = folders()
    for heading, folder in (("My talks", own), ("Bundled talks", bundled)):
        talks = {name: path for name, path in list_talks().items() if path.parent == folder}
        if talks:
            st.caption(heading)
        for name, path in talks.items():
            _entry(name, path)
    for problem in misnamed().values():
        st.error(sentence(problem))
    st.caption("New to ViT Lab?")
    tour.link()


def _entry(name: str, path: Path) -> None:
    """Draw the title and the buttons of a talk, or why it can't be read."""
    try:
        talk = cached.read(path)
    except UserError as error:
        st.error(sentence(error))
        return
    with st.container(gap=None, key=f"talk_entry_{name}"):
        count = "1 step" if len(talk.steps) == 1 else f"{len(talk.steps)} steps"
        st.markdown(f"**{escape(talk.title)}**, {count}")
        with st.container(horizontal=True, gap="small"):
            links(name)
            own = path.parent == folders()[0]
            label, icon = ("Edit", "edit") if own else ("Copy to edit", "content_copy")
            address = EditorState.of(edit=name).address  # a bundled talk can only be copied there
            st.link_button(label, address, icon=f":material/{icon}:", type="tertiary")
            download(name, talk, key=f"talk_file_{name}")


def links(name: str) -> None:
    """Draw the links that open a talk and its speaker window in new tabs."""
    talk = TalkState.of(talk=name)
    st.link_button("Present", talk.address, icon=":material/play_arrow:", type="tertiary")
    speaker = talk.model_copy(update={"speaker": True})
    st.link_button(
        "Speaker window",
        speaker.address,
        icon=":material/co_present:",
        type="tertiary",
        help="Notes, next step and time, in step with the tab that presents.",
    )


def download(name: str, talk: Talk, *, key: str) -> None:
    """Draw the button that downloads a talk as one HTML file."""
    st.download_button(
        "HTML",
        lambda: _html(talk),
        f"{name}.html",
        "text/html",
        key=key,
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        help="One interactive file that opens in any browser without a server or network. If a step "
        "can't be shown, the file says why in its place.",
    )


def _html(talk: Talk) -> bytes:
    from dashboard.talk import html_export

    text, _ = html_export.as_html(talk)  # the file itself shows the errors of its steps
    return text.encode()
