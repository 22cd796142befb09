"""The guide of every page, and its glossary."""

from __future__ import annotations

import pytest

from dashboard import guide
from dashboard.page_table import PAGES
from dashboard.shared import resources
from dashboard.sweeps import sample_curves
from tests.apptests import open_app
from vitcore import numbers
from vitcore.runs.folder import find_run

SHOWN = [  # page, query, title of the first section
    ("inductive_bias", {"probe": "Frequencies"}, "Frequencies"),
    ("compare", {"show": "Calibration"}, "Calibration"),
    ("compare", {}, "Scores"),
    ("attention", {}, "How to use it"),
]


def sections(app):
    """Return the expanders of the guide in order."""
    titles = {section.title for name in PAGES for section in guide.guide(name).sections}
    return [expander for expander in app.expander if expander.label in titles]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_its_guide(name):
    app = open_app(name)
    found = sections(app)
    assert sorted(section.label for section in found) == sorted(s.title for s in guide.guide(name).sections)
    texts = {section.label: "".join(part.value for part in section.markdown) for section in found}
    for section in guide.guide(name).sections:
        assert texts[section.title] == guide.linked(section.text).strip()


@pytest.mark.parametrize(("name", "query", "title"), SHOWN)
def test_section_about_the_current_view_is_first_and_expanded(name, query, title):
    found = sections(open_app(name, **query))
    assert title in found[0].label
    assert [section.proto.expanded for section in found] == [True] + [False] * (len(found) - 1)


def test_overview_states_its_measurements_and_leads_to_the_guide():
    app = open_app()
    assert any("](./guide)" in part.value for part in app.markdown)
    (how,) = (expander for expander in app.expander if expander.label == "How it was measured")
    text = "".join(part.value for part in how.markdown)
    assert f"{resources.parameters(resources.bundled()['vit']) / 1e6:.1f} million" in text
    for name in ("vit-cifar10", "vit-cifar10-gpu"):
        assert f"`{name}` for {numbers.duration(find_run(name).status().active_s)}" in text
    assert ("The curves:" in text) == bool(sample_curves.bundled_points())


def glossary(app):
    (tab,) = (tab for tab in app.tabs if tab.label == "Glossary")
    return tab


def test_glossary_lists_the_terms_of_the_page_first_and_is_searched():
    app = open_app("patches")
    own, every = guide.terms_of("patches"), list(guide.glossary())
    others = [word for word in every if word not in own]

    def listed():
        lists = [part.value for part in glossary(app).markdown if "&ensp;" in part.value]
        return [line.split("**")[1] for text in lists for line in text.split("\n\n")]

    assert 0 < len(own) < len(every)
    assert listed() == [*own, *others]
    app.text_input(key="glossary").set_value("rollout").run()
    assert listed() == guide.look_up("rollout")
    app.text_input(key="glossary").set_value("zebra").run()
    assert listed() == []
    assert any("zebra" in caption.value for caption in glossary(app).caption)
