"""The form of a step in the editor of talks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.shared import bound, messages
from dashboard.states.talk import EditorState
from dashboard.talk import edits, store
from dashboard.talk.files import Step, check_step
from dashboard.talk.store import Opened, Place

ERROR = "talk_step"
UNSAVED = "talk_unsaved"  # in the session: the name of a talk and a step that could not be saved
Attempt = Callable[[Opened, Callable[[], str]], None]


def draw(opened: Opened, place: Place, attempt: Attempt) -> None:
    """Draw the form. `attempt` runs a change of the talk and announces its result."""
    _offer_unsaved(opened, place, attempt)
    key, step = _key(opened, place), place.step
    with st.form(key, border=False):
        st.text_input("Title", step.title, max_chars=80, key=f"{key}_title")
        st.text_input("Sentence for the audience", step.say, max_chars=220, key=f"{key}_say")
        st.text_area("Notes for the speaker", step.note, max_chars=4000, key=f"{key}_note", height=100)
        with st.expander("Question, link and source", expanded=bool(step.question)):
            st.text_input(
                "Question",
                step.question,
                max_chars=220,
                key=f"{key}_question",
                help="The audience sees the question first. A key or a click shows the answer and the view.",
            )
            left, right = st.columns(2)
            left.text_area(
                "Choices, one a line",
                "\n".join(step.answers),
                key=f"{key}_answers",
                height=100,
                help="Leave this empty for a question without choices.",
            )
            right.text_input(
                "Answer",
                step.answer,
                max_chars=80,
                key=f"{key}_answer",
                help="With choices, it must be one of them.",
            )
            st.text_input("Link", step.link, max_chars=2000, key=f"{key}_link", help="The address of a view.")
            st.text_input("Source", step.source, max_chars=240, key=f"{key}_source")
        st.form_submit_button("Save step", type="primary", on_click=_save, args=(opened, place, attempt))
    messages.show_error(ERROR, key)


def _key(opened: Opened, place: Place) -> str:
    """Return a key for the widgets of a step, so that a changed step gets new widgets."""
    content = hashlib.sha256(repr(place.step).encode()).hexdigest()[:12]
    return f"step_{opened.name}_{place.index}_{content}"


def _typed(key: str) -> dict[str, Any]:
    """Return the values in the form, with the line ends of YAML."""
    values: dict[str, Any] = {name: st.session_state.get(f"{key}_{name}") or "" for name in Step.model_fields}
    values["answers"] = tuple(line.strip() for line in values["answers"].splitlines() if line.strip())
    values["note"] = "\n".join(line.rstrip() for line in values["note"].splitlines())
    return values


def _save(opened: Opened, place: Place, attempt: Attempt) -> None:
    key = _key(opened, place)
    with messages.keep_error(ERROR, key):
        step = check_step(_typed(key))

        def act() -> str:
            try:
                index = store.replace(opened.name, place, step)
            except store.StepGone:
                st.session_state[UNSAVED] = (opened.name, step)
                raise
            bound.put(EditorState, step=str(index + 1))
            return f"Saved step {index + 1}."

        attempt(opened, act)


def _offer_unsaved(opened: Opened, place: Place, attempt: Attempt) -> None:
    """Show a step that could not be saved because of another change until it is added or discarded."""
    name, step = st.session_state.get(UNSAVED, ("", None))
    if name != opened.name or step is None:
        return
    with st.container(border=True, key="unsaved_step"):
        st.markdown("**Your version of the step, which is not saved**")
        st.code(edits.new_step(step, 0), language="yaml")
        with st.container(horizontal=True):
            st.button("Add it as a new step", on_click=_add_unsaved, args=(opened, place, step, attempt))
            st.button("Discard it", on_click=_discard)


def _add_unsaved(opened: Opened, place: Place, step: Step, attempt: Attempt) -> None:
    def act() -> str:
        index = store.add(opened.name, step, place.index + 1)
        bound.put(EditorState, step=str(index + 1))
        _discard()
        return f"Added as step {index + 1}."

    attempt(opened, act)


def _discard() -> None:
    st.session_state.pop(UNSAVED, None)
