"""Links with odd values: the page opens, and shows its default for what does not fit."""

from __future__ import annotations

import importlib

import pytest

from dashboard.page_table import PAGES
from dashboard.shared.page_state import PageState
from tests.apptests import open_app
from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore.paths import runs_dir

ODD = ["", "inf", "9" * 40, "x" * 3000, "a\0b"]
RUNS = {"training": "watch", "compare": "runs", "overview": "look"}


def parameters(page: str) -> list[str]:
    module = importlib.import_module(f"dashboard.states.{page}")
    states = [
        item for item in vars(module).values() if isinstance(item, type) and issubclass(item, PageState)
    ]
    return sorted({kind.parameter(name) for kind in states for name in kind.model_fields} - {"settings"})


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_with_an_odd_value_in_every_parameter(name, value):
    run = make_run(runs_dir(), "mine", model="vit", steps=(3,), **TINY_VIT)
    run_parameter = RUNS.get(name, "run")
    query = dict.fromkeys(parameters(name), value)
    query |= {"view": "Runs"} if name == "compare" else {}
    open_app(name, **{**query, run_parameter: run.id})


@pytest.mark.parametrize(
    ("run", "linked", "shown"),
    [
        ("vit-cifar10", "Inside a convolution", "Inside a block"),
        ("resnet-cifar10", "Inside a block", "Inside a convolution"),
    ],
)
def test_link_to_the_stepper_of_another_model_becomes_a_link_to_the_shown_one(run, linked, shown):
    app = open_app("attention", run=run, view=linked)
    assert app.query_params["view"] == shown
    again = open_app("attention", run=run, view=app.query_params["view"])
    assert again.session_state["view"] == shown
    assert again.query_params["view"] == shown


def test_attention_page_says_that_a_snapshot_replaces_missing_best_weights():
    run = make_run(runs_dir(), "mine", model="vit", steps=(3,), **TINY_VIT)
    assert not open_app("attention", run=run.id).warning
    run.best.unlink()
    (warning,) = open_app("attention", run=run.id).warning
    assert "missing" in warning.value
    assert "0000003" in warning.value
