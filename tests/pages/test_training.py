"""The form of the Training page: invalid settings and export."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.drawing.markdown import escape
from dashboard.shared import jobs, resources
from dashboard.training import image_check, queue_panel, rehearsal
from tests.apptests import open_app
from tests.conftest import TINY_RESNET, make_folder
from tests.made_runs import make_run
from tests.waiting import until
from vitcore.architectures.vit import RARE
from vitcore.child import Child
from vitcore.config import make_config
from vitcore.paths import data_dir, runs_dir
from vitcore.provenance import processor_name
from vitcore.queue import launch as background
from vitcore.queue.devices import Device
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.status import Status


def widget(app, kind, label):
    """Return the first widget with a label. Popovers below the form repeat some of its labels."""
    return next(element for element in app.get(kind) if element.label == label)


def refusal(app):
    """The error that pressing the launch button adds; the popovers below may show their own already."""
    before = len(app.error)
    widget(app, "button", "Launch training").click().run()
    assert not app.exception, app.exception
    assert len(app.error) == before + 1
    return app.error[0].value


def own_runs():
    return list_runs(bundled=False)


@pytest.mark.parametrize(
    ("model", "kind", "label", "value", "named"),
    [
        ("ViT", "number_input", "Embedding", 100, "embed_dim 100"),
        ("ViT", "number_input", "Patch size", 5, "patch_size 5"),
        ("MLP-Mixer", "number_input", "Token dim", 3, "token_dim is 3"),
        ("ResNet", "text_input", "Channels", "8, 16", "c_hidden has 2 stages"),
        ("DenseNet", "text_input", "Layers", "6, many", "whole number"),
    ],
)
def test_invalid_setting_gets_an_error_and_launches_nothing(model, kind, label, value, named):
    app = open_app("training", model=model)
    widget(app, kind, label).set_value(value).run()
    assert escape(named) in refusal(app)
    assert not own_runs()


def test_error_disappears_when_the_setting_is_corrected():
    app = open_app("training", model="ResNet")
    widget(app, "number_input", "Epochs").set_value(-5).run()
    assert "-5" in refusal(app)
    widget(app, "number_input", "Epochs").set_value(10).run()
    assert not app.error
    assert not own_runs()


@pytest.mark.parametrize("folder", ["../../../etc", "", ".", "a\0b"])
def test_folder_outside_the_data_directory_is_refused(folder):
    app = open_app("training", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value(folder).run()
    assert refusal(app)
    assert not own_runs()


def test_run_of_this_machine_is_active_after_its_host_was_renamed():
    own = psutil.Process()
    status = Status(
        state="running",
        host="old-name",
        boot_id=process.boot_id(),
        pid=own.pid,
        process_start=own.create_time(),
        heartbeat=time.time(),
    )
    run = create_run(make_config("quick"), status=status)
    assert run.status().state == "running"
    assert queue_panel.read_queue([run]).training == [run]
    elsewhere = Status(state="queued", host="other", boot_id="other")
    assert queue_panel.queue_position(create_run(make_config("quick"), status=elsewhere)).endswith("other")
    renamed = Status(state="queued", host="old-name", boot_id=process.boot_id())
    assert queue_panel.queue_position(create_run(make_config("quick"), status=renamed)).startswith("Next")


def test_layout_of_a_folder_is_shown_before_the_launch(tmp_path):
    for name in ("train", "val", "extra"):
        make_folder(tmp_path / "flowers" / name, {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    data_dir().mkdir(parents=True)
    (data_dir() / "flowers").symlink_to(tmp_path / "flowers")
    app = open_app("training", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    report = " ".join(caption.value for caption in app.caption)
    assert all(name in report for name in ("train", "val", "extra", "2 classes"))


def test_unreadable_images_are_named_and_can_be_left_out():
    place = make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    for name in ("daisy/003.png", "rose/007.png"):
        (place / name).write_bytes((place / name).read_bytes()[:200])
    app = open_app("training", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    error = refusal(app)
    assert "2 of 24" in error
    assert all(escape(name) in error for name in ("daisy/003.png", "rose/007.png"))
    assert not own_runs()
    widget(app, "checkbox", "Leave out images that cannot be read").check().run()
    widget(app, "button", "Launch training").click().run()
    assert not app.exception
    (run,) = own_runs()
    assert run.config.skip_broken


def test_rehearsal_of_an_invalid_setting_gets_an_error():
    app = open_app("training", model="ViT")
    widget(app, "number_input", "Epochs").set_value(-3).run()
    widget(app, "button", "Rehearse").click().run()
    assert "-3" in app.error[0].value


def test_unfinished_run_exports_only_the_model():
    run = make_run(runs_dir(), "half way", model="resnet", **TINY_RESNET)
    run.write_status(run.stored_status().model_copy(update={"state": "stopped"}))
    app = open_app("training", watch=run.id)
    (archive,) = (button for button in app.get("download_button") if ".zip" in button.proto.label)
    assert archive.proto.disabled
    assert not widget(app, "button", "Make an ONNX file (.onnx)").disabled


def test_budget_of_a_fair_pair_follows_the_form_and_is_launched_once():
    app = open_app("training", model="ResNet")
    for epochs in (4, 3):
        widget(app, "number_input", "Epochs").set_value(epochs).run()
        assert any(f"Both: {epochs} epochs" in caption.value for caption in app.caption)
    widget(app, "text_input", "Minutes instead of epochs").set_value("2").run()
    assert any("Both: 2 minutes" in caption.value for caption in app.caption)
    widget(app, "text_input", "Minutes instead of epochs").set_value("").run()
    widget(app, "button", "Launch fair pair").click().run()
    assert not app.exception
    assert sorted(run.config.epochs for run in own_runs()) == [3, 3]
    assert [run.title for run in own_runs() if run.config.model == "resnet"] == ["ResNet quick, 3 epochs"]
    assert f"{len(own_runs())} runs" in app.toast[0].value


def test_second_press_says_that_the_run_is_launched_already():
    app = open_app("training", model="ResNet")
    widget(app, "button", "Launch training").click().run()
    assert app.toast[0].value == escape("ResNet quick is queued.")
    widget(app, "button", "Launch training").click().run()
    assert "Already launched" in app.toast[0].value
    assert len(own_runs()) == 1


def test_queue_and_its_announcement_distinguish_runs_of_the_same_title():
    runs = [background.launch(make_config("quick", seed=seed), title="ViT quick") for seed in range(2)]
    for run, second in zip(runs, ("11", "52"), strict=True):
        run.path.rename(run.path.with_name(f"vit-quick-20261128-1550{second}"))
    app = open_app("training")
    lines = [text.value for text in app.text if "15:50" in text.value]
    assert sorted(line.split(". ")[1] for line in lines) == [
        "ViT quick (28 Nov 15:50:11)",
        "ViT quick (28 Nov 15:50:52)",
    ]
    app.button(key="remove_vit-quick-20261128-155052").click().run()
    assert escape("15:50:52") in app.toast[0].value


def delete_form(ids, active):
    from dashboard.training import run_table
    from vitcore.runs.folder import find_run

    run_table._deletion([find_run(name) for name in ids], [find_run(name) for name in active])


def test_ended_runs_of_a_selection_can_be_deleted_while_another_is_active():
    ended, active = (make_run(runs_dir(), name, model="resnet", **TINY_RESNET) for name in ("a", "b"))
    app = AppTest.from_function(delete_form, args=([ended.id, active.id], [active.id])).run()
    assert any("1 active run." in caption.value for caption in app.caption)
    app.checkbox[0].check().run()
    app.button(key="delete_runs").click().run()
    assert [run.id for run in own_runs()] == [active.id]


def test_selection_of_the_table_ends_when_another_run_is_launched():
    first = make_run(runs_dir(), "first", model="resnet", **TINY_RESNET)
    app = open_app("training", all="true")
    before = app.dataframe[0].proto.id
    first.write_status(first.stored_status().model_copy(update={"active_s": 60.0}))
    assert app.run().dataframe[0].proto.id == before  # the same rows
    make_run(runs_dir(), "second", model="resnet", **TINY_RESNET)  # a row above, which moves the others
    assert app.run().dataframe[0].proto.id != before


def test_deleted_run_is_announced_with_the_run_that_is_shown_instead():
    run = make_run(runs_dir(), "half way", model="resnet", **TINY_RESNET)
    other = make_run(runs_dir(), "complete", model="resnet", **TINY_RESNET)
    app = open_app("training", watch=run.id)
    widget(app, "checkbox", "I understand that this run will be deleted").check().run()
    widget(app, "button", "Delete permanently").click().run()
    assert not app.exception
    assert [toast.value for toast in app.toast] == [escape("Deleted half way; now showing complete.")]
    assert [run.id for run in own_runs()] == [other.id]


def test_long_sweep_must_be_confirmed(monkeypatch):
    monkeypatch.setattr(resources, "devices", lambda: [Device("cpu", "cpu", processor_name())])
    app = open_app("training", model="ViT")
    assert not widget(app, "button", "Launch 6 runs").disabled
    assert any("About" in caption.value and escape("images/s") in caption.value for caption in app.caption)
    widget(app, "number_input", "Steps of each run").set_value(20_000).run()
    assert widget(app, "button", "Launch 6 runs").disabled
    sure = next(
        checkbox for checkbox in app.checkbox if checkbox.label.startswith("I know that this takes about")
    )
    sure.check().run()
    assert not widget(app, "button", "Launch 6 runs").disabled


def test_variants_of_a_model_are_lines_of_a_sweep():
    app = open_app("training", model="ViT")
    models = widget(app, "multiselect", "Models")
    models.set_value([*models.value, "vit+conv_stem"]).run()
    widget(app, "button", "Launch 9 runs")
    models.set_value(["vit+"]).run()
    assert not app.exception
    assert [escape("vit+") in error.value for error in app.error] == [True]


def test_time_of_a_sweep_never_comes_from_another_network_on_other_data(monkeypatch):
    monkeypatch.setattr(resources, "devices", lambda: [Device("cpu", "cpu", processor_name())])
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    for data in ("cifar10-mini", f"folder:{data_dir() / 'flowers'}"):
        run = make_run(runs_dir(), f"tiny on {data[:6]}", model="resnet", data=data, **TINY_RESNET)
        usual = {
            "step": 40,
            "active_s": 60.0,
            "device": "cpu",
            "machine": f"{processor_name()}, 1 threads, x",
        }
        run.write_status(run.stored_status().model_copy(update=usual))
    app = open_app("training", model="ResNet")
    (note,) = [caption.value for caption in app.caption if escape("images/s") in caption.value]
    assert "tiny" not in note
    assert escape("recipe quick") in note
    app = open_app("training", model="ResNet", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    assert not any(escape("images/s") in caption.value for caption in app.caption)
    assert any("ResNet and ViT" in caption.value for caption in app.caption)


def test_checked_folder_shows_the_images_that_cannot_be_read(monkeypatch):
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)

    def check(path):
        unreadable = tuple((f"daisy/{i}.png", "cut off") for i in range(7))
        yield jobs.Progress(24, 24, image_check.Checked(24, unreadable))

    monkeypatch.setattr(image_check, "check", check)
    app = open_app("training", data="own folder")
    assert widget(app, "button", "Check images").disabled
    widget(app, "text_input", "Folder under the data directory").set_value("flowers").run()
    widget(app, "button", "Check images").click().run()
    until(lambda: not jobs.running(image_check._key(data_dir().absolute() / "flowers")))
    app.run()
    (warning,) = app.warning
    assert escape("17 of 24") in warning.value
    assert escape("daisy/4.png and 2 more") in warning.value


def test_name_of_a_folder_is_no_markdown():
    make_folder(data_dir() / "my *best* flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    app = open_app("training", data="own folder")
    widget(app, "text_input", "Folder under the data directory").set_value("my *best* flowers").run()
    captions = [caption.value for caption in app.caption if "flowers" in caption.value]
    assert len(captions) == 2  # of the fair pair and of the sweep
    assert all(escape("my *best* flowers") in caption for caption in captions)


def test_rehearsal_shows_its_step():
    assert rehearsal._progress(cast(Child, SimpleNamespace(seconds=12.3, progress=(6, 23)))) == (
        "Rehearsing: step 6 of 23, 12 s so far"
    )


@pytest.mark.parametrize(("kinds", "first"), [(["cpu"], "quick"), (["cpu", "cuda"], "gpu")])
def test_first_recipe_depends_on_the_devices(kinds, first, monkeypatch):
    devices = [Device(f"{kind}:0", kind, kind) for kind in kinds]
    monkeypatch.setattr(resources, "devices", lambda: devices)
    assert widget(open_app("training"), "selectbox", "Recipe").value == first
    assert widget(open_app("training", recipe="modern"), "selectbox", "Recipe").value == "modern"


def test_form_offers_a_convolutional_stem_and_stores_it_only_if_it_is_chosen():
    app = open_app("training", model="vit", recipe="quick")
    fields = {(box.key or "").removesuffix("_vit_quick") for box in (*app.number_input, *app.checkbox)}
    assert fields & RARE == {"conv_stem"}
    for stem in (False, True):
        app.checkbox(key="conv_stem_vit_quick").set_value(stem).run()
        widget(app, "button", "Launch training").click().run()
        stored = [run.config.options for run in own_runs()]
        assert sum("conv_stem" in options for options in stored) == stem
    assert len(stored) == 2


@pytest.mark.parametrize(("model", "recipe"), [("vit", "pretrain"), ("vit", "finetune"), ("cct", "quick")])
def test_form_offers_no_convolutional_stem_where_it_has_no_effect(model, recipe):
    app = open_app("training", model=model, recipe=recipe)
    assert not any((box.key or "").startswith("conv_stem") for box in app.checkbox)


def test_result_of_the_recipe_is_shown_if_it_was_measured():
    def shown(**query):
        app = open_app("training", **query)
        return next(caption.value for caption in app.caption if caption.value.startswith("Recipe `"))

    assert "76.33 %" in shown(model="mixer", recipe="modern")
    assert "90.21 %" in shown(model="vit", recipe="gpu")
    assert "%" not in shown(model="mixer", recipe="gpu")  # only the ViT and the ResNet were trained with it


def test_error_that_rehearsal_and_launch_share_is_shown_once():
    app = open_app("training", data="own folder")
    before = len(app.error)  # those of the fair pair and the sweep, in their popovers
    for label in ("Rehearse", "Launch training"):
        widget(app, "button", label).click().run()
        assert not app.exception
        assert len(app.error) == before + 1, label
    widget(app, "selectbox", "Data").set_value("cifar10-mini").run()
    assert not app.error
