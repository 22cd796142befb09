"""The form of a step in the editor of talks.

Each field is sent when it loses the focus, and what differs from the file is kept as a draft, so that no text
is lost when another step is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard.shared import bound, messages
from dashboard.states.talk import EditorState
from dashboard.talk import drafts, store
from dashboard.talk.form_errors import FieldError, check_form
from dashboard.talk.store import Opened, Place

ERROR = "talk_step"
ROUND = "talk_form_round"  # in the session: changes when a draft is discarded, which makes new widgets
HIDDEN = ("question", "answers", "answer", "link", "source")  # in the expander
Attempt = Callable[[Opened, Callable[[], str]], None]


def draw(opened: Opened, place: Place, attempt: Attempt) -> None:
    """Draw the form. `attempt` runs a change of the talk and announces its result."""
    _offer_orphans(opened, place, attempt)
    key, step = _key(opened, place), place.step
    draft = drafts.get(opened.name, _id(opened, place))
    text = draft or drafts.text_of(step)
    wrong = messages.settings_of(ERROR) in [f"{key}_{name}" for name in HIDDEN]

    def field(widget: Callable[..., Any], name: str, **widget_options: Any) -> None:
        args = (opened, place)
        widget(
            drafts.LABELS[name],
            text[name],
            key=f"{key}_{name}",
            on_change=keep_draft,
            args=args,
            **widget_options,
        )
        messages.show_error(ERROR, f"{key}_{name}")

    field(st.text_input, "title", max_chars=80)
    field(st.text_input, "say", max_chars=220)
    field(st.text_area, "note", max_chars=4000, height=100)
    with st.expander("Question, link and source", expanded=bool(step.question) or wrong):
        about = "The audience sees the question first. A key or a click shows the answer and the view."
        field(st.text_input, "question", max_chars=220, help=about)
        left, right = st.columns(2)
        with left:
            about = "Leave this empty for a question without choices."
            field(st.text_area, "answers", height=100, help=about)
        with right:
            field(st.text_input, "answer", max_chars=80, help="With choices, it must be one of them.")
        field(st.text_input, "link", max_chars=2000, help="The address of a view.")
        field(st.text_input, "source", max_chars=240)
    with st.container(horizontal=True, vertical_alignment="center", key="save_step"):
        st.button("Save step", type="primary", on_click=_save, args=(opened, place, attempt))
        if draft:
            st.button("Discard changes", on_click=_revert, args=(opened, place, attempt))
            st.caption("Not saved")


def keep_draft(opened: Opened, place: Place) -> bool:
    """Keep what is typed in the form of a step as its draft. Return whether it differs from the file."""
    key = _key(opened, place)
    saved = drafts.text_of(place.step)
    typed = {name: st.session_state.get(f"{key}_{name}", text) or "" for name, text in saved.items()}
    if _values(typed) == _values(saved):
        drafts.discard(opened.name, _id(opened, place))
        return False
    drafts.keep(opened.name, _id(opened, place), typed)
    return True


def _id(opened: Opened, place: Place) -> str:
    return drafts.ids(opened.talk)[place.index]


def _key(opened: Opened, place: Place) -> str:
    """Return a key for the widgets of a step, so that a changed step gets new widgets."""
    return f"step_{opened.name}_{_id(opened, place)}_{st.session_state.get(ROUND, 0)}"


def _values(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a step for the text of a form, with the line ends of YAML."""
    answers = tuple(line.strip() for line in typed["answers"].splitlines() if line.strip())
    note = "\n".join(line.rstrip() for line in typed["note"].splitlines())
    return {name: text.strip() for name, text in typed.items()} | {"answers": answers, "note": note.strip()}


def _save(opened: Opened, place: Place, attempt: Attempt) -> None:
    key = _key(opened, place)
    keep_draft(opened, place)
    typed = drafts.get(opened.name, _id(opened, place)) or drafts.text_of(place.step)
    try:
        step = check_form(_values(typed))
    except FieldError as error:
        messages.keep(ERROR, str(error), f"{key}_{error.field}")
        return
    messages.take(ERROR)

    def act() -> str:
        index = store.replace(opened.name, place, step)
        drafts.discard(opened.name, _id(opened, place))
        bound.put(EditorState, step=str(index + 1))
        return f"Saved step {index + 1}."

    attempt(opened, act)


def _revert(opened: Opened, place: Place, attempt: Attempt) -> None:
    def act() -> str:
        _discard(opened.name, _id(opened, place))
        return f"Discarded the changes of step {place.index + 1}."

    attempt(opened, act)


def _discard(name: str, step_id: str) -> None:
    drafts.discard(name, step_id)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _offer_orphans(opened: Opened, place: Place, attempt: Attempt) -> None:
    """Show the drafts whose steps are gone until they are added or discarded."""
    for step_id, draft in drafts.orphans(opened.name, opened.talk).items():
        with st.container(border=True, key=f"unsaved_{step_id}"):
            st.markdown("**Your version of a step, which is not saved**")
            lines = [f"{drafts.LABELS[name]}: {text}" for name, text in draft.items() if text]
            st.code("\n".join(lines), language=None, wrap_lines=True)
            with st.container(horizontal=True):
                added = (opened, place, step_id, draft, attempt)
                st.button("Add it as a new step", key=f"add_{step_id}", on_click=_add_orphan, args=added)
                discarded = (opened.name, step_id)
                st.button("Discard it", key=f"discard_{step_id}", on_click=_discard, args=discarded)


def _add_orphan(opened: Opened, place: Place, step_id: str, draft: drafts.Draft, attempt: Attempt) -> None:
    def act() -> str:
        index = store.add(opened.name, check_form(_values(draft)), place.index + 1)
        bound.put(EditorState, step=str(index + 1))
        drafts.discard(opened.name, step_id)
        return f"Added as step {index + 1}."

    attempt(opened, act)
