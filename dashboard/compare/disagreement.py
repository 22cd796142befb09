"""The images on which two models differ; a click opens one in the explorer."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.compare.measured import Item
from dashboard.compare.state import CompareState
from dashboard.components import figure_files
from dashboard.components.gallery import Card, gallery
from dashboard.drawing.markdown import sentence
from dashboard.drawing.pictures import picture
from dashboard.shared import selection
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.probes.scores import BUNDLED, Duel, duel, mcnemar, test_images
from vitcore.probes.store import Images

PER_PAGE = 24
WHO = CompareState.options("who")  # is right


def choose_pair(known: list[Item]) -> list[Item]:
    """Two of the runs, by controls where there are more."""
    if len(known) <= 2:
        return known
    by_id = {item.run.id: item for item in known}
    runs = [item.run for item in known]
    left, right, _ = st.columns([1.5, 1.5, 2])
    with left:
        first = selection.choose_run(runs, "First", key="pair_a")
    if st.session_state.get("pair_b") not in by_id and st.query_params.get("pair_b") not in by_id:
        st.session_state.pair_b = next(run.id for run in runs if run.id != first.id)
    with right:
        second = selection.choose_run(runs, "Second", key="pair_b")
    return [by_id[first.id], by_id[second.id]]


def show(known: list[Item]) -> None:
    """Who is right on what, in numbers and in images."""
    if len(known) < 2:
        st.info("Choose two runs that are measured on the same images to see where they disagree.")
        return
    pair = choose_pair(known)
    if pair[0] is pair[1]:
        st.info("Choose two different runs.")
        return
    try:
        found = duel(pair[0].tested, pair[1].tested)
        images = test_images(pair[0].run.config, BUNDLED)
    except UserError as error:
        st.error(sentence(error))
        return
    places = {kind: found.places(kind) for kind in ("first", "second", "none", "both")}
    _numbers(pair, found, {kind: len(at) for kind, at in places.items()})
    names = [item.name for item in pair]
    labels = dict(zip(WHO, (f"Only {names[0]}", f"Only {names[1]}", "Neither"), strict=True))
    if st.session_state.get("who") not in labels:
        wanted = st.query_params.get("who")
        st.session_state.who = wanted if wanted in labels else "first"
    kind = st.segmented_control(
        "Who is right", list(labels), key="who", required=True, persist_state="session",
        format_func=lambda k: f"{labels[k]} ({len(places[k]):,})",
    ) or "first"  # fmt: skip
    if st.query_params.get("who") != kind:  # the address holds who, not the counts of the moment
        st.query_params["who"] = kind
    here = places[kind][places[kind] < len(images.labels)]
    _grid(pair, found, images, here, len(places[kind]))


def first(known: list[Item], state: Mapping[str, str], most: int) -> list[tuple[np.ndarray, Card]]:
    """(image uint8 [3, S, S], its card) of the first images that an address of the page shows. Raises
    `UserError`.
    """
    by_id = {item.run.id: item for item in known}
    one = by_id.get(state.get("pair_a", "")) or (known[0] if known else None)
    other = by_id.get(state.get("pair_b", "")) or next((item for item in known if item is not one), None)
    if one is None or other is None or one is other:
        raise UserError("Two runs that are measured on the same images can disagree: the link names fewer.")
    found, images = duel(one.tested, other.tested), test_images(one.run.config, BUNDLED)
    kind = state.get("who", "")
    at = found.places(kind if kind in WHO else "first")
    at = at[at < len(images.labels)][PER_PAGE * (selection.parse_whole(state.get("sheet", ""), 1) - 1) :][
        :most
    ]
    if not len(at):
        raise UserError("There is no such image.")
    pair, classes = [one, other], one.tested.values.classes
    return [(images.pixels[i], _card(pair, found, int(i), classes, one)) for i in at]


def _numbers(pair: list[Item], found: Duel, counts: dict[str, int]) -> None:
    n = len(found.truth)
    p = mcnemar(counts["first"], counts["second"])
    same = int(((found.said[0] == found.said[1]) & ~found.right[0]).sum())
    chance = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    names = [html.escape(item.name) for item in pair]
    st.markdown(
        f"Of {n:,} {pair[0].tested.data}, both are right on **{counts['both']:,}**, only {names[0]} on "
        f"**{counts['first']:,}**, only {names[1]} on **{counts['second']:,}**, neither on "
        f"**{counts['none']:,}** ({same:,} of these with the same wrong answer). Were both equally "
        f"often right, counts as uneven as these, or more, would have {chance} (exact McNemar test)."
    )


def _grid(pair: list[Item], found: Duel, images: Images, here: np.ndarray, total: int) -> None:
    if not len(here):
        where = "" if not total else " among the bundled thousand"
        st.info(f"There is no such image{where}.")
        return
    pages = -(-len(here) // PER_PAGE)
    page = 1
    said, turn = st.columns([4, 1], vertical_alignment="bottom")
    if pages > 1:
        if st.session_state.get("sheet", 1) > pages:
            st.session_state.pop("sheet")
        page = turn.number_input(f"Page, of {pages}", 1, pages, 1, key="sheet", bind="query-params")
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
        selection.open_in_explorer(goal.run, classes[found.truth[at]], _number(found.truth, at))


def _files(pair: list[Item], cards: list[Card], images: np.ndarray) -> None:
    """The same cards to take along."""
    names = [item.name for item in pair]
    parts = []
    rows: list[list[str | int]] = [
        ["class", "test image", *(f"{n}: {what}" for n in names for what in ("answer", "sure"))]
    ]
    for card, image in zip(cards, images, strict=True):
        answers = [(answer, sure) for answer, sure, *_ in card.predictions]
        parts.append((card.truth, picture(image), "; ".join(" ".join(pair) for pair in answers)))
        rows.append([card.truth, card.number, *(part for pair in answers for part in pair)])
    foot = f"Each image shows the predictions of {names[0]} and of {names[1]}, and how sure each is."
    figure_files.pictures(parts, rows, key="disagreement", side=180, columns=6, foot=foot)


def _has_attention(item: Item) -> bool:
    return ARCHITECTURES[item.run.config.model].attention


def _number(truth: np.ndarray, at: int) -> int:
    """The image's number within its class, in the order of the dataset."""
    return int((truth[:at] == truth[at]).sum()) + 1


def _card(pair: list[Item], found: Duel, at: int, classes: list[str], goal: Item) -> Card:
    truth = classes[found.truth[at]]
    number = _number(found.truth, at)
    said = []
    for i, item in enumerate(pair):
        answer, sure = classes[found.said[i][at]], found.sure[i][at]
        said.append((answer, f"{100 * sure:.0f} %", bool(found.right[i][at]), item.color, item.name))
    return Card(truth, number, selection.link_to_image(goal.run, truth, number), said)
