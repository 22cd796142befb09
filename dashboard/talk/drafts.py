"""Text in the editor that is not saved yet, kept in the session for each step of a talk."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import streamlit as st

from dashboard.talk.files import Step, Talk

DRAFTS = "talk_drafts"  # in the session: {name of the talk: {id of the step: draft}}
Draft = Mapping[str, str]  # the text of each field of `Step`, as it is in the form

LABELS = {
    "title": "Title",
    "say": "Sentence for the audience",
    "note": "Notes for the speaker",
    "question": "Question",
    "answers": "Choices, one a line",
    "answer": "Answer",
    "link": "Link",
    "source": "Source",
}


def ids(talk: Talk) -> list[str]:
    """Return an id for each step of a talk.

    It depends on the content of the step and not on its index, so that a draft stays with a step that is
    moved. Equal steps are counted.
    """
    found: list[str] = []
    seen: Counter[str] = Counter()
    for step in talk.steps:
        content = hashlib.sha256(repr(step).encode()).hexdigest()[:12]
        found.append(f"{content}_{seen[content]}")
        seen[content] += 1
    return found


def text_of(step: Step) -> dict[str, str]:
    """Return the text of each field in the form of a saved step."""
    return {name: "\n".join(step.answers) if name == "answers" else getattr(step, name) for name in LABELS}


def get(name: str, step_id: str) -> Draft | None:
    """Return the draft of a step, or None if its text is saved."""
    return _of(name).get(step_id)


def keep(name: str, step_id: str, draft: Draft) -> None:
    """Keep the text of a step until it is saved or discarded."""
    _of(name)[step_id] = dict(draft)


def discard(name: str, step_id: str) -> None:
    """Forget the draft of a step, if there is one."""
    _of(name).pop(step_id, None)


def unsaved(name: str, talk: Talk) -> list[int]:
    """Return the indexes of the steps that have a draft."""
    return [i for i, step_id in enumerate(ids(talk)) if step_id in _of(name)]


def orphans(name: str, talk: Talk) -> dict[str, Draft]:
    """Return the drafts whose steps were changed or removed in another tab or program, by id."""
    known = set(ids(talk))
    return {step_id: draft for step_id, draft in _of(name).items() if step_id not in known}


def _of(name: str) -> dict[str, Draft]:
    return st.session_state.setdefault(DRAFTS, {}).setdefault(name, {})
