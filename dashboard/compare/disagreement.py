"""The images on which two models differ; a click opens one in the explorer."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from dashboard.attention.state import AttentionState
from dashboard.compare.measured import Item
from dashboard.compare.state import CompareState
from dashboard.components import figure_files
from dashboard.components.gallery import Card, gallery
from dashboard.drawing.markdown import sentence
from dashboard.drawing.pictures import picture
from dashboard.shared import bound, own_image, selection
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.probes.scores import BUNDLED, PairedPredictions, mcnemar, paired_predictions, test_images
from vitcore.probes.store import Images

PER_PAGE = 24
WHO = CompareState.options("who")  # is right


def choose_pair(known: list[Item]) -> list[Item]:
    """Return two of the runs, selected by controls if there are more."""
    if len(known) <= 2:
        return known
    by_id = {item.run.id: item for item in known}
    runs = [item.run for item in known]
    left, right, _ = st.columns([1.5, 1.5, 2])
    with left:
        first = selection.choose_run(runs, CompareState, "first", "First")
    other = next(run for run in runs if run.id != first.id)
    with right:
        second = selection.choose_run(runs, CompareState, "second", "Second", first=other)
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
        found = paired_predictions(pair[0].tested, pair[1].tested)
        images = test_images(pair[0].run.config, BUNDLED)
    except UserError as error:
        st.error(sentence(error))
        return
    places = {kind: found.indices(kind) for kind in ("first", "second", "none", "both")}
    _numbers(pair, found, {kind: len(at) for kind, at in places.items()})
    names = [item.name for item in pair]
    titles = (f"Only {names[0]}", f"Only {names[1]}", "Neither")
    labels = {kind: f"{title} ({len(places[kind]):,})" for kind, title in zip(WHO, titles, strict=True)}
    kind = bound.choose(
        st.segmented_control,
        CompareState,
        "who",
        "Which model is correct",
        labels,
        first=WHO[0],
        required=True,
    )
    here = places[kind][places[kind] < len(images.labels)]
    _grid(pair, found, images, here, len(places[kind]))


def first(known: list[Item], state: CompareState, most: int) -> list[tuple[np.ndarray, Card]]:
    """Return (image uint8 [3, S, S], its card) of the first images that the page shows in this state.

    Raises `UserError` if there are none.
    """
    by_id = {item.run.id: item for item in known}
    one = by_id.get(state.first or "") or (known[0] if known else None)
    other = by_id.get(state.second or "") or next((item for item in known if item is not one), None)
    if one is None or other is None or one is other:
        raise UserError(
            "Disagreement needs two runs that are measured on the same images: name two in the link."
        )
    found, images = paired_predictions(one.tested, other.tested), test_images(one.run.config, BUNDLED)
    at = found.indices(state.who)
    at = at[at < len(images.labels)][PER_PAGE * (state.sheet - 1) :][:most]
    if not len(at):
        raise UserError("There is no such image.")
    pair, classes = [one, other], one.tested.values.classes
    return [(images.pixels[i], _card(pair, found, int(i), classes, one)) for i in at]


def _numbers(pair: list[Item], found: PairedPredictions, counts: dict[str, int]) -> None:
    n = len(found.truth)
    p = mcnemar(counts["first"], counts["second"])
    same = int(((found.predicted[0] == found.predicted[1]) & ~found.correct[0]).sum())
    chance = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    names = [html.escape(item.name) for item in pair]
    st.markdown(
        f"Of {n:,} {pair[0].tested.data}, both models classify **{counts['both']:,}** correctly, only "
        f"{names[0]} **{counts['first']:,}**, only {names[1]} **{counts['second']:,}**, and neither "
        f"**{counts['none']:,}** ({same:,} of these with the same wrong prediction). If both were equally "
        f"accurate, counts at least this uneven would have {chance} (exact McNemar test)."
    )


def _grid(pair: list[Item], found: PairedPredictions, images: Images, here: np.ndarray, total: int) -> None:
    if not len(here):
        where = "" if not total else " among the 1,000 bundled ones"
        st.info(f"There is no such image{where}.")
        return
    pages = -(-len(here) // PER_PAGE)
    page = 1
    said, turn = st.columns([4, 1], vertical_alignment="bottom")
    if pages > 1:
        bound.check_link(CompareState, "sheet", range(1, pages + 1), "page 1")
        page = turn.number_input(
            f"Page, of {pages}", 1, pages, step=1, **CompareState.bound("sheet", value="value")
        )
    shown = here[(page - 1) * PER_PAGE : page * PER_PAGE]
    part = f"{len(here):,} of the {total:,} are bundled and shown" if len(here) < total else "All are shown"
    goal = next((item for item in pair if _has_attention(item)), pair[0])
    said.caption(
        f"{part}, the most confident mistakes first. Each image shows its class, and the prediction and "
        f"confidence of each model. Click one to open it in the explorer, with {goal.name}."
    )
    classes = pair[0].tested.values.classes
    cards = [_card(pair, found, int(at), classes, goal) for at in shown]
    opened = gallery(cards, images.pixels[shown], key="gallery")
    _files(pair, cards, images.pixels[shown])
    if opened is not None and 0 <= opened < len(cards):
        at = int(shown[opened])
        _open_in_explorer(_explored(goal, classes[found.truth[at]], _number(found.truth, at)))


def _files(pair: list[Item], cards: list[Card], images: np.ndarray) -> None:
    """Draw the downloads of the same cards."""
    names = [item.name for item in pair]
    parts = []
    rows: list[list[str | int]] = [
        ["class", "test image", *(f"{n}: {what}" for n in names for what in ("answer", "sure"))]
    ]
    for card, image in zip(cards, images, strict=True):
        answers = [(answer, sure) for answer, sure, *_ in card.predictions]
        parts.append((card.truth, picture(image), "; ".join(" ".join(pair) for pair in answers)))
        rows.append([card.truth, card.number, *(part for pair in answers for part in pair)])
    foot = f"Each image shows the predictions of {names[0]} and of {names[1]}, with their confidence."
    figure_files.pictures(parts, rows, key="disagreement", side=180, columns=6, foot=foot)


def _has_attention(item: Item) -> bool:
    return ARCHITECTURES[item.run.config.model].attention


def _number(truth: np.ndarray, at: int) -> int:
    """Return the number of an image within its class, in the order of the dataset."""
    return int((truth[:at] == truth[at]).sum()) + 1


def _card(pair: list[Item], found: PairedPredictions, at: int, classes: list[str], goal: Item) -> Card:
    truth = classes[found.truth[at]]
    number = _number(found.truth, at)
    said = []
    for i, item in enumerate(pair):
        predicted, confidence = classes[found.predicted[i][at]], f"{100 * found.confidence[i][at]:.0f} %"
        said.append((predicted, confidence, bool(found.correct[i][at]), item.color, item.name))
    return Card(truth, number, _explored(goal, truth, number).link("attention"), said)


def _explored(item: Item, kind: str, number: int) -> AttentionState:
    """Return the state of Attention with a model and a test image."""
    return AttentionState.of(run=item.run.id, kind=kind, image=number)


def _open_in_explorer(state: AttentionState) -> None:
    """Go to Attention in this state, whatever image was selected there before."""
    bound.forget(AttentionState, "run", "kind", "image")
    own_image.forget()
    st.switch_page("../pages/attention.py", query_params=state.parameters())
