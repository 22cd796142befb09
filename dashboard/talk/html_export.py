"""A whole talk as one HTML file that works without a server."""

from __future__ import annotations

import html
import re
from pathlib import Path

from dashboard.components.pieces import Piece
from dashboard.components.talk import PART
from dashboard.standalone.document import document, mount_point
from dashboard.talk import scenes, stage
from dashboard.talk.files import Talk
from vitcore.errors import UserError

STYLE = Path(__file__).resolve().parent.parent / "streamlit_internals" / "talk.css"


def as_html(talk: Talk) -> tuple[str, list[str]]:
    """Return the file's text, and a sentence for each step that can't be shown.

    Like the talk itself, the file shows that sentence in place of the step's view.
    """
    pieces: list[Piece] = []
    sections: list[str] = []
    errors: list[str] = []
    for number, step in enumerate(talk.steps, start=1):
        picture = ""
        try:
            scene = scenes.scene(step.page, step.state)
            step_pieces = scene.pieces(step.state)
            picture = stage.asked(number, step, scene, step.state)
        except UserError as error:
            errors.append(f"Step {number}, {step.title}: {error}")
            step_pieces = [_error_piece(str(error))]
        views = "".join(mount_point(i, piece) for i, piece in enumerate(step_pieces, start=len(pieces)))
        pieces += step_pieces
        sections.append(
            stage.cover(number, step, f'.standalone-step[data-step="{number}"] > :not(.talk-asked)')
            + f'<section class="standalone-step" data-step="{number}" hidden>{picture}'
            f'<div class="st-key-talk_words">{stage.words(step)}</div>'
            f'<div class="st-key-talk_stage">{views}</div></section>'
        )
    body = (
        f'<main class="talk-main"><div class="talk-frame">{"".join(sections)}</div></main>'
        f'<div id="talk">{PART.html}</div>'
    )
    steps = [stage.controlled(step) for step in talk.steps]
    text = document(
        f"{talk.title} \u00b7 ViT Lab",
        body,
        pieces,
        {"standalone": "talk", **stage.named(talk), "steps": steps},
        extra_parts=[PART],
        extra_css=STYLE.read_text(encoding="utf-8"),
    )
    return text, errors


def _error_piece(error: str) -> Piece:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(error))
    return Piece(f'<p class="standalone-missing">{text}</p>')
