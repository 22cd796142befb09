"""A talk in full window: one step at a time, controlled by keys, at `?talk=NAME&step=3`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.talk import controls
from dashboard.drawing.markdown import sentence
from dashboard.shared import bound
from dashboard.talk import scenes, stage
from dashboard.talk.files import Step, Talk, find_talk
from dashboard.talk.state import TalkState
from vitcore.errors import UserError

CONTROLS = "talk_controls"


def show() -> None:
    """Show the talk and the step in the address, or say why the talk can't be opened."""
    name = bound.read(TalkState)[0].talk or ""
    try:
        talk = find_talk(name)
    except UserError as error:
        with st.container(gap="medium"):
            st.title("This talk can't be opened")
            st.error(sentence(error))
            st.link_button("To ViT Lab", "/")
        return
    count = len(talk.steps)
    at = _step(count)
    step = talk.steps[at]
    with st.container(key="talk_keys"):  # takes no room in the page, even while it loads
        controls(
            {
                "talk": name,
                "at": at,
                "count": count,
                "titles": [one.title for one in talk.steps],
                "note": step.note,
                "source": step.source,
            },
            key=CONTROLS,
            on_change=_moved,
        )
    with st.container(key="talk_words"):
        st.html(stage.words(step))
    with st.container(key="talk_stage"):
        _draw(name, at, step)
    with st.container(key="talk_warm"):  # invisible: plotly.js loads during the first step
        st.plotly_chart(go.Figure(), key="talk_warm_figure")
    _prepare(talk, at)


def _step(count: int) -> int:
    """The index of the step in the address, which counts from 1; the nearest one if there is no such step."""
    return min(bound.read(TalkState)[0].step, count) - 1


def _moved() -> None:
    sent = st.session_state.get(CONTROLS) or {}
    if sent.get("go"):
        bound.write(TalkState, step=sent["go"])
    if sent.get("scale"):
        st.session_state.talk_scale = float(sent["scale"])


def _draw(name: str, at: int, step: Step) -> None:
    """Draw the view of a step. Changes in it last until another step is shown."""
    key = f"talk_{name}_{at}"
    if st.session_state.get("talk_key") != key:
        st.session_state.talk_key = key
        st.session_state.talk_state = dict(step.state)
        st.session_state.pop(f"{key}_sent", None)  # a new element has received nothing yet
    state = st.session_state.talk_state
    cold = "torch" not in sys.modules  # the first step after the server's start may wait for it
    try:
        with _loading() if cold else nullcontext():
            shown = scenes.scene(step.page, state)
        stage.draw(shown, state, key=key, scale=st.session_state.get("talk_scale", 1.0))
    except UserError as error:
        st.error(sentence(error))  # escaped: it may quote a file or an address


@contextmanager
def _loading() -> Iterator[None]:
    """Show that models are loading. Not a spinner: its script would have to be fetched, and importing torch
    blocks all that the server sends.
    """
    place = st.empty()
    place.html('<p class="talk-loading">Loading the models</p>')
    try:
        yield
    finally:
        place.empty()


_prepared: set[str] = set()
_turn = threading.Lock()


def _prepare(talk: Talk, at: int) -> None:
    """Compute every step once in a thread, the next ones first: changing the step then only draws."""
    key = repr(talk)
    with _turn:
        if key in _prepared:
            return
        _prepared.add(key)
    order = [*range(at + 1, len(talk.steps)), *range(at)]
    threading.Thread(target=_work, args=([talk.steps[i] for i in order],), daemon=True).start()


def _work(steps: list[Step]) -> None:
    for step in steps:
        try:
            scenes.scene(step.page, step.state)
        except UserError:
            continue  # shown when the step is
