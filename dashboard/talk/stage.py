"""Draw a scene large: the components and figures of the pages without their controls.

Components are sized in rem, which talk.css enlarges. Figures are drawn as on their pages, and talk.css scales
them as a whole. Standalone files follow the same rule.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import streamlit as st

from dashboard.attention import block, convolution, explorer, features, side_by_side
from dashboard.components.similarity import similarity
from dashboard.components.stepper import stepper
from dashboard.components.window import is_narrow
from dashboard.drawing import figures, pictures
from dashboard.drawing.narrow import one_panel_a_row
from dashboard.inductive_bias import live_image
from dashboard.shared import scenes
from dashboard.states.attention import AttentionState
from dashboard.talk.files import Step, Talk

# Pixels of all figures together. talk.css enlarges them to 69 % of the window's height, which leaves room for
# a source in two lines.
HEIGHT = 344
# maximum number of characters at full size: a title in one line, and a sentence in two lines
MAX_TITLE, MAX_SENTENCE = 56, 160
MAX_ASKED = 400  # characters of a question and its choices next to an image
MAX_LONG = 225  # characters of an answer and a sentence in two lines of smaller type


def words(step: Step, heading: str = "h1") -> str:
    """Return the title and the sentence of a step as HTML, after the answer to its question.

    Keeps a number on one line with its unit or its error. Long texts get a class with smaller type.
    """
    say = html.escape(re.sub(r" (?=[%±])|(?<=±) ", "\u00a0", step.say))
    if step.answer:
        end = "" if step.answer[-1] in ".!?" else "."
        say = f"<b>Answer: {html.escape(step.answer)}{end}</b> {say}"
    length = len(step.say) + len(step.answer) + (10 if step.answer else 0)
    size = "talk-longest" if length > MAX_LONG else "talk-long" if length > MAX_SENTENCE else ""
    return _element(heading, html.escape(step.title), "talk-long" if len(step.title) > MAX_TITLE else "") + (
        _element("p", say, size)
    )


def _element(tag: str, content: str, size: str) -> str:
    attribute = f' class="{size}"' if size else ""
    return f"<{tag}{attribute}>{content}</{tag}>"


def cover(number: int, step: Step, selector: str) -> str:
    """Return a style that hides the elements of a step with a question until its answer is shown.

    The component of the controls writes the numbers of the answered steps to `data-answered`. The style comes
    before the elements, so that no answer appears for a moment. Empty for a step without a question.
    """
    if not step.question:
        return ""
    hidden = "{ visibility: hidden; opacity: 0 }"
    return f'<style>html:not([data-answered~="{number}"]) {selector} {hidden}</style>'


def asked(number: int, step: Step, scene: scenes.Scene, state: Mapping[str, str]) -> str:
    """Return the image of a step as HTML, which is next to its question until the answer is shown.

    The patch whose attention the step shows has a frame. Empty without a question or an image, and if the
    question with its choices is so long that it needs the width.
    """
    if not 0 < len(step.question) <= MAX_ASKED - sum(map(len, step.answers)):
        return ""
    rows, patch, image, words = 1, None, None, "The image"
    on_image = (scenes.Explorer, scenes.SideBySide, scenes.Features, scenes.Block, scenes.Convolution)
    if isinstance(scene, on_image):
        image, config = scene.chosen.image, scene.run.config
        if "patch_size" in config.options and not isinstance(scene, scenes.Convolution):
            rows = config.image_size // config.options["patch_size"]
            query = AttentionState.read(state)[0].query or ""
            if "." in query:
                row, column = map(int, query.split("."))
                patch, words = (row - 1, column - 1), f"The image, with a frame at row {row}, column {column}"
    elif isinstance(scene, scenes.Replay):
        image = scene.image
    elif isinstance(scene, scenes.Stepper):
        image = scene.arguments["image"]
    if image is not None:
        picture = pictures.encoded(pictures.with_patch(image, rows, patch))
    elif isinstance(scene, scenes.Pictures) and scene.parts[0][0] == "The image":
        picture = scene.parts[0][1]
    else:
        return ""
    shown = f'html[data-answered]:not([data-answered~="{number}"]) .talk-asked-{number} {{ display: block }}'
    return f'<img class="talk-asked talk-asked-{number}" src="{picture}" alt="{words}"><style>{shown}</style>'


def named(talk: Talk) -> dict[str, list[str]]:
    """Return the titles and the questions of all steps, for the component of the controls."""
    return {
        "titles": [step.title for step in talk.steps],
        "questions": [step.question for step in talk.steps],
    }


def controlled(step: Step) -> dict[str, Any]:
    """Return what the component of the controls shows of a step."""
    return {"note": step.note, "source": step.source, "answers": list(step.answers)}


def draw(scene: scenes.Scene, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
    """Draw a scene. Raises `UserError`.

    `state` holds the parameters of the step's link; the explorer and the steppers change them. `key`
    identifies the elements of the step. `scale` is the height of the window divided by 720 pixels.
    """
    if isinstance(scene, scenes.Explorer):
        explorer.show(scene.run, scene.chosen, scene.data, key=key, at=state)
    elif isinstance(scene, scenes.SideBySide):
        side_by_side.show(scene.run, scene.chosen, *scene.right, scene.data, key=key, at=state)
    elif isinstance(scene, scenes.Features):
        features.show(scene.run, scene.chosen, scene.data, key=key, at=state)
    elif isinstance(scene, scenes.Block):
        block.show_with_convolution(scene.run, scene.chosen, scene.data, scene.other, key=key, at=state)
    elif isinstance(scene, scenes.Convolution):
        convolution.show(scene.run, scene.chosen, scene.data, key=key, at=state)
    elif isinstance(scene, scenes.Stepper):
        stepper(**scene.arguments, key=key)
    elif isinstance(scene, scenes.Similarity):
        similarity(scene.values, key=key)
    elif isinstance(scene, scenes.Replay):
        live_image.draw(scene.kind, scene.runs, scene.image, scene.frames, scene.look, key=key)
    elif isinstance(scene, scenes.Pictures):
        st.html(scenes.as_html(scene))
    else:
        height = HEIGHT // len(scene.parts)
        parts = [(scenes.with_one_font_size(figure, height), alt) for figure, alt in scene.parts]
        if is_narrow():
            parts = [(one_panel_a_row(figure), alt) for figure, alt in parts]
            height = max(figure.layout.height for figure, _ in parts)
        st.html(f"<style>:root {{ --talk-scale: {scale}; --talk-figure: {height}px }}</style>")
        with st.container(key="talk_figures"):
            for i, (figure, alt) in enumerate(parts):
                st.plotly_chart(figure, config=figures.PLAIN, key=f"{key}_{i}", alt=alt)
