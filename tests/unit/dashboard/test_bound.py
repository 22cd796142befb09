"""Choices by id in an address: what a link selects, what the address holds afterwards, and warnings."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest


def script():
    import streamlit as st

    from dashboard.shared import bound
    from dashboard.states.compare import CompareState

    titles = st.session_state.setdefault("titles", {"a-1": "Alpha", "b-2": "Beta", "c-3": "Gamma"})
    st.session_state.one = bound.choose(
        st.selectbox,
        CompareState,
        "goal",
        "One",
        titles,
        first="b-2",
        titles=st.session_state.get("by_title"),
    )
    st.session_state.several = bound.choose_several(
        CompareState, "runs", "Several", titles, first=lambda: ["a-1", "c-3"], most=2
    )
    bound.check_link(CompareState, "sheet", range(1, 5), "page 1")
    st.number_input("Page", 1, 4, **CompareState.bound("sheet", value="value"))


def opened(*, by_title=False, **query):
    app = AppTest.from_function(script)
    app.session_state.by_title = by_title
    app.query_params.update(query)
    app.run()
    assert not app.exception, app.exception
    return app


def held(app, name):
    """A parameter of the address."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[-1]


def test_without_a_link_the_first_ones_are_selected_and_written_to_the_address():
    app = opened()
    assert (app.session_state.one, app.session_state.several) == ("b-2", ["a-1", "c-3"])
    assert (held(app, "goal"), held(app, "runs")) == ("b-2", "a-1,c-3")
    assert not app.toast


def test_a_link_selects_its_ids():
    app = opened(goal="c-3", runs="b-2", sheet="3")
    assert (app.session_state.one, app.session_state.several) == ("c-3", ["b-2"])
    assert app.number_input[0].value == 3
    assert not app.toast


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"goal": "gone"}, "`gone` in this link isn't available here. Showing Beta instead"),
        ({"runs": "gone,b-2"}, "`gone` in this link isn't available here. Showing the others of the link"),
        (
            {"runs": "gone,lost"},
            "`gone` and `lost` in this link aren't available here. Showing Alpha\\, Gamma",
        ),
        ({"sheet": "9"}, "`9` in this link isn't available here. Showing page 1"),
    ],
)
def test_a_missing_value_of_a_link_is_named_once(query, words):
    app = opened(**query)
    (toast,) = app.toast
    assert words in toast.value
    assert not app.run().toast


def test_a_title_selects_only_where_links_have_held_titles():
    assert opened(goal="Gamma", by_title=True).session_state.one == "c-3"
    app = opened(goal="Gamma")
    assert app.session_state.one == "b-2"
    assert len(app.toast) == 1


def test_a_selected_option_that_disappears_gives_way_without_a_warning():
    app = opened(goal="c-3", runs="c-3,b-2")
    app.session_state.titles = {"a-1": "Alpha", "b-2": "Beta"}
    app.run()
    assert (app.session_state.one, app.session_state.several) == ("b-2", ["b-2"])
    assert (held(app, "goal"), held(app, "runs")) == ("b-2", "b-2")
    assert not app.toast
    app.session_state.titles = {"a-1": "Alpha"}
    assert app.run().session_state.several == ["a-1"]  # the first ones, not an empty selection


def test_more_than_the_limit_are_cut():
    assert opened(runs="a-1,b-2,c-3").session_state.several == ["a-1", "b-2"]


def changing():
    import streamlit as st

    from dashboard.shared import bound

    if st.button("Change"):
        bound.change(bound.address(), {"layer": None, "step": "10", "head": "3", "token": None})


def test_parameters_that_change_together_make_one_address(monkeypatch):
    sent, send = [], QueryParams._send_query_param_msg

    def record(params):
        sent.append(urlencode(params._query_params, doseq=True))
        send(params)

    app = AppTest.from_function(changing)
    app.query_params.update({"run": "vit", "layer": "2", "head": "3", "step": "3"})
    app.run()
    monkeypatch.setattr(QueryParams, "_send_query_param_msg", record)
    app.button[0].click().run()
    assert set(sent) == {"run=vit&head=3&step=10"}
    assert app.query_params == {"run": "vit", "head": "3", "step": "10"}
    sent.clear()
    app.button[0].click().run()
    assert sent == []  # the browser's address may have changed in the meantime
