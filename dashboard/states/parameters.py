"""The parameters that the address of each page may have, and the other names that are accepted for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.shared.page_state import SETTING, CurvesState, PageState, SettingsState
from dashboard.states.attention import AttentionState
from dashboard.states.compare import CompareState
from dashboard.states.inductive_bias import BiasState
from dashboard.states.overview import OverviewState
from dashboard.states.patches import PatchesState
from dashboard.states.talk import TalkState
from dashboard.states.tour import TourState
from dashboard.states.training import TrainingState

STATES: dict[str, type[PageState]] = {
    "overview": OverviewState,
    "patches": PatchesState,
    "attention": AttentionState,
    "training": TrainingState,
    "compare": CompareState,
    "inductive_bias": BiasState,
}
UNCHECKED = (CurvesState.parameter("axis"), "square", "right_square")
# Of the run of a page: one of them is its own name, the others are accepted
RUN_NAMES = ("run", "runs", "watch")
EVERYWHERE = {TourState.parameter("tour"), TalkState.parameter("talk"), "embed", "embed_options"}
OTHERS = ("_", "utm_")  # what hosts and trackers add to addresses begins with these


def known(page: str) -> list[str]:
    """Return the parameters of a page, without those of its settings, whose names begin with `SETTING`."""
    state = STATES[page]
    return [state.parameter(name) for name in state.model_fields if name != "settings"]


def renamed(page: str, query: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a link with the page's own name of the run, if the link names it otherwise.

    A link with several of these names is ambiguous, and stays as it is.
    """
    own = next((name for name in RUN_NAMES if name in known(page)), None)
    given = [name for name in RUN_NAMES if name in query]
    if own is None or len(given) != 1:
        return dict(query)
    return {own if name == given[0] else name: text for name, text in query.items()}


def unknown(page: str, query: Iterable[str]) -> list[str]:
    """Return the names of a link that the page does not have."""
    allowed = EVERYWHERE.union(known(page))
    settings = issubclass(STATES[page], SettingsState)
    return [
        name
        for name in query
        if name not in allowed
        and name.lower() not in EVERYWHERE
        and not name.startswith(OTHERS)
        and not (settings and name.startswith(SETTING))
    ]


def unchecked(page: str, query: Mapping[str, str]) -> list[str]:
    """Return the names of the invalid parameters that no control of the page warns about.

    These are switches, numbers of sliders, the squares of images, and the axis of curves. Streamlit sets a
    switch by `true` and `false` only.
    """
    state = STATES[page]
    kinds = {state.parameter(name): field.annotation for name, field in state.model_fields.items()}
    invalid = state.read(query)[1]
    return [
        name
        for name, text in query.items()
        if (kinds.get(name) is bool and text and text.lower() not in ("true", "false"))
        or (name in invalid and (kinds[name] is float or name in UNCHECKED))
    ]
