"""The timer of a fragment, with a fake Streamlit that records its calls."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dashboard.shared import ticking


class Rerun(Exception):
    pass


@pytest.fixture
def page(monkeypatch):
    """Return the fake page. `tick`: the fragment, as Streamlit calls it again. `run_every`: its timer."""
    page = SimpleNamespace(tick=None, run_every=None, drawn=[], state=None)

    def fragment(function, run_every):
        page.tick, page.run_every = function, run_every
        return function

    def rerun():
        raise Rerun

    monkeypatch.setattr(ticking, "st", SimpleNamespace(fragment=fragment, rerun=rerun))
    return page


def draw(page, state, **options):
    page.state = state
    ticking.fragment(page.drawn.append, lambda: page.state, every_s=2.0, **options)


def test_idle_part_is_drawn_once_without_a_timer(page):
    draw(page, False)
    assert page.drawn == [False]
    assert page.run_every is None


def test_active_part_is_drawn_at_every_tick(page):
    draw(page, True)
    assert page.run_every == 2.0
    page.tick()
    assert page.drawn == [True, True]


def test_page_reruns_when_the_state_changes(page):
    draw(page, True)
    page.state = False
    with pytest.raises(Rerun):
        page.tick()
    assert page.drawn == [True]


def test_click_in_an_idle_part_reruns_the_page(page):
    draw(page, False)
    page.state = True
    with pytest.raises(Rerun):
        page.tick()


def test_timer_depends_on_the_given_condition(page):
    draw(page, ["finished", "running"], active=lambda states: "running" in states)
    assert page.run_every == 2.0
    draw(page, ["finished", "finished"], active=lambda states: "running" in states)
    assert page.run_every is None
