"""The checks of class maps: the same maps of models with random weights, and deletion and insertion."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.attention import attributions, check_figures
from dashboard.attention.attributions import Question
from dashboard.components import figure_files
from dashboard.drawing import pictures, theme
from dashboard.drawing.markdown import escape
from dashboard.states.attention import AttentionState
from vitcore import numbers
from vitcore.attribution.checks import MapCheck, mean_and_error

PATIENCE_S = 0.3  # seconds before a progress bar appears: cached checks need none


def choose(place: DeltaGenerator, count: int) -> bool:
    """Draw the switch for the checks of `count` maps, and return whether it is on."""
    return place.toggle(
        "Check these maps" if count > 1 else "Check this map",
        help="Compare with the map of a model with random weights, and delete and insert the marked regions.",
        **AttentionState.bound("checked", value="value"),
    )


def draw(
    questions: Sequence[Question],
    classes: tuple[str, ...],
    limits: tuple[float, float],
    *,
    signed: bool,
    columns: int = 2,
) -> None:
    """Draw the checks of each map. Raise `UserError`.

    `limits` are the ends of the color scale of the maps. A map is as wide as one of `columns` columns.
    """
    checks = _computed(questions)
    _draw_random(questions, checks, limits, signed=signed, columns=columns)
    _draw_curves(questions, checks, classes)


def _computed(questions: Sequence[Question]) -> list[MapCheck]:
    """Return the checks of each map. A progress bar shows how far they are."""
    place, began, found = st.empty(), time.monotonic(), []
    for number, question in enumerate(questions):
        for done, total, check in attributions.check(question):
            if check:
                found.append(check)
            elif time.monotonic() - began > PATIENCE_S:
                share = (number + done / total) / len(questions)
                place.progress(share, f"Checking {escape(question.title)}: {done} of {total}")
    place.empty()
    return found


def correlation(check: MapCheck) -> str:
    """Return the mean rank correlation with the maps of random models, with its standard error, as text."""
    mean, error, constant = check.correlation()
    count = len(check.correlations)
    if constant == count:
        return "undefined, because a map is the same everywhere"
    left_out = f", without {constant} of {count} that are the same everywhere" if constant else ""
    return f"{mean:.2f} ± {error:.2f}{left_out}"


def _draw_random(
    questions: Sequence[Question],
    checks: list[MapCheck],
    limits: tuple[float, float],
    *,
    signed: bool,
    columns: int,
) -> None:
    kept, maps = [], {}
    for place, question, check in zip(st.columns(columns), questions, checks, strict=False):
        title = f"{question.title}, random weights"
        made = pictures.overlay(question.image, check.random_map, limits=limits, signed=signed)
        count = len(check.correlations)
        words = (
            f"Rank correlation with the trained model's map: {correlation(check)} (seeds 0 to {count - 1})."
        )
        alt = f"{title}: {pictures.largest(check.random_map)}"
        place.markdown(pictures.panel(escape(title), made, alt, f"Seed 0. {words}"))
        kept.append((title, made, words))
        maps[title] = check.random_map
    foot = "The same color scale as the maps of the trained models."
    figure_files.pictures(kept, figure_files.map_rows(maps), key="random weights", foot=foot)
    st.caption(
        "Near 1, the method shows the same whatever the model has learned (Adebayo et al. 2018). ± is the "
        "standard error over the random models."
    )


def _draw_curves(questions: Sequence[Question], checks: list[MapCheck], classes: tuple[str, ...]) -> None:
    named = classes[questions[0].target]
    lines = [
        (question.title, theme.hue(question.run.config.model), check)
        for question, check in zip(questions, checks, strict=True)
    ]
    figure = check_figures.curves(lines, named)
    alt = f"probability of {named} while cells are deleted and inserted in the order of each map"
    figure_files.show(figure, key="deletion", alt=alt)
    st.markdown("\n".join(_table(lines)))
    orders = numbers.count(len(checks[0].orders), "random order")
    st.caption(
        "The cells of an 8 x 8 grid are replaced by the mean color, or uncovered, from the highest value of "
        "the map to the lowest (Petsiuk et al. 2018). A better order has a smaller area for deletion and a "
        f"larger one for insertion. ± is the standard error over {orders}, on this one image. The map gives "
        "one order, so that its area has no error."
    )


def _table(lines: list[tuple[str, str, MapCheck]]) -> list[str]:
    """Return the areas under the curves as the lines of a Markdown table."""
    from vitcore.analysis.faithfulness import area

    rows = ["| area under the curve | map | random order |", "|---|--:|--:|"]
    for title, _, check in lines:
        for field in check_figures.PANELS:
            mean, error = mean_and_error([area(getattr(order, field)) for order in check.orders])
            own = area(getattr(check.curves, field))
            rows.append(f"| {escape(title)}, {field} | {own:.3f} | {mean:.3f} ± {error:.3f} |")
    return rows
