"""Eight fixed images and what the model says about them, epoch after epoch: one sees it learn."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
import streamlit as st

from dashboard import theme
from dashboard.pictures import picture
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.predictions import Predictions, read_predictions

WIDTH, HEIGHT = 100, 26  # of the small curves, in their own units


def strip(run: Run) -> None:
    """The eight images with the answers of one epoch, and the curve of the right answer below each; nothing
    where the run has none. Shows the newest epoch until somebody goes back.
    """
    found = read_predictions(run.path)
    if found is None:
        return
    count, key = len(found.epochs), f"eight_{run.id}"
    last, at = st.session_state.get(f"last_{key}"), st.session_state.get(key)
    if at is None or at >= count or (at == last and last != count - 1):
        at = st.session_state[key] = count - 1  # only then: a value that is set undoes what is being moved
    st.session_state[f"last_{key}"] = count - 1
    left, right = st.columns([3.2, 2], vertical_alignment="center")
    left.markdown(f"**{len(found.images)} validation images** and what it says about them")
    if count > 1:
        with right:
            at = st.select_slider(
                "Epoch shown", range(count), key=key, label_visibility="collapsed",
                format_func=lambda i: f"epoch {found.epochs[i]:.3g}",
            )  # fmt: skip
    try:
        colour = theme.hue(run.config.model)
    except UserError:
        colour = theme.OTHER
    st.html(as_html(found, at, colour))


def as_html(found: Predictions, at: int, colour: str) -> str:
    """A row of cards: image, its class, the answer at moment `at` of E, the right answer's curve."""
    cards = []
    for i, (image, truth) in enumerate(zip(found.images, found.truth.tolist(), strict=True)):
        answers = found.probabilities[at, i]
        top = int(answers.argmax())
        mark, word = ("&#10003;", "right") if top == truth else ("&#10007;", "wrong")
        name, said = html.escape(found.classes[truth]), html.escape(found.classes[top])
        share = f"{100 * answers[top]:.0f} %"
        cards.append(
            f'<div class="eight-card {word}"><img src="{_png(image)}" alt="{name}, validation image">'
            f'<div class="eight-name">{name}</div>'
            f'<div class="eight-said"><span aria-label="{word}">{mark}</span> {said} {share}</div>'
            f"{_curve(found.probabilities[:, i, truth], at, colour, name)}</div>"
        )
    return f'<div class="eight">{"".join(cards)}</div>'


def _png(image: np.ndarray) -> str:
    packed = io.BytesIO()
    picture(image).save(packed, "PNG")
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _curve(shares: np.ndarray, at: int, colour: str, name: str) -> str:
    """The probability of the right class over the moments, 0 to 1, the shown one marked."""
    x = np.linspace(2, WIDTH - 2, len(shares)) if len(shares) > 1 else np.array([WIDTH / 2])
    y = 2 + (HEIGHT - 4) * (1 - shares)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="probability of {name}: {100 * shares[at]:.0f} %">'
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT - 1}" y2="{HEIGHT - 1}" stroke="currentColor" opacity=".25"/>'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
        f'vector-effect="non-scaling-stroke"/>'
        f'<line x1="{x[at]:.1f}" x2="{x[at]:.1f}" y1="0" y2="{HEIGHT}" stroke="currentColor" opacity=".45"/>'
        "</svg>"
    )
