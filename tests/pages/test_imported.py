"""Imported weights on Compare and Training: what a training would have left is not shown."""

from __future__ import annotations

import pytest

from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.config import dump_config
from vitcore.paths import runs_dir

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 16}


def imported(title="Foreign"):
    run = make_run(runs_dir(), title, data="photos", image_size=64, **SMALL)
    config = run.config.model_copy(update={"recipe": "imported", "classes": ("a", "b")})
    (run.path / "config.yaml").write_text(dump_config(config))
    return run


def said(app):
    return [one.value for kind in ("info", "caption") for one in app.get(kind) if "imported" in one.value]


def axes(app):
    return [group for group in app.button_group if group.label == "X axis"]


@pytest.mark.parametrize(("page", "field"), [("training", "watch"), ("compare", "runs")])
def test_page_of_imported_weights_has_one_sentence_in_place_of_curves(page, field):
    app = open_app(page, **{field: imported().id})
    assert not app.exception
    assert len(said(app)) == 1
    assert not axes(app)
    assert not [one for one in app.get("download_button") if "curves" in one.proto.label]
    assert not [one for one in app.caption if "diamond" in one.value]
    assert not [one for one in app.expander if "command" in one.label]


def test_curves_of_a_trained_run_are_drawn_beside_imported_weights():
    run = imported("Foreign weights")
    app = open_app("compare", runs=f"vit-cifar10,{run.id}")
    (sentence,) = said(app)
    assert run.title in sentence
    assert axes(app)


def test_scores_say_why_imported_weights_have_no_accuracy():
    app = open_app("compare", runs=imported().id)
    assert [one.value for one in app.caption if "labels" in one.value]
    (table,) = (one.proto.body for one in app.get("html") if "scores-frame" in one.proto.body)
    assert "training time" not in table
    assert "parameters" in table
