"""The entry point of Streamlit: page setup and navigation. `python -m dashboard` runs it."""

from pathlib import Path

import streamlit as st

from dashboard import tour
from dashboard.components import window
from dashboard.drawing.markdown import sentence
from dashboard.page_table import HOME, PAGES
from dashboard.shared import bound, own_image
from dashboard.states import arrival
from dashboard.states.talk import EDITOR, TalkState
from dashboard.streamlit_internals import addresses
from dashboard.talk import menu
from vitcore.errors import UserError

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parent / "pages" if (HERE.parent / "pages").is_dir() else HERE / "pages"

st.set_page_config(page_title="ViT Lab", page_icon=str(HERE / "static" / "icon.svg"), layout="wide")
addresses.read_strictly()


def editor() -> None:
    """Show the editor of talks, which is reached from the menu."""
    from dashboard.talk import editor  # imported here: it loads the figures of all pages

    editor.show()


def guide() -> None:
    """Show the guides of all pages as one text, which is reached from "How it works"."""
    from dashboard import guide_page

    guide_page.show()


if bound.read(TalkState)[0].talk:
    from dashboard.talk import page as talk  # imported here: it loads the figures of all pages

    chosen = st.navigation([st.Page(talk.show, title="Talk", default=True)], position="hidden")
    window.observe()
    chosen.run()
else:
    st.logo(str(HERE / "static" / "icon.svg"), size="small")  # style/header.css adds the name
    chosen = st.navigation(
        [
            st.Page(SCRIPTS / f"{page.name}.py", title=page.label, default=page.name == HOME)
            for page in PAGES.values()
        ]
        + [
            st.Page(editor, title="Talks", url_path=EDITOR, visibility="hidden"),
            st.Page(guide, title="Guide", url_path="guide", visibility="hidden"),
        ],
        position="top",
    )
    window.observe()  # not before: a browser that answers at once would ask for the first page of all
    if (chosen.url_path or HOME) in PAGES:
        arrival.check(chosen.url_path or HOME)
    tour.strip(chosen.url_path or HOME)
    menu.control(chosen.url_path or HOME)
    own_image.start_page()
    try:
        chosen.run()
    except UserError as error:  # that the page could do nothing without, such as the runs folder
        st.error(sentence(error))
