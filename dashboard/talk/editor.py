"""The editor at `/talks?edit=NAME&step=3`: a list of steps, a form for the chosen step, its view."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.drawing.markdown import escape, sentence
from dashboard.page_table import PAGES
from dashboard.shared import bound, header, messages, popovers
from dashboard.states.talk import EditorState, TalkState
from dashboard.talk import cached, drafts, menu, scenes, stage, step_form, store
from dashboard.talk.files import Step, Talk, find_talk, labels, list_talks
from dashboard.talk.form_errors import check_form
from dashboard.talk.store import Opened, Place
from vitcore.errors import UserError
from vitcore.paths import check_allowed

ERROR = "talks"
REMOVED = "talk_removed"  # in the session: removals that can be undone, by the name of the talk
MAX_UNDO = 20


def show() -> None:
    """Show the talk that the address names."""
    header.title("talks", question="Prepare a talk")
    found = {name: _readable(path) for name, path in (store.own_talks() | list_talks()).items()}
    titles = {name: talk.title if talk else name for name, talk in found.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", key="talk_head"):
        name = bound.choose(
            st.selectbox,
            EditorState,
            "edit",
            "Talk",
            labels(titles),
            on_change=bound.forget,
            args=(EditorState, "step"),
        )
        with popovers.popover("New talk", "new_talk", icon=":material/add:"):
            st.text_input("Title", max_chars=80, key="new_title")
            st.caption("It begins with a step that shows the Overview page.")
            st.button("Create talk", type="primary", on_click=_create)
        own = name in store.own_talks()
        if own:
            with popovers.popover("Rename", "rename_talk", icon=":material/edit:"):
                st.text_input("Title", titles[name], max_chars=80, key=f"title_of_{name}")
                st.button("Save title", type="primary", on_click=_rename, args=(name,))
        else:
            st.button("Copy to my talks", type="primary", on_click=_copy, args=(name,))
        menu.links(name)
        if readable := found[name]:
            menu.download(name, readable, key="editor_file")
    messages.show_error(ERROR, "")
    try:
        opened = store.open_talk(name) if own else None
        talk = opened.talk if opened else find_talk(name)
    except UserError as error:
        st.error(sentence(error))
        return
    if not opened:
        st.info("This talk is bundled and can't be changed. Copy it to change the copy.")
    _body(name, talk, opened)


def _body(name: str, talk: Talk, opened: Opened | None) -> None:
    """Draw the list of steps, and the chosen step as a form with its view."""
    list_place, step_place = st.columns([1, 2.8], gap="medium")
    with list_place:
        unsaved = drafts.unsaved(name, talk) if opened else []
        options = {str(i): _label(i, step) for i, step in enumerate(talk.steps, start=1)}
        if opened:
            _undo(opened)
        with st.container(key="talk_steps"):
            # not in the labels: the browser finds the chosen option by its label
            marks = ["not saved" if i in unsaved else "" for i in range(len(options))] if unsaved else None
            index = int(bound.choose(st.radio, EditorState, "step", "Steps", options, captions=marks)) - 1
        if unsaved:
            many = "One step has" if len(unsaved) == 1 else f"{len(unsaved)} steps have"
            st.warning(f"{many} changes that are not saved. The talk and its HTML file do not show them.")
    step = talk.steps[index]
    with step_place:
        if opened:
            _buttons(opened, Place(index, step), unsaved=index in unsaved)
        with st.container(key="talk_step"):
            if opened:
                with st.container():
                    step_form.draw(opened, Place(index, step), attempt)
            _preview(name, index, step)


def _buttons(opened: Opened, place: Place, *, unsaved: bool) -> None:
    """Draw what can be done with a step. A step with `unsaved` changes has to be saved first."""
    last = len(opened.talk.steps) - 1
    with st.container(horizontal=True, gap="small", key="step_buttons"):
        for label, by, icon, off in (
            ("Up", -1, "arrow_upward", place.index == 0),
            ("Down", 1, "arrow_downward", place.index == last),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                disabled=off or unsaved,
                on_click=_move,
                args=(opened, place, by),
            )
        for label, icon, act in (
            ("Duplicate", "content_copy", _duplicate),
            ("Remove", "delete", _remove),
        ):
            st.button(label, icon=f":material/{icon}:", disabled=unsaved, on_click=act, args=(opened, place))
        here = TalkState.of(talk=opened.name, step=place.index + 1)
        st.link_button("Present from here", here.address, icon=":material/play_arrow:", disabled=unsaved)
        view = f"./{PAGES[place.step.page].path}?{urlencode(place.step.state)}"
        st.link_button("Open the view", view, icon=":material/open_in_new:")


def _undo(opened: Opened) -> None:
    """Offer to undo the last removal."""
    if removals := st.session_state.get(REMOVED, {}).get(opened.name):
        st.button(
            f"Undo removal of “{escape(removals[-1].title)}”",
            icon=":material/undo:",
            key="undo_removal",
            on_click=_restore,
            args=(opened,),
            width="stretch",
        )


def _preview(name: str, index: int, step: Step) -> None:
    """Draw the view of a step as the talk shows it, at the size of the page."""
    key = f"preview_{name}_{index}_{hashlib.sha256(step.link.encode()).hexdigest()[:12]}"
    with st.container(border=True, key="talk_preview"):
        st.caption("The audience sees")
        picture_place = _question(step) if step.question else None
        st.html(stage.words(step, heading="h2"))
        state = st.session_state.setdefault(key, dict(step.state))
        try:
            with st.spinner("Loading the models", show_time=False):
                scene = scenes.scene(step.page, state)
            if picture_place and (found := scene.picture(step.state)):
                picture_place.markdown(f"![{found[1]}]({found[0]})")
            scene.draw(state, key=key)
        except UserError as error:
            st.error(sentence(error))


def _question(step: Step) -> DeltaGenerator | None:
    """Draw a question with its choices. Return the place for its picture, if the slide has room for one."""
    words, place = st.container(), None
    if stage.has_room_for_picture(step):
        words, place = st.columns([3, 1], vertical_alignment="center")
    choices = "".join(f"\n{i}. {escape(answer)}" for i, answer in enumerate(step.answers, start=1))
    words.markdown(f"**{escape(step.question)}**\n{choices}")
    st.caption("and after the next key")
    return place


def attempt(opened: Opened, act: Callable[[], str]) -> None:
    """Change a talk, and announce the sentence that `act` returns, or keep the error.

    Says so if the file has changed since the visitor saw it.
    """
    with messages.keep_error(ERROR):
        changed = store.open_talk(opened.name).stamp != opened.stamp
        done = act()
        also = " The talk was also changed in another tab or program. Both changes are kept."
        messages.announce(done + also if changed else done)


def _change(opened: Opened, place: Place, act: Callable[[], str]) -> None:
    """Run `attempt`, unless the step has changes that are not saved.

    A button can be pressed while a field has just been changed, before the button is disabled.
    """

    def checked() -> str:
        check_allowed()
        if step_form.keep_draft(opened, place):
            raise UserError("This step has changes that are not saved: save or discard them first.")
        return act()

    attempt(opened, checked)


def _move(opened: Opened, place: Place, by: int) -> None:
    def act() -> str:
        to = store.move(opened.name, place, by)
        _select(to)
        return f"“{place.step.title}” is step {to + 1} now."

    _change(opened, place, act)


def _duplicate(opened: Opened, place: Place) -> None:
    def act() -> str:
        to = store.duplicate(opened.name, place)
        _select(to)
        return f"Step {to + 1} is a copy of “{place.step.title}”."

    _change(opened, place, act)


def _remove(opened: Opened, place: Place) -> None:
    def act() -> str:
        removed = store.remove(opened.name, place)
        removals = st.session_state.setdefault(REMOVED, {}).setdefault(opened.name, [])
        removals.append(removed)
        del removals[:-MAX_UNDO]
        _select(min(removed.index, len(store.open_talk(opened.name).talk.steps) - 1))
        return f"Removed “{removed.title}”."

    _change(opened, place, act)


def _restore(opened: Opened) -> None:
    def act() -> str:
        removals = st.session_state[REMOVED][opened.name]
        index = store.restore(opened.name, removals[-1])
        _select(index)
        return f"“{removals.pop().title}” is step {index + 1} again."

    attempt(opened, act)


def _select(index: int) -> None:
    bound.put(EditorState, step=str(index + 1))


def _create() -> None:
    with messages.keep_error(ERROR):
        title = (st.session_state.new_title or "").strip()
        step = check_form({"title": title, "say": "One sentence for the audience.", "link": "overview"})
        _open(store.create(title, step))
        st.session_state.new_title = ""
        popovers.close("new_talk", f"Created “{title}”.")


def _copy(name: str) -> None:
    with messages.keep_error(ERROR):
        copy = store.copy(name)
        _open(copy)
        messages.announce(f"Copied to {store.own_talks()[copy]}.")


def _rename(name: str) -> None:
    with messages.keep_error(ERROR):
        title = st.session_state[f"title_of_{name}"] or ""
        store.rename(name, title)
        popovers.close("rename_talk", f"The title is “{title}” now.")


def _open(name: str) -> None:
    bound.put(EditorState, edit=name, step="1")


def _label(number: int, step: Step) -> str:
    return f"{number}. {escape(step.title)}{' (question)' if step.question else ''}"


def _readable(path: Path) -> Talk | None:
    try:
        return cached.read(path)
    except UserError:
        return None  # the page shows why
