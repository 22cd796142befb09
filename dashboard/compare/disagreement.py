"""The images on which two models differ; a click opens one in the explorer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.compare.measured import Item
from dashboard.components import figure_files
from dashboard.components.gallery import Card, gallery
from dashboard.drawing.markdown import escape, sentence
from dashboard.drawing.pictures import picture
from dashboard.page_table import PAGES
from dashboard.shared import bound, own_image, run_selection
from dashboard.states.attention import AttentionState
from dashboard.states.compare import CompareState
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.probes.scores import BUNDLED, PairedPredictions, mcnemar, paired_predictions, test_images
from vitcore.probes.store import Images

PER_PAGE = 24
WHO = CompareState.options("who")  # which model is right


def choose_pair(known: list[Item]) -> list[Item]:
    """Return two of the runs, selected by controls if there are more."""
    if len(known) <= 2:
        return known
    by_id = {item.run.id: item for item in known}
    runs = [item.run for item in known]
    left, right, _ = st.columns([1.5, 1.5, 2])
    with left:
        first = run_selection.choose_run(runs, CompareState, "first", "First")
    other = next(run for run in runs if run.id != first.id)
    with right:
        second = run_selection.choose_run(runs, CompareState, "second", "Second", first=other)
    return [by_id[first.id], by_id[second.id]]


def show(known: list[Item]) -> None:
    """Draw how often each model is correct, and the images on which they differ."""
    if len(known) < 2:
        st.info("Choose two runs that are measured on the same images to see where they disagree.")
        return
    pair = choose_pair(known)
    if pair[0] is pair[1]:
        st.info("Choose two different runs.")
        return
    try:
        paired = paired_predictions(pair[0].tested, pair[1].tested)
        images = test_images(pair[0].run.config, BUNDLED)
    except UserError as error:
        st.error(sentence(error))
        return
    indices = {kind: paired.indices(kind) for kind in ("first", "second", "none", "both")}
    _numbers(pair, paired, {kind: len(members) for kind, members in indices.items()})
    names = [item.name for item in pair]
    titles = (f"Only {escape(names[0])}", f"Only {escape(names[1])}", "Neither")  # options are Markdown
    labels = {kind: f"{title} ({len(indices[kind]):,})" for kind, title in zip(WHO, titles, strict=True)}
    kind = bound.choose(
        st.segmented_control,
        CompareState,
        "who",
        "Which model is correct",
        labels,
        first=WHO[0],
        required=True,
    )
    available = indices[kind][indices[kind] < len(images.labels)]
    _grid(pair, paired, images, available, len(indices[kind]))


def first(known: list[Item], state: CompareState, most: int) -> list[tuple[np.ndarray, Card]]:
    """Return the first images that the page shows in this state, as pairs (uint8 [3, S, S], card).

    Raise `UserError` if there are none.
    """
    by_id = {item.run.id: item for item in known}
    first = by_id.get(state.first or "") or (known[0] if known else None)
    other = by_id.get(state.second or "") or next((item for item in known if item is not first), None)
    if first is None or other is None or first is other:
        raise UserError(
            "Disagreement needs two runs that are measured on the same images: name both in the link."
        )
    paired, images = paired_predictions(first.tested, other.tested), test_images(first.run.config, BUNDLED)
    indices = paired.indices(state.who)
    indices = indices[indices < len(images.labels)][PER_PAGE * (state.sheet - 1) :][:most]
    if not len(indices):
        raise UserError("The link names images that do not exist: copy it again from Compare, Disagreement.")
    pair, classes = [first, other], first.tested.values.classes
    return [(images.pixels[i], _card(pair, paired, int(i), classes, first)) for i in indices]


def _numbers(pair: list[Item], paired: PairedPredictions, counts: dict[str, int]) -> None:
    n = len(paired.truth)
    p = mcnemar(counts["first"], counts["second"])
    same = int(((paired.predicted[0] == paired.predicted[1]) & ~paired.correct[0]).sum())
    p_value = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    names, data = [escape(item.name) for item in pair], escape(pair[0].tested.data)
    st.markdown(
        f"Of {n:,} {data}, both are right on **{counts['both']:,}**, only {names[0]} on "
        f"**{counts['first']:,}**, only {names[1]} on **{counts['second']:,}**, neither on "
        f"**{counts['none']:,}** ({same:,} of these with the same wrong prediction). If both were right "
        f"equally often, counts at least this uneven would have {p_value} (exact McNemar test)."
    )


def _grid(
    pair: list[Item], paired: PairedPredictions, images: Images, available: np.ndarray, total: int
) -> None:
    if not len(available):
        where = "" if not total else " among the bundled images"
        st.info(f"There is no such image{where}.")
        return
    pages = -(-len(available) // PER_PAGE)
    page = 1
    caption, page_control = st.columns([4, 1], vertical_alignment="bottom")
    if pages > 1:
        bound.check_link(CompareState, "sheet", range(1, pages + 1), "page 1")
        page = page_control.number_input(
            f"Page, of {pages}", 1, pages, step=1, **CompareState.bound("sheet", value="value")
        )
    shown = available[(page - 1) * PER_PAGE : page * PER_PAGE]
    part = "All images are shown"
    if len(available) < total:
        part = f"{len(available):,} of the {total:,} images are bundled and shown"
    opened_with = next((item for item in pair if _has_attention(item)), pair[0])
    caption.caption(
        f"{part}, the most confident mistakes first. Each image shows its class, and the prediction and "
        "confidence of each model. Click an image to open it in the explorer with "
        f"{escape(opened_with.name)}."
    )
    classes = pair[0].tested.values.classes
    cards = [_card(pair, paired, int(index), classes, opened_with) for index in shown]
    opened = gallery(cards, images.pixels[shown], key="gallery")
    _files(pair, cards, images.pixels[shown])
    if opened is not None and 0 <= opened < len(cards):
        index = int(shown[opened])
        number = _number(paired.truth, index)
        _open_in_explorer(_explored(opened_with, classes[paired.truth[index]], number))


def _files(pair: list[Item], cards: list[Card], images: np.ndarray) -> None:
    """Draw the buttons that download the pictures and the predictions of the cards."""
    names = [item.name for item in pair]
    parts = []
    rows: list[list[str | int]] = [
        ["class", "test image", *(f"{n}: {what}" for n in names for what in ("prediction", "confidence"))]
    ]
    for card, image in zip(cards, images, strict=True):
        predictions = [(predicted, confidence) for predicted, confidence, *_ in card.predictions]
        parts.append((card.truth, picture(image), "; ".join(" ".join(texts) for texts in predictions)))
        rows.append([card.truth, card.number, *(text for texts in predictions for text in texts)])
    foot = f"Each image shows the predictions of {names[0]} and {names[1]} with their confidence."
    figure_files.pictures(parts, rows, key="disagreement", side=180, columns=6, foot=foot)


def _has_attention(item: Item) -> bool:
    return ARCHITECTURES[item.run.config.model].attention


def _number(truth: np.ndarray, index: int) -> int:
    """Return the number of an image within its class, from 1, in the order of the dataset."""
    return int((truth[:index] == truth[index]).sum()) + 1


def _card(
    pair: list[Item], paired: PairedPredictions, index: int, classes: list[str], opened_with: Item
) -> Card:
    truth = classes[paired.truth[index]]
    number = _number(paired.truth, index)
    predictions = []
    for i, item in enumerate(pair):
        predicted = classes[paired.predicted[i][index]]
        confidence = numbers.probability(paired.confidence[i][index])
        predictions.append((predicted, confidence, bool(paired.correct[i][index]), item.color, item.name))
    return Card(truth, number, _explored(opened_with, truth, number).link("attention"), predictions)


def _explored(item: Item, kind: str, number: int) -> AttentionState:
    """Return the state of the Attention page that shows a test image with the model of `item`."""
    return AttentionState.of(run=item.run.id, kind=kind, image=number)


def _open_in_explorer(state: AttentionState) -> None:
    """Go to Attention in this state, and forget the image that was selected there before."""
    bound.forget(AttentionState, "run", "kind", "image")
    own_image.forget()
    st.switch_page(PAGES["attention"].script, query_params=state.parameters())
