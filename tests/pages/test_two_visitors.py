"""Two visitors at one run: what one deletes, renames or stops does not end the page of the other."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from dashboard.compare import hub_models
from dashboard.drawing.markdown import escape
from dashboard.shared import jobs
from tests.apptests import open_app
from tests.conftest import TINY_RESNET, TINY_VIT, make_folder
from tests.made_runs import make_run
from tests.waiting import until
from vitcore.config import make_config
from vitcore.data.datasets import CLASSES
from vitcore.errors import UserError
from vitcore.paths import runs_dir
from vitcore.queue import launch
from vitcore.runs import edit
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.status import Status

PARAMETER = {"training": "watch", "compare": "runs"}  # others: run


def button(app, key: str):
    return next(button for button in app.button if button.key == key)


def queued(title: str = "waiting") -> Run:
    return create_run(make_config(), title=title, status=Status(state="queued", created=1e9, queued=1e9))


@pytest.mark.parametrize("name", ["attention", "patches", "training", "compare", "inductive_bias"])
@pytest.mark.parametrize("gone", ["run", "weights"])
def test_page_goes_on_when_another_visitor_deletes_its_run(name, gone):
    run = make_run(runs_dir(), "theirs", model="vit", **TINY_VIT)
    app = open_app(name, **{PARAMETER.get(name, "run"): run.id})
    if gone == "run":
        edit.delete(run)
    else:
        shutil.rmtree(run.checkpoints)
    app.run()
    assert not app.exception
    assert run.path.exists() == (gone == "weights")


@pytest.mark.parametrize("name", ["attention", "patches", "training", "compare", "inductive_bias"])
def test_page_says_once_that_its_run_was_removed_and_which_one_it_shows(name):
    run = make_run(runs_dir(), "their run", model="vit", **TINY_VIT)
    app = open_app(name, **{PARAMETER.get(name, "run"): run.id})
    assert not app.toast
    shutil.rmtree(run.path)
    app.run()
    (toast,) = app.toast
    assert "their run" in toast.value
    assert "ViT\\, 88 epochs" in toast.value
    assert not app.run().toast


PAGES_WITH_WEIGHTS = ["attention", "patches", "compare", "inductive_bias"]


@pytest.mark.parametrize("name", PAGES_WITH_WEIGHTS)
@pytest.mark.parametrize("linked", [False, True])
def test_page_says_once_that_its_run_lost_its_weights_and_which_one_it_shows(name, linked):
    run = make_run(runs_dir(), "their run", model="vit", **TINY_VIT)
    if linked:
        shutil.rmtree(run.checkpoints)
    app = open_app(name, **{PARAMETER.get(name, "run"): run.id})
    if not linked:
        assert not app.toast
        shutil.rmtree(run.checkpoints)
        app.run()
    (toast,) = app.toast
    assert "their run" in toast.value
    assert "weights" in toast.value
    assert "ViT\\, 88 epochs" in toast.value
    assert not app.run().toast


@pytest.mark.parametrize(
    ("field", "model", "options", "view"),
    [
        ("beside", "resnet", TINY_RESNET, {"view": "Class maps"}),
        ("right_run", "vit", TINY_VIT, {"view": "Side by side", "versus": "models"}),
    ],
)
def test_page_says_that_a_second_run_lost_its_weights(field, model, options, view):
    run = make_run(runs_dir(), "their run", model=model, classes=CLASSES, **options)
    app = open_app("attention", **view, **{field: run.id})
    shutil.rmtree(run.checkpoints)
    app.run()
    assert any("their run" in toast.value and "weights" in toast.value for toast in app.toast)


@pytest.mark.parametrize("name", ["attention", "patches", "inductive_bias"])
def test_page_stays_with_a_run_whose_weights_are_damaged_and_says_so(name):
    run = make_run(runs_dir(), "their run", model="vit", **TINY_VIT)
    app = open_app(name, run=run.id)
    with run.best.open("r+b") as file:
        file.truncate(1000)
    app.run()
    assert not app.toast
    assert any("best" in error.value and escape(run.id) in error.value for error in [*app.error, *app.info])


def test_run_that_another_page_does_not_offer_is_not_called_removed():
    run = make_run(runs_dir(), "my run", model="resnet", **TINY_RESNET)
    app = open_app("attention", run=run.id)
    app.switch_page("../pages/patches.py").run()  # only for ViTs
    assert not any("my run" in toast.value for toast in app.toast)


def test_visitor_who_deletes_a_run_gets_only_the_confirmation():
    run = make_run(runs_dir(), "my run", model="vit", **TINY_VIT)
    app = open_app("training", watch=run.id)
    app.checkbox(key=f"sure_run_{run.id}").check().run()
    button(app, "delete").click().run()
    (toast,) = app.toast
    assert "my run" in toast.value


@pytest.mark.parametrize("key", ["describe", "copy", "delete"])
def test_pressing_a_button_of_a_run_that_is_gone_gives_a_sentence_and_no_folder(key):
    run = make_run(runs_dir(), "theirs", model="resnet", **TINY_RESNET)
    app = open_app("training", watch=run.id)
    if key == "delete":
        app.checkbox(key=f"sure_run_{run.id}").check().run()
    edit.delete(run)
    button(app, key).click().run()
    assert not app.exception
    assert not run.path.exists()
    if key != "copy":
        assert any(escape(run.id) in error.value for error in [*app.error, *app.toast])


@pytest.mark.parametrize("key", ["first", "last", "up", "down", "remove"])
def test_moving_a_run_that_another_visitor_removed_gives_a_sentence(key):
    runs = [queued(f"run {i}") for i in range(3)]
    app = open_app("training", watch=runs[1].id)
    launch.stop(runs[1])
    edit.delete(runs[1])
    name = f"{key}_{runs[1].id}"
    if any(button.key == name for button in app.button):
        button(app, name).click().run()
        assert not app.exception
    assert len(list_runs(bundled=False)) == 2


def test_stopping_a_run_that_another_visitor_stopped_and_deleted_gives_a_sentence():
    run = queued()
    app = open_app("training", watch=run.id)
    launch.stop(run)
    edit.delete(run)
    button(app, "stop").click().run()
    assert not app.exception
    assert not run.path.exists()


def test_new_title_of_another_visitor_is_kept_when_the_page_is_drawn_again():
    run = make_run(runs_dir(), "before", model="resnet", **TINY_RESNET)
    app = open_app("training", watch=run.id)
    edit.describe(run, "after")
    app.run()
    assert not app.exception
    assert run.title == "after"


@pytest.mark.parametrize("name", ["vit_quick", "resnet_quick", "selected_x", "count", "eight_x"])
def test_folder_named_like_a_key_of_the_page_is_watched_and_selected(name):
    run = make_run(runs_dir(), "mine", model="vit", **TINY_VIT)
    run.path.rename(runs_dir() / name)
    app = open_app("training", watch=name, all="true")
    assert not app.exception
    app.checkbox(key=f"sure_run_{name}").check().run()
    assert not app.exception


@pytest.mark.parametrize("tag", ["selected", "val_acc_", "train", "metrics_page", "x", "lr"])
def test_metric_named_like_a_key_of_the_page_is_drawn(tag):
    from torch.utils.tensorboard import SummaryWriter

    run = make_run(runs_dir(), "mine", model="vit", **TINY_VIT)
    with SummaryWriter(str(run.path)) as writer:
        writer.add_scalar(tag, 1.0, 0)
        writer.add_scalar(tag, 2.0, 1)
    app = open_app("training", watch=run.id, all="true", more_watch="true")
    assert not app.exception
    assert any("More metrics" in toggle.label and toggle.value for toggle in app.toggle)


@pytest.mark.parametrize("name", ["attention", "patches", "inductive_bias", "compare", "training"])
def test_run_whose_folder_of_images_has_other_classes_by_now_is_shown_without_them(name, tmp_path):
    colors = {"blue": (0, 0, 200), "red": (200, 0, 0), "green": (0, 200, 0)}
    place = make_folder(tmp_path / "photos", colors, 20)
    run = make_run(runs_dir(), "changed", model="resnet", data=f"folder:{place}", **TINY_RESNET)
    app = open_app(name, **{PARAMETER.get(name, "run"): run.id})  # its model has ten classes
    if name == "attention":
        assert any("photos" in info.value for info in app.info)


def test_images_whose_names_are_not_utf8_are_shown(tmp_path):
    place = make_folder(tmp_path / "photos", {"blue": (0, 0, 200), "red": (200, 0, 0)}, 20)
    os.rename(place / "red", os.path.join(os.fsencode(place), b"\xff\xfe"))
    run = make_run(runs_dir(), "mine", model="resnet", data=f"folder:{place}", **TINY_RESNET)
    app = open_app("attention", run=run.id)
    assert not app.exception


def test_only_the_visitor_who_started_an_import_sees_its_error_and_its_outcome(monkeypatch):
    may_end = threading.Event()

    def steps(name):
        assert may_end.wait(60)
        if name == "a/missing":
            raise UserError(f"{name} is missing: choose another.")
        yield jobs.Progress(1, 1, [f"Imported {name}."])

    monkeypatch.setattr(jobs, "_jobs", {})
    monkeypatch.setattr(hub_models, "steps", steps)
    first, second = open_app("compare"), open_app("compare")

    def import_(name):
        first.text_input(key="hub_name").input(name).run()
        may_end.clear()
        button(first, "hub_import").click().run()
        may_end.set()
        until(lambda: not jobs.running(hub_models.JOB), why="the import did not end")
        for app in (second, first):
            app.run()
            assert not app.exception

    import_("a/missing")
    assert [error.value for error in first.error if "missing" in error.value]
    assert not second.error
    first.text_input(key="hub_name").input("").run()
    assert not first.error, "it is about another model"
    import_("a/model")
    assert [toast.value for toast in first.toast if "model" in toast.value]
    assert not first.error
    assert not second.toast
