"""The predictions of a run for eight fixed validation images, epoch by epoch."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components import figure_files
from dashboard.drawing import theme
from dashboard.drawing.pictures import data_url, picture
from dashboard.drawing.prediction import prediction
from dashboard.training import moments
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.runs.predictions import Predictions, read_predictions

MAX_BARS = 24


def strip(run: Run) -> None:
    """Draw the images with the predictions of one epoch, and below each the probability of the true class.

    Shows the newest epoch until the visitor chooses another one. Shows nothing if the run has no predictions.
    """
    found = read_predictions(run.path)
    if found is None:
        return
    title = f"**{len(found.images)} validation images** with the model's predictions"
    at = moments.choose(found.epochs, f"eight_{run.id}", title)
    try:
        color = theme.hue(run.config.model)
    except UserError:
        color = theme.OTHER
    st.html(as_html(found, at, color))
    foot = f"{run.title}, epoch {found.epochs[at]:.3g}: predictions for {len(found.images)} validation images"
    figure_files.pictures(*files(found, at), key="validation images", side=190, foot=foot)


def files(found: Predictions, at: int) -> tuple[list[tuple[str, Image.Image, str]], figure_files.Rows]:
    """Return the pictures and the CSV rows of the same cards for `figure_files.pictures`. The rows hold every
    class at moment `at` and, for the bars, the true class at every other moment.
    """
    parts = []
    rows: list[list] = [["image", "true class", "class", "epoch", "step", "probability"]]
    for i, (image, truth) in enumerate(zip(found.images, found.truth.tolist(), strict=True)):
        predicted = prediction(found.probabilities[at, i], found.classes)
        word = "correct" if predicted.index == truth else "wrong"
        caption = f"{predicted.name} {predicted.confidence}, {word}"
        parts.append((found.classes[truth], picture(image), caption))
        for moment, (epoch, step) in enumerate(zip(found.epochs.tolist(), found.steps.tolist(), strict=True)):
            for c in range(len(found.classes)) if moment == at else (truth,):
                share = float(f"{found.probabilities[moment, i, c]:.6g}")
                rows.append([i + 1, found.classes[truth], found.classes[c], round(epoch, 4), step, share])
    return parts, rows


def as_html(found: Predictions, at: int, color: str) -> str:
    """Return a row of cards as HTML: image, true class, prediction, and the probability of the true class.

    `at` is the index of the shown epoch, and `color` that of the run's architecture.
    """
    cards = []
    for i, (image, truth) in enumerate(zip(found.images, found.truth.tolist(), strict=True)):
        predicted = prediction(found.probabilities[at, i], found.classes)
        mark, word = ("&#10003;", "right") if predicted.index == truth else ("&#10007;", "wrong")
        name = html.escape(found.classes[truth])
        text = f"{html.escape(predicted.name)} {predicted.confidence}"
        cards.append(
            f'<div class="eight-card {word}"><img src="{data_url(image)}" alt="{name}, validation image">'
            f'<div class="eight-name">{name}</div>'
            f'<div class="eight-prediction"><span aria-label="{word}">{mark}</span> {text}</div>'
            f"{_bars(found.probabilities[:, i, truth], at, color, name)}</div>"
        )
    return f'<div class="eight">{"".join(cards)}</div>'


def _bars(shares: np.ndarray, at: int, color: str, name: str) -> str:
    """Return bars of the probability of the true class, 0 to 1, over the training. The bar at `at` is opaque.

    The bars are HTML elements, because Streamlit removes SVG from HTML.
    """
    shown = np.unique(np.linspace(0, len(shares) - 1, min(MAX_BARS, len(shares))).round().astype(int))
    marked = shown[np.abs(shown - at).argmin()]
    bars = "".join(
        f'<span style="height:{max(4.0, 100 * shares[i]):.0f}%;background:{color};'
        f'opacity:{1 if i == marked else 0.4}"></span>'
        for i in shown.tolist()
    )
    label = f"probability of {name}: {numbers.probability(shares[at])}"
    return f'<div class="eight-bars" role="img" aria-label="{label}" title="{label}">{bars}</div>'
