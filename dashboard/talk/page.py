"""The presentation of a talk at `?talk=NAME&step=3`: one step fills the window, and keys change the step."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.talk import controls
from dashboard.drawing.markdown import sentence
from dashboard.shared import bound
from dashboard.states.talk import TalkState
from dashboard.talk import scenes, speaker, stage
from dashboard.talk.files import Step, Talk, find_talk
from vitcore.errors import UserError

CONTROLS = "talk_controls"
VIEW = ":is(.st-key-talk_words, .st-key-talk_stage)"


def show() -> None:
    """Show the step that the address names, or an error if the talk can't be opened."""
    name = bound.read(TalkState)[0].talk or ""
    try:
        talk = find_talk(name, broken_links=True)
    except UserError as error:
        with st.container(gap="medium"):
            st.title("This talk can't be opened")
            st.error(sentence(error))
            st.link_button("Open ViT Lab", "/")
        return
    if bound.read(TalkState)[0].speaker:
        speaker.show(name, talk)
        return
    count = len(talk.steps)
    index = _step_index(count)
    step = talk.steps[index]
    with st.container(key="talk_keys"):  # takes no space on the page, even while it loads
        controls(
            {
                "talk": name,
                "at": index,
                "count": count,
                **stage.named(talk),
                **stage.controlled(step),
            },
            key=CONTROLS,
            on_change=_on_change,
        )
    st.html(stage.cover(index + 1, step, VIEW) or "<style>:root {}</style>")  # keeps its place
    with st.container(key="talk_words"):
        st.html(stage.words(step))
    question = st.container(key="talk_asked")
    with st.container(key="talk_stage"):
        _draw(name, index, step, question)
    with st.container(key="talk_warm"):  # invisible: makes the browser load plotly.js during the first step
        st.plotly_chart(go.Figure(), key="talk_warm_figure")
    _prepare(talk, index)


def _step_index(count: int) -> int:
    """Return the index of the step that the address names, or of the last one if there is no such step."""
    return min(bound.read(TalkState)[0].step, count) - 1


def _on_change() -> None:
    """Store what the browser sent: the number of a step, or the scale of its window."""
    event = st.session_state.get(CONTROLS) or {}
    if event.get("go"):
        bound.write(TalkState, step=event["go"], answer=None)
    if event.get("scale"):
        st.session_state.talk_scale = float(event["scale"])


def _draw(name: str, index: int, step: Step, question: DeltaGenerator) -> None:
    """Draw the view of a step, and its image in the place for its question.

    What the speaker changes in the view is kept until another step is shown.
    """
    key = f"talk_{name}_{index}"
    try:
        linked = dict(step.state)
    except UserError as error:
        st.error(sentence(error))
        return
    if st.session_state.get("talk_key") != key:
        st.session_state.talk_key = key
        st.session_state.talk_state = linked
        for sent in ("sent", "row"):  # a new explorer or stepper has received no weights yet
            st.session_state.pop(f"{key}_{sent}", None)
    state = st.session_state.talk_state
    cold = "torch" not in sys.modules  # the first step may have to import it, which takes seconds
    try:
        with _loading() if cold else nullcontext():
            scene = scenes.scene(step.page, state)
        question.html(stage.asked(index + 1, step, scene, linked) or "<style>:root {}</style>")
        scene.draw(state, key=key, scale=st.session_state.get("talk_scale", 1.0))
    except UserError as error:
        st.error(sentence(error))  # `sentence` escapes names from files and addresses


@contextmanager
def _loading() -> Iterator[None]:
    """Show that the models are loading.

    A spinner would not appear: the browser would have to fetch its script, and the server sends nothing while
    it imports torch.
    """
    place = st.empty()
    place.html('<p class="talk-loading">Loading the models</p>')
    try:
        yield
    finally:
        place.empty()


_prepared: set[int] = set()  # hashes of talks, whose texts may be long
_prepared_lock = threading.Lock()


def _prepare(talk: Talk, index: int) -> None:
    """Compute every step once in a thread, beginning with the next one, so that changing the step is fast."""
    key = hash(talk)
    with _prepared_lock:
        if key in _prepared:
            return
        _prepared.add(key)
    steps = [*talk.steps[index + 1 :], *talk.steps[:index]]
    threading.Thread(target=_compute, args=(steps,), daemon=True).start()


def _compute(steps: list[Step]) -> None:
    for step in steps:
        try:
            scenes.scene(step.page, step.state)
        except UserError:
            continue  # the step itself will show it
