"""Links of talk steps: those to a dashboard are read, all others are refused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from dashboard.drawing.markdown import escape
from dashboard.talk import files
from dashboard.talk.files import Talk
from dashboard.talk.html_export import as_html
from tests.apptests import open_app
from tests.page_states import STATES
from tests.unit.dashboard.test_talks import GOOD
from vitcore.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_TALKS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        "attention?class=cat",
        "/attention?class=cat",
        "vitlab/attention?class=cat",
        "http://localhost:8501/attention?class=cat",
        "https://127.0.0.1/vitlab/attention?class=cat",
        "http://[::1]:8501/attention?class=cat",
        "http://0.0.0.0:8501/attention?class=cat",
        "localhost:8501/attention?class=cat",
        "127.0.0.1:8501/attention?class=cat",
    ],
)
def test_links_to_a_local_dashboard_are_accepted(link):
    assert files.parse_link(link) == ("attention", {"class": "cat"})


@pytest.mark.parametrize(
    ("link", "state"),
    [
        ("training?run=vit-cifar10", {"watch": "vit-cifar10"}),
        ("compare?watch=vit-cifar10&x=step", {"runs": "vit-cifar10", "x": "step"}),
        ("attention?run=a&set_discard=0.9", {"run": "a", "set_discard": "0.9"}),
        ("patches?step=2&tour=3&embed=true", {"step": "2", "tour": "3", "embed": "true"}),
    ],
)
def test_link_may_name_the_run_as_another_page_does(link, state):
    assert files.parse_link(link)[1] == state


@pytest.mark.parametrize(
    ("link", "wrong", "known"),
    [
        ("training?wacth=vit-cifar10", "wacth", "watch"),
        ("inductive_bias?experiment=Shift", "experiment", "probe"),
        ("attention?run=a&watch=b", "watch", "run"),
        ("training?set_discard=0.9", "set_discard", "model"),
    ],
)
def test_step_with_a_parameter_that_its_page_does_not_have_is_refused(link, wrong, known):
    with pytest.raises(UserError, match=rf"says {wrong}=.* use .*\b{known}\b"):
        files.parse_link(link)


def test_steps_may_have_every_parameter_that_a_page_writes():
    for page, kind in STATES.items():
        query = dict.fromkeys((kind.parameter(name) for name in kind.model_fields if name != "settings"), "1")
        assert files.parse_link(f"{page}?{urlencode(query)}") == (page, query)


@pytest.mark.parametrize(
    ("link", "named"),
    [
        (
            "https://example.org/attention?class=cat",
            "'example.org'",
        ),
        ("//example.org/attention", "'example.org'"),
        ("example.org/attention?class=cat", "'example.org'"),
        ("lab.example.org:8501/attention?class=cat", "'lab.example.org'"),
        ("http://localhost.example.org/attention", "'localhost.example.org'"),
        ("http://127.0.0.1@example.org/attention", "'example.org'"),
        ("http://10.0.0.7:8501/attention", "'10.0.0.7'"),
        ("mailto:attention", "'mailto'"),
        ("file:///attention", "'file'"),
        ("http://[::1/attention", "link"),
    ],
)
def test_link_to_another_site_is_refused_with_its_line(home, link, named):
    (home / "mine.yaml").write_text(GOOD.replace("link: /", f"link: {link}"))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 9: ") as caught:
        files.find_talk("mine")
    assert named in str(caught.value)


def test_talk_with_a_link_to_another_site_is_presented_and_saved_with_an_error_in_its_place(home):
    (home / "mine.yaml").write_text(GOOD.replace("link: /", "link: https://example.org/attention"))
    first, second = files.find_talk("mine", broken_links=True).steps
    assert first.page == "attention"
    with pytest.raises(UserError, match=r"'example\.org'"):
        _ = second.page
    text, (error,) = as_html(Talk(title="Mine", steps=(second,)))
    assert error.startswith("Step 1, Two: ")
    assert "example.org" in text
    app = open_app("overview", talk="mine", step="2")
    assert [escape("example.org") in error.value for error in app.error] == [True]
