"""A scene on the stage: the components and figures of the pages, large and without their controls.

Components measure in rem, which talk.css enlarges. Figures are drawn as on their pages, and talk.css enlarges
them as a whole; files without a server use the same rule.
"""

from __future__ import annotations

import html
import re
from collections.abc import MutableMapping

import plotly.graph_objects as go
import streamlit as st

from dashboard.attention import explorer
from dashboard.components.replay import replay
from dashboard.components.similarity import similarity
from dashboard.components.stepper import stepper
from dashboard.drawing import figures
from dashboard.inductive_bias import live_image
from dashboard.shared import scenes as scene_types
from dashboard.talk.files import Step

HEIGHT = 362  # pixels of all figures together; talk.css enlarges them to 73 % of the window's height
FULL = (56, 160)  # characters of a title in one line, and of a sentence in two lines, at full size


def words(step: Step) -> str:
    """Title and sentence of a step as HTML, without line breaks between a number and its unit or error."""
    say = re.sub(r" (?=[%±])|(?<=±) ", "\u00a0", step.say)
    parts = zip((step.title, say), FULL, strict=True)
    head, text = (' class="talk-long"' if len(part) > most else "" for part, most in parts)
    return f"<h1{head}>{html.escape(step.title)}</h1><p{text}>{html.escape(say)}</p>"


def draw(shown: scene_types.Scene, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
    """Draw a scene. The explorer changes the step's `state`. `scale`: the window's height over 720."""
    if isinstance(shown, scene_types.Explorer):
        explorer.show(shown.run, shown.chosen, shown.data, key=key, at=state)
    elif isinstance(shown, scene_types.Stepper):
        stepper(**shown.arguments, key=key)
    elif isinstance(shown, scene_types.Similarity):
        similarity(shown.values, key=key)
    elif isinstance(shown, scene_types.Replay):
        found = live_image.painted(key, shown.kind, shown.runs, shown.image)
        replay(shown.frames, shown.look, key=key, painted=found)
    elif isinstance(shown, scene_types.Pictures):
        st.html(scene_types.as_html(shown))
    else:
        height = HEIGHT // len(shown.parts)
        st.html(f"<style>:root {{ --talk-scale: {scale}; --talk-figure: {height}px }}</style>")
        with st.container(key="talk_figures"):
            for i, (figure, alt) in enumerate(shown.parts):
                st.plotly_chart(uniform(figure, height), config=figures.PLAIN, key=f"{key}_{i}", alt=alt)


def uniform(figure: go.Figure, height: int | None) -> go.Figure:
    """A copy at that height with one size of type. Streamlit's theme makes axes, legend and hover labels
    smaller where no size is set.
    """
    made = go.Figure(figure)
    size = figure.layout.font.size or 12
    made.update_layout(height=height, font_size=size, legend_font_size=size, hoverlabel_font_size=size)
    made.update_xaxes(tickfont_size=size, title_font_size=size)
    made.update_yaxes(tickfont_size=size, title_font_size=size)
    return made
