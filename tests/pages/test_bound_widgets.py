"""Widgets that are bound to the address belong to the state of their page."""

from __future__ import annotations

import pytest

from tests.apptests import open_app
from tests.page_states import STATES
from vitcore.probes import PROBES

VIEWS = [  # page, query: together they draw the bound widgets of all pages
    ("overview", {}),
    ("patches", {}),
    ("attention", {}),
    ("attention", {"run": "resnet-cifar10"}),
    ("training", {"all": "true"}),
    ("compare", {"view": "Runs"}),
    ("compare", {"view": "Sweeps"}),
    ("compare", {"show": "Disagreement"}),
    ("compare", {"show": "Speed to accuracy"}),
    *(("inductive_bias", {"probe": probe.title}) for probe in PROBES.values()),
]


@pytest.mark.parametrize(("page", "query"), VIEWS, ids=lambda value: str(value))
def test_every_bound_widget_belongs_to_a_field_of_the_page(page, query):
    app = open_app(page, **query)
    bound = {
        key
        for block in (app.main, app.sidebar)
        for element in block
        if (key := getattr(element.proto, "query_param_key", ""))
    }
    state = STATES[page]
    parameters = {state.parameter(name) for name in state.model_fields}
    settings = {f"set_{name}" for probe in PROBES.values() for name in probe.choices}
    assert bound
    assert bound <= parameters | (settings if page == "inductive_bias" else set())
    assert set(app.query_params) <= parameters | settings
