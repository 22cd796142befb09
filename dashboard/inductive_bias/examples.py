"""Examples below the figures of an experiment: images as the models saw them, and what they answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components import figure_files
from dashboard.drawing import html, pictures
from dashboard.drawing.csv_rows import Rows
from dashboard.inductive_bias.lines import Line
from vitcore.data.decoded import Pixels
from vitcore.probes.examples import Example, Examples
from vitcore.probes.values import AnsweredValues, Values

SIDE = 128  # pixels to which larger pictures are reduced, because the page contains them
GAP = 1  # pixels between the pictures of 32 pixels


def show(
    kind: str,
    examples: Examples,
    images: tuple[Pixels, np.ndarray],
    classes: Sequence[str],
    lines: Sequence[Line[Values]],
) -> None:
    """Draw the examples of the experiment `kind` with the answers of the trained models among `lines`.

    `images` are the pixels uint8 [N, 3, S, S] and the labels int [N].
    """
    answered = {
        line.label: line.values.answers
        for line in lines
        if line.trained and isinstance(line.values, AnsweredValues)
    }
    made = examples.make(*images)
    cards = [card(example, classes, answered) for example in made]
    st.markdown(f"**The first {len(made)} images: {', '.join(examples.titles)}**")
    st.html(html.example_cards(cards))
    figure_files.pictures(
        [(head, made, "; ".join(words)) for head, made, words in cards],
        rows(made, classes, answered),
        key=f"{kind}_examples",
        columns=3,
    )


def card(
    example: Example, classes: Sequence[str], answers: Mapping[str, Sequence[int]]
) -> tuple[str, Image.Image, list[str]]:
    """Return the title of an example, its pictures in a row, and a sentence for each model."""
    head = ", ".join(f"{cue}: {classes[label]}" for cue, label in example.cues.items())
    words = [
        f"{label}: {classes[given[example.index]]}{_cue(example, given[example.index])}"
        for label, given in answers.items()
    ]
    shown = [_reduced(picture) for picture in example.pictures]
    gap = max(1, GAP * len(shown[0]) // 32)
    return head, pictures.tiles(np.stack(shown), len(shown), gap), words


def _cue(example: Example, answer: int) -> str:
    """Return which cue an answer follows, in parentheses, or an empty string."""
    return next((f" ({cue})" for cue, label in example.cues.items() if label == answer), "")


def _reduced(picture: np.ndarray) -> np.ndarray:
    """Return a picture uint8 [3, S, S] as [s, s, 3] with a side of at most `SIDE` pixels."""
    made = pictures.picture(picture)
    if made.width > SIDE:
        made = made.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(made)


def rows(made: Sequence[Example], classes: Sequence[str], answers: Mapping[str, Sequence[int]]) -> Rows:
    """Return the CSV rows of the examples: the class of each cue, and the answer of each model."""
    cues = list(made[0].cues) if made else []
    found: list[list[object]] = [["image", *cues, *answers]]
    for example in made:
        given = [classes[answer[example.index]] for answer in answers.values()]
        found.append([example.index + 1, *(classes[example.cues[cue]] for cue in cues), *given])
    return found
