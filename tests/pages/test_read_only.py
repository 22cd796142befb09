"""In read-only mode every act is refused when it is asked for, whatever the page shows."""

from __future__ import annotations

import threading

import psutil
import pytest
from streamlit.elements.widgets.button import ButtonMixin

from dashboard.drawing.markdown import escape
from dashboard.shared import jobs
from dashboard.shared.measurements import look_up
from dashboard.training import export, rehearsal
from tests.apptests import open_app
from tests.conftest import TINY_RESNET, make_folder
from tests.made_runs import make_run
from vitcore.errors import UserError
from vitcore.paths import data_dir, runs_dir
from vitcore.probes import find_probe
from vitcore.probes.store import Subject, images_for
from vitcore.queue import launch, order
from vitcore.runs import edit
from vitcore.runs.folder import Run
from vitcore.runs.status import Meta, SweepLink
from vitcore.sweeps.sweep import delete_sweep, find_sweep, resume_sweep, stop_sweep

BUTTONS = {  # labels of the buttons that launch, measure or write
    "training": [
        "Launch training",
        "Rehearse",
        "Launch fair pair",
        "Launch 6 runs",
        "Make an ONNX file (.onnx)",
    ],
    "compare": ["Download and import", "Import DeiT", "Import this file"],
    "inductive_bias": ["Measure now"],
}
RUN = "the run"
QUERIES = {"training": {"watch": RUN}, "compare": {}, "inductive_bias": {"probe": "Frequencies", "n": "1000"}}


@pytest.fixture
def stopped():
    """Return a run of a sweep that has stopped, with weights and no measurements."""
    run = make_run(runs_dir(), "half way", model="resnet", **TINY_RESNET)
    run.write_status(run.stored_status().model_copy(update={"state": "stopped"}))
    run.write_meta(Meta(title="before", sweep=SweepLink(name="shares", kind="samples")))
    return run


@pytest.fixture
def unchanged(stopped, monkeypatch):
    """Switch read-only mode on, and assert in the end that nothing was written and nothing started."""
    before, children = contents(), set(psutil.Process().children(recursive=True))
    monkeypatch.setattr(jobs, "_jobs", {})
    monkeypatch.setenv("VITLAB_READONLY", "1")
    yield
    assert contents() == before
    assert not set(psutil.Process().children(recursive=True)) - children
    assert not jobs._jobs
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("job ")]


def contents():
    files = [path for path in runs_dir().rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def enabled(monkeypatch):
    """Enable every button, so that a refusal comes from the act and not from Streamlit."""
    original = ButtonMixin._button
    monkeypatch.setattr(
        ButtonMixin, "_button", lambda *args, **more: original(*args, **{**more, "disabled": False})
    )


@pytest.mark.parametrize("name", BUTTONS)
def test_pressed_buttons_are_refused(name, stopped, unchanged, enabled):
    query = {key: value.replace(RUN, stopped.id) for key, value in QUERIES[name].items()}
    app = open_app(name, **query)
    for label in BUTTONS[name]:
        next(button for button in app.get("button") if button.label.startswith(label)).click().run()
        assert not app.exception
        refusals = [error.value for error in app.error if escape("read-only") in error.value]
        assert refusals, label


def test_check_of_images_is_refused(unchanged, enabled):
    make_folder(data_dir() / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    app = open_app("training", data="own folder")
    app.text_input(key="folder").set_value("flowers").run()
    app.button(key="check_images").click().run()
    assert not app.exception
    assert any(escape("read-only") in error.value for error in app.error)


def measure(run: Run) -> None:
    probe, subjects = find_probe("shift"), [Subject(run)]
    look_up(probe, subjects, images_for([run], 10), probe.settings(), count=10, name="shift").start()


def test_every_act_is_refused(stopped, unchanged):
    sweep = find_sweep("shares")
    acts = [
        lambda: launch.launch(stopped.config),
        lambda: launch.resume(stopped),
        lambda: launch.stop(stopped),
        lambda: launch.take_over(stopped),
        lambda: order.move(stopped, "first"),
        lambda: edit.describe(stopped, "after"),
        lambda: edit.delete(stopped),
        lambda: stop_sweep(sweep),
        lambda: resume_sweep(sweep),
        lambda: delete_sweep(sweep),
        lambda: measure(stopped),
        lambda: rehearsal.rehearse("", "model: vit"),
        lambda: jobs.start(export._key(stopped), lambda: export._export(stopped)),
    ]
    for act in acts:
        with pytest.raises(UserError, match="read-only"):
            act()
