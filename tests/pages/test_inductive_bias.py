"""The Inductive bias page without a browser."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from dashboard.shared import resources
from dashboard.talk import scenes
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.config import dump_config
from vitcore.data.photos import photos
from vitcore.errors import UserError
from vitcore.models import build_for, weights_of
from vitcore.paths import runs_dir
from vitcore.probes import PROBES
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject
from vitcore.runs.folder import Run


def texts(app):
    return [element.value for kind in ("markdown", "caption", "code") for element in app.get(kind)]


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_every_experiment_shows_the_stored_results_of_the_bundled_models(probe):
    app = open_app("inductive_bias", probe=probe.title)
    assert [heading.value for heading in app.header] == [probe.question]
    assert app.get("plotly_chart")
    assert any(f"n = {probe.count(500)} " in text for text in texts(app))
    assert any(f"python -m vitcore probe {probe.name} --runs" in text for text in texts(app))
    assert not any(button.key == "measure" for button in app.button)  # everything is measured


SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}


def compared_with(app):
    (box,) = (selectbox for selectbox in app.selectbox if selectbox.label == "Compare with")
    return box


def test_experiment_with_a_fixed_number_of_images_shows_it_and_keeps_the_choice_of_the_others():
    def shown(app):
        (control,) = (group for group in app.button_group if group.label == "Test images")
        return [option.content for option in control.proto.options], control.disabled, control.value

    app = open_app("inductive_bias", probe="landscape", n="1000")
    assert shown(app) == (["100"], True, 100)
    app.session_state["probe"] = "shift"
    assert shown(app.run()) == (["100", "500", "1,000"], False, "1000")
    app.session_state["probe"] = "landscape"
    assert shown(app.run()) == (["100"], True, 100)
    app.session_state["probe"] = "shift"
    assert shown(app.run())[2] == "1000"


def test_only_runs_for_the_same_classes_and_image_size_are_compared():
    larger = make_run(runs_dir(), "Larger images", data="folder:/gone", image_size=64, **SMALL)
    app = open_app("inductive_bias", probe="Attention distance", run="vit-cifar10", against=larger.id)
    assert compared_with(app).value == resources.bundled()["resnet"].id
    assert not any(larger.title in label for label in compared_with(app).options)
    assert app.get("plotly_chart")
    assert any(larger.id in toast.value for toast in app.toast)


def test_model_without_another_one_for_its_images_is_shown_alone():
    run = make_run(runs_dir(), "Foreign", data="photos", image_size=64, **SMALL)
    app = open_app("inductive_bias", probe="Shift", run=run.id)
    assert compared_with(app).value == run.id
    (label,) = compared_with(app).options
    assert "Foreign" not in label  # it does not look like another model
    assert not app.error
    assert app.button(key="measure")  # the consistency, which needs no labels


def test_model_without_a_classifier_is_compared_with_one_that_has_another_head():
    features, classes = (
        features_only(),
        make_run(runs_dir(), "Classes", data="photos", image_size=64, **SMALL),
    )
    app = open_app("inductive_bias", probe="distance", run=features.id)
    assert compared_with(app).value == classes.id
    assert not app.error
    app = open_app("inductive_bias", probe="shift", run=features.id)
    assert compared_with(app).value == features.id


@pytest.mark.parametrize("name", ["distance", "registers", "cka", "fourier", "receptive-field"])
def test_measured_features_of_a_model_without_a_classifier_are_drawn(name):
    run, probe = features_only(), PROBES[name]
    for untrained in (False, True):
        assert [*measure(probe, [Subject(run, untrained)] * (1 + probe.pair), 10)]
    app = open_app("inductive_bias", probe=name, run=run.id, against=run.id)
    assert not app.exception
    assert app.get("plotly_chart")
    assert not any(button.key == "measure" for button in app.button)


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items() if probe.needs == "classifier"])
def test_experiment_without_labels_states_consistency_and_how_little_few_images_tell(name):
    thousand = tuple(f"class {i}" for i in range(1000))
    run, probe = (
        make_run(runs_dir(), "Foreign", data="photos", image_size=64, classes=thousand, **SMALL),
        PROBES[name],
    )
    for untrained in (False, True):
        assert [*measure(probe, [Subject(run, untrained)], 10)]
    app = open_app("inductive_bias", probe=name, run=run.id)
    assert not app.exception
    assert not app.error
    assert app.get("plotly_chart")
    specs = " ".join(chart.proto.spec for chart in app.get("plotly_chart"))
    assert "onsistency" in " ".join([specs, *texts(app)])
    assert "accuracy" not in specs
    assert any("n = 10 bundled photographs" in text and "16 points" in text for text in texts(app))


@pytest.mark.parametrize("name", ["texture-shape", "landscape"])
def test_experiment_that_needs_labels_says_so(name):
    run = make_run(runs_dir(), "Foreign", data="photos", image_size=64, **SMALL)
    app = open_app("inductive_bias", probe=name, run=run.id)
    assert not app.error
    assert [info.value for info in app.info if "labels" in info.value]
    assert not any(button.key == "measure" for button in app.button)


def features_only():
    """Return a run of a ViT without a classifier and without images of its own."""
    run = make_run(runs_dir(), "Features", data="photos", image_size=64, **SMALL)
    config = run.config.model_copy(update={"classes": (), "recipe": "imported"})
    (run.path / "config.yaml").write_text(dump_config(config))
    torch.manual_seed(0)
    save_file(weights_of(build_for(config)), run.best)
    return Run(run.path)


def choice_of_images(app):
    labels = "Test images", "Photographs"
    (choice,) = (group for group in app.get("button_group") if group.label in labels)
    return choice


def test_number_of_photographs_is_stated_in_place_of_a_choice():
    run = make_run(runs_dir(), "Foreign", data="photos", image_size=64, **SMALL)
    app = open_app("inductive_bias", probe="distance", run=run.id)
    choice = choice_of_images(app)
    assert choice.proto.disabled
    assert [option.content for option in choice.proto.options] == [f"All {len(photos())}"]
    assert choice.proto.help
    assert any(f"{len(photos())} images" in info.value for info in app.info)
    bundled = choice_of_images(open_app("inductive_bias", probe="distance"))
    assert not bundled.proto.disabled
    assert len(bundled.proto.options) == 3


def test_model_without_a_classifier_is_told_which_experiments_need_none():
    app = open_app("inductive_bias", probe="Shift", run=features_only().id)
    assert not app.error
    (said,) = (info.value for info in app.info if "no classifier" in info.value)
    assert all((probe.title in said) == (probe.needs == "images") for probe in PROBES.values())


def test_experiment_with_labels_does_not_offer_to_measure_a_model_without_a_classifier():
    app = open_app("inductive_bias", probe="corruptions", run="mae-small")
    assert ["no classifier" in info.value for info in app.info] == [True]
    assert not any(button.key == "measure" for button in app.button)


def test_talk_says_that_a_model_without_a_classifier_has_no_live_image():
    run = features_only()
    with pytest.raises(UserError, match="no classifier"):
        scenes.scene("inductive_bias", {"probe": "shift", "run": run.id, "against": run.id})


def test_a_link_with_a_border_shows_its_curves_at_once():
    def curves(**query):
        app = open_app("inductive_bias", probe="Shift", **query)
        return [chart.proto.spec for chart in app.get("plotly_chart")]

    default = curves()
    assert curves(border="zero") != default
    assert curves(border="reflect") == default


def test_run_without_its_weights_shows_its_results_and_is_not_measured():
    run = make_run(runs_dir(), "Left out", **SMALL)
    digest = hashlib.sha256(run.best.read_bytes()).hexdigest()
    run.best.with_name("best.safetensors.sha256").write_text(f"{digest}  best.safetensors\n")
    assert [*measure(PROBES["shift"], [Subject(run)], 500, with_run=True)]
    run.best.unlink()

    app = open_app("inductive_bias", probe="shift", run=run.id)
    assert not app.exception
    (model,) = (box for box in app.selectbox if box.label == "Model")
    assert model.value == run.id
    assert app.get("plotly_chart")
    assert not [info.value for info in app.info if "weights are not" in info.value]
    app = open_app("inductive_bias", probe="shuffle", run=run.id)
    assert [info.value for info in app.info if "weights are not" in info.value]
