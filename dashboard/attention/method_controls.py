"""The controls of the class maps: the class, and the methods with their settings, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.attention.attributions import Items, settings_of
from dashboard.shared import bound
from dashboard.shared.page_state import SETTING
from dashboard.states.attention import PREDICTED, AttentionState
from vitcore.attribution import Method, Setting


def choose_class(place: DeltaGenerator, label: str, classes: tuple[str, ...], predicted: str) -> str:
    """Draw the choice of the class that the maps are for, and return it. It can be `predicted`."""
    key = AttentionState.parameter("target")
    if st.session_state.get(key) not in classes:
        bound.forget(AttentionState, "target")  # the predicted class, or a class of other data
    named = place.selectbox(
        label,
        [PREDICTED, *classes],
        **AttentionState.bound("target", value=None),
        # without the name of the class: Streamlit keeps showing the label of a value when its label changes
        format_func=lambda option: "the predicted class" if option == PREDICTED else option,
    )
    return predicted if named == PREDICTED else named


def choose_method(
    place: DeltaGenerator,
    field: str,
    methods: Mapping[str, Method],
    label: str,
    *,
    stages: int,
    drawn: set[str],
) -> tuple[Method, Items]:
    """Draw the choice of a method and of its settings in one frame, and return both.

    `field` is the field of `AttentionState` that holds the name of the method. The first of `methods` is the
    default. `stages` is the number of stages to choose from. `drawn` holds the names of the settings that are
    already on the page, and gets those that this function adds.
    """
    titles = {name: method.title for name, method in methods.items()}
    usual = next(iter(titles))
    settled = bound.settle(AttentionState, field, titles)
    framed = any(s.options for s in methods[settled].settings.values())
    place = place.container(border=framed or (settled == "grad-cam" and stages > 1), gap="small")
    name = place.selectbox(
        label,
        list(titles),
        key=AttentionState.parameter(field),
        format_func=titles.__getitem__,
        persist_state="session",
        help=f"**{methods[settled].title}.** {methods[settled].misleads}",
    )
    name = name or settled
    bound.write(AttentionState, **{field: None if name == usual else name})
    method = methods[name]
    chosen = [key for key, setting in method.settings.items() if setting.options]
    new = [key for key in chosen if key not in drawn]
    slider = name == "grad-cam" and stages > 1
    places = place.columns(len(new) + slider) if new or slider else []
    shared = [method.settings[key].label for key in chosen if key in drawn]
    for column, setting in zip(places, new, strict=False):
        _choose_setting(column, setting, method.settings[setting])
        drawn.add(setting)
    if shared:
        place.caption(f"{' and '.join(shared)}: the same for both maps")
    stage = None
    if slider:
        options = list(range(1, stages + 1))
        stage = places[-1].select_slider(
            "Stage", options, stages, **AttentionState.bound("stage", value=None)
        )
    given = {key: str(st.session_state[f"{SETTING}{key}"]) for key in chosen}
    return method, settings_of(method, given, stage if stage != stages else None)[0]


def _choose_setting(place: DeltaGenerator, name: str, setting: Setting) -> None:
    """Draw the choice of a setting. The session holds its text, and the address unless it is the default."""
    key, default = f"{SETTING}{name}", str(setting.default)
    texts = {str(option): setting.show(option) for option in setting.options}
    fresh, linked = key not in st.session_state, bound.address().get(key)
    if st.session_state.get(key) not in texts:
        st.session_state[key] = linked if linked in texts else default
        if fresh and linked and linked not in texts:
            bound.warn_missing([f"{key}={linked}"], f"{setting.label.lower()} {texts[default]}")
    chosen = place.selectbox(
        setting.label,
        list(texts),
        key=key,
        format_func=texts.__getitem__,
        persist_state="session",
        help=setting.help,
    )
    if chosen == default:
        bound.address().pop(key, None)
    elif bound.address().get(key) != chosen:
        bound.address()[key] = chosen


def forget_others(drawn: set[str]) -> None:
    """Remove the settings from the address that no shown method has."""
    for key in [key for key in bound.address() if key.startswith(SETTING)]:
        if key.removeprefix(SETTING) not in drawn:
            del bound.address()[key]
