"""The popover "Talk" of every page: copy this view as a step, present a talk, download it as one file."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.components.copy_step import talkstep
from dashboard.drawing.markdown import plain, sentence
from dashboard.talk.files import Talk, list_talks, misnamed, read_talk
from vitcore.errors import UserError


def control() -> None:
    """The popover, in the bar of the pages."""
    with st.container(key="talk_menu"), st.popover("Talk", icon=":material/slideshow:", type="tertiary"):
        st.markdown("**This view as a step of a talk**")
        talkstep()
        st.caption(
            "A talk is a YAML file with `title:` and `steps:` in the folder `talks`, in the folder where ViT "
            "Lab was started; `assets/talks/why.yaml` is an example. Keys: arrows, space, Page Up and Page "
            "Down change the step, `n` shows notes, `f` is full screen. A step shows one figure: add "
            "`&view=curve` to a link of Shift, Shuffle or Occlusion for the curves, `&view=similarity` to a "
            "link of Patches for the position embeddings."
        )
        for name, path in list_talks().items():
            st.divider()
            _talk(name, path)
        for problem in misnamed().values():
            st.error(sentence(problem))


def _talk(name: str, path: Path) -> None:
    try:
        talk = _read(str(path), path.stat().st_mtime)
    except (UserError, OSError) as error:
        st.error(sentence(error))
        return
    st.markdown(f"**{plain(talk.title)}**, {len(talk.steps)} steps")
    with st.container(horizontal=True):
        st.link_button("Present", f"./?talk={name}", icon=":material/play_arrow:")
        st.download_button(
            "As one HTML file", lambda: _file(talk), f"{name}.html", "text/html", key=f"talk_file_{name}",
            on_click="ignore", icon=":material/download:",
            help="Opens in any browser without a server or network, and stays interactive. If a step can't "
            "be shown, the file says why in its place.",
        )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _read(path: str, stamp: float) -> Talk:
    return read_talk(Path(path))


def _file(talk: Talk) -> bytes:
    from dashboard.talk.alone import talk_file

    return talk_file(talk)[0].encode()  # a step that fails shows its error in the file
