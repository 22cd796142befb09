"""Fine-tuning on the Training page: the choice of a start, its settings, and sweeps with fine-tuned lines."""

from __future__ import annotations

import pytest

from dashboard.drawing.markdown import escape
from dashboard.training import start_form
from tests.apptests import open_app
from tests.conftest import TINY_RESNET, TINY_VIT, make_folder
from tests.made_runs import make_run
from vitcore.paths import data_dir, runs_dir
from vitcore.runs import edit
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.start import fine_tuned
from vitcore.runs.status import Status
from vitcore.sweeps.sweep import find_sweeps


def widget(app, kind, label):
    return next(element for element in app.get(kind) if element.label == label)


def labels(app, kind):
    return [element.label for element in app.get(kind)]


def tuned_runs():
    return [run for run in list_runs(bundled=False) if run.config.start]


def launch(app):
    widget(app, "button", "Launch training").click().run()
    assert not app.exception, app.exception


@pytest.fixture
def start():
    return make_run(runs_dir(), "my start", **{**TINY_VIT, "dropout": 0.2})


def test_start_is_offered_only_by_recipes_that_need_one(start):
    app = open_app("training", model="vit")
    assert "Start from" not in labels(app, "selectbox")
    widget(app, "selectbox", "Recipe").set_value("finetune").run()
    assert any("my start" in option for option in widget(app, "selectbox", "Start from").options)
    assert {"Head rate", "Layer decay"} <= set(labels(app, "text_input"))
    assert "Patch size" not in labels(app, "number_input")  # which the weights determine
    widget(app, "selectbox", "Recipe").set_value("linear-probe").run()
    assert "Head rate" not in labels(app, "text_input")
    widget(app, "selectbox", "Recipe").set_value("quick").run()
    assert "Start from" not in labels(app, "selectbox")
    assert "start" not in app.query_params


def test_run_is_launched_from_the_chosen_start(start):
    app = open_app("training", model="vit", recipe="finetune", start=start.id)
    widget(app, "text_input", "Layer decay").set_value("0.5").run()
    launch(app)
    (run,) = tuned_runs()
    config = run.config
    assert (config.start, config.recipe, config.layer_decay) == (start.id, "finetune", 0.5)
    assert config.options == start.config.options
    assert (run.checkpoints / "start.safetensors").read_bytes() == start.best.read_bytes()


def test_images_of_a_folder_get_the_size_of_the_start(start):
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    large = make_run(runs_dir(), "large", data="photos", image_size=64, **TINY_VIT)
    app = open_app("training", model="vit", recipe="linear-probe", start=large.id, data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    assert widget(app, "number_input", "Image size").value == 64
    launch(app)
    (run,) = tuned_runs()
    assert (run.config.image_size, run.config.freeze, run.config.classes) == (64, True, ("daisy", "rose"))


def test_button_of_a_run_fills_the_form_with_it_as_the_start():
    run = make_run(runs_dir(), "a ResNet", model="resnet", **TINY_RESNET)
    app = open_app("training", watch=run.id, model="vit")
    app.button(key="fine_tune").click().run()
    assert widget(app, "selectbox", "Model").value == "resnet"
    assert widget(app, "selectbox", "Recipe").value == "finetune"
    assert widget(app, "selectbox", "Start from").value == run.id
    assert app.query_params["start"] in (run.id, [run.id])


def test_start_with_larger_images_opens_with_the_folder_of_images(start):
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    large = make_run(runs_dir(), "large", data="photos", image_size=64, **TINY_VIT)
    app = open_app("training", watch=large.id)
    app.button(key="fine_tune").click().run()
    assert not app.exception
    assert widget(app, "selectbox", "Data").value == "own folder"
    assert widget(app, "text_input", "Folder under the data directory").value == "flowers"
    assert widget(app, "number_input", "Image size").value == 64
    widget(app, "selectbox", "Data").set_value("cifar10-mini").run()
    assert any("64" in info.value and "32" in info.value for info in app.info)
    widget(app, "selectbox", "Start from").set_value(start.id).run()
    assert not any("pixels" in info.value for info in app.info)


def test_missing_start_of_a_link_is_warned_about(start):
    app = open_app("training", model="vit", recipe="finetune", start="nowhere")
    assert any("nowhere" in toast.value for toast in app.toast)


def test_invalid_settings_of_a_fine_tuning_launch_nothing(start):
    app = open_app("training", model="vit", recipe="finetune", start=start.id)
    widget(app, "text_input", "Layer decay").set_value("2").run()
    launch(app)
    assert "layer_decay" in app.error[0].value.replace("\\", "")
    assert not tuned_runs()


def test_model_without_weights_says_that_there_is_no_start(monkeypatch):
    monkeypatch.setattr(start_form, "can_start", lambda run: run.config.model != "googlenet")
    app = open_app("training", model="googlenet", recipe="finetune")
    assert any("GoogleNet" in info.value for info in app.info)
    launch(app)
    assert "finetune" in app.error[0].value
    assert not tuned_runs()


def test_settings_of_a_fine_tuned_run_are_copied_although_its_start_is_gone(start):
    config = fine_tuned(start, "linear-probe", data="cifar10-mini", seed=7)
    run = create_run(config, status=Status(state="stopped"))
    digest = run.config.start_digest
    edit.delete(start)
    app = open_app("training", watch=run.id)
    assert any(f"from {escape(start.id)}" in text.value for text in app.markdown)
    app.button(key="copy").click().run()
    assert widget(app, "selectbox", "Start from").value == start.id
    launch(app)
    (copied,) = (found for found in tuned_runs() if found.id != run.id)
    assert (copied.config.start_digest, copied.config.seed) == (digest, 7)


def test_sweep_has_a_line_for_a_fine_tuned_start(start):
    app = open_app("training", model="vit", recipe="finetune", start=start.id)
    chosen = widget(app, "multiselect", "Also fine-tuned from")
    assert chosen.value == [start.id]
    widget(app, "number_input", "Steps of each run").set_value(10).run()
    app.button(key="launch_sweep").click().run()
    assert not app.exception
    sweep = next(found for found in find_sweeps(list_runs(bundled=False)))
    tuned = [run.config for run in sweep.runs if run.config.start]
    scratch = [run.config for run in sweep.runs if not run.config.start]
    assert {(c.start, c.recipe) for c in tuned} == {(start.id, "finetune")}
    assert {(c.model, c.recipe) for c in scratch} == {("vit", "quick"), ("resnet", "quick")}
    assert {c.train_share for c in tuned} == {c.train_share for c in scratch}
    assert len({c.batch_size for c in (*tuned, *scratch)}) == 1


def test_sweep_of_a_form_from_scratch_takes_the_image_size_of_an_added_start():
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    large = make_run(runs_dir(), "large", data="photos", image_size=64, **TINY_VIT)
    app = open_app("training", model="vit", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    widget(app, "multiselect", "Also fine-tuned from").set_value([large.id]).run()
    assert any("64x64 pixels" in caption.value for caption in app.caption)
    widget(app, "number_input", "Steps of each run").set_value(10).run()
    app.button(key="launch_sweep").click().run()
    assert not app.exception
    (sweep,) = find_sweeps(list_runs(bundled=False))
    assert {run.config.image_size for run in sweep.runs} == {64}
    assert {run.config.options["patch_size"] for run in sweep.runs if run.config.model == "vit"} == {
        large.config.options["patch_size"]
    }


def test_read_only_page_neither_launches_nor_offers_to_fine_tune(start, monkeypatch):
    monkeypatch.setenv("VITLAB_READONLY", "1")
    app = open_app("training", watch=start.id, model="vit", recipe="finetune", start=start.id)
    assert widget(app, "button", "Launch training").disabled
    assert "Fine-tune" not in labels(app, "button")
