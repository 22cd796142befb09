"""A scene on the stage: the same components and figures as on the pages, large and without their controls."""

from __future__ import annotations

import html
import re
from collections.abc import MutableMapping
from typing import Any

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

HEIGHT = 525  # pixels for figures where the window has 720; larger windows in proportion
TYPE = 1.45  # figures of a page are read from half a metre, those of a talk from the back row
FULL = (56, 160)  # characters of a title in one line, and of a sentence in two, in type of full size


def words(step: Step) -> str:
    """What the audience reads, as HTML; a line does not end between a number and its unit or error."""
    say = re.sub(r" (?=[%±])|(?<=±) ", "\u00a0", step.say)
    parts = zip((step.title, say), FULL, strict=True)
    head, text = (' class="talk-long"' if len(part) > most else "" for part, most in parts)
    return f"<h1{head}>{html.escape(step.title)}</h1><p{text}>{html.escape(say)}</p>"


def draw(shown: scene_types.Scene, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
    """Draw it. `state` is the step's, which the explorer changes; `scale`: of the window to 720 pixels."""
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
        for i, (figure, alt) in enumerate(shown.parts):
            large = enlarged(figure, round(HEIGHT * scale / len(shown.parts)), TYPE * scale)
            st.plotly_chart(large, config=figures.PLAIN, key=f"{key}_{i}", alt=alt)


def enlarged(figure: go.Figure, height: int, factor: float) -> go.Figure:
    """The figure at that height, its type, lines, dots and margins `factor` times as large."""
    made = go.Figure(_grown(figure.to_plotly_json(), factor))
    size = (figure.layout.font.size or 12) * factor
    made.update_layout(height=height, font_size=size, legend_font_size=size, hoverlabel_font_size=size)
    for update in (made.update_xaxes, made.update_yaxes):
        for axis in ("tickfont", "title_font"):  # Streamlit's theme has sizes of its own for these
            update({f"{axis}_size": size})
    return made


GROWING = {"size", "width", "l", "r", "t", "b", "standoff", "ticklen"}
HOLDERS = {
    "font", "tickfont", "textfont", "title", "line", "marker", "margin", "error_y", "hoverlabel", "titlefont",
}  # fmt: skip


def _grown(value: Any, factor: float, holder: str = "") -> Any:
    """Plotly's JSON with every size in a font, line, marker or margin multiplied."""
    if isinstance(value, dict):
        return {k: v * factor if _grows(k, v, holder) else _grown(v, factor, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        return [_grown(part, factor, holder) for part in value]
    return value


def _grows(name: str, value: Any, holder: str) -> bool:
    return holder in HOLDERS and name in GROWING and isinstance(value, (int, float))
