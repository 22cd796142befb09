"""The menu "Talk" of every page: copy the view as a step, present a talk, or download it as one HTML file."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.components.copy_step import copy_step
from dashboard.drawing.markdown import escape, sentence
from dashboard.talk.files import Talk, list_talks, misnamed, read_talk
from vitcore.errors import UserError
from vitcore.paths import talks_dir


def control() -> None:
    """Draw the menu in the navigation bar."""
    with st.container(key="talk_menu"), st.popover("Talk", icon=":material/slideshow:", type="tertiary"):
        st.markdown("**This view as a step of a talk**")
        copy_step()
        st.caption(
            "A talk is a YAML file with `title:` and `steps:`. Save it to the folder "
            f"{escape(str(talks_dir()))}. `assets/talks/why.yaml` is an example. Keys: arrows, space, Page "
            "Up and Page Down change the step, `n` shows the notes, `f` toggles full screen, Escape leaves "
            "the talk. A step shows one figure. To show the curves of Shift, Shuffle or Occlusion, add "
            "`&view=curve` to the link. To show the position embeddings of Patches, add `&view=similarity`."
        )
        for name, path in list_talks().items():
            st.divider()
            _entry(name, path)
        for problem in misnamed().values():
            st.error(sentence(problem))


def _entry(name: str, path: Path) -> None:
    """Draw the title and the buttons of a talk, or why it can't be read."""
    try:
        talk = _read(str(path), path.stat().st_mtime)
    except (UserError, OSError) as error:
        st.error(sentence(error))
        return
    st.markdown(f"**{escape(talk.title)}**, {len(talk.steps)} steps")
    with st.container(horizontal=True):
        st.link_button("Present", f"./?talk={name}", icon=":material/play_arrow:")
        st.download_button(
            "Download as HTML", lambda: _html(talk), f"{name}.html", "text/html", key=f"talk_file_{name}",
            on_click="ignore", icon=":material/download:",
            help="One interactive file that opens in any browser without a server or network. If a step "
            "can't be shown, the file says why in its place.",
        )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _read(path: str, modified: float) -> Talk:
    return read_talk(Path(path))


def _html(talk: Talk) -> bytes:
    from dashboard.talk import html_export

    text, _ = html_export.as_html(talk)  # the file itself shows the errors of its steps
    return text.encode()
