"""The stops of the tour on their pages, without a browser."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from dashboard.guide.tour import stops
from tests.apptests import open_app


def strips(app, name="vitlab.tour"):
    """Return the texts of the strips, or other components, that are drawn."""
    found = [component.proto for component in app.get("bidi_component")]
    return [proto.json for proto in found if proto.component_name == name]


@pytest.mark.parametrize(("number", "stop"), enumerate(stops(), start=1), ids=lambda one: str(one)[:20])
def test_every_stop_opens_without_an_error_or_a_warning(number, stop):
    app = open_app(stop.page, **dict(parse_qsl(stop.query)), tour=str(number))
    assert not app.error
    assert not app.warning
    assert not app.toast
    (data,) = strips(app)
    assert stop.title in data


@pytest.mark.parametrize("tour", ["2", "99", "0", "x"])
def test_numbers_without_a_stop_on_the_page_are_ignored(tour):
    app = open_app("overview", tour=tour)
    assert not app.error
    assert not app.toast
    assert not strips(app)


@pytest.mark.parametrize(("query", "offers"), [({}, 1), ({"tour": "1"}, 0), ({"tour": "2"}, 1)])
def test_overview_offers_the_tour_unless_it_runs(query, offers):
    app = open_app("overview", **query)
    offered = [data for data in strips(app, "vitlab.tour_offer") if '"always": false' in data]
    assert len(offered) == offers
