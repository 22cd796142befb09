"""A file of weights that a visitor uploads or names on Compare becomes a run, or a sentence."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from dashboard.compare import hub_models, weight_upload
from dashboard.drawing.markdown import escape
from dashboard.shared import jobs
from tests.apptests import open_app
from tests.conftest import ROOT
from tests.foreign_resnets import of_timm
from tests.waiting import until
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.runs.folder import list_runs


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch):
    monkeypatch.setattr(jobs, "_jobs", {})


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Keep uploaded files in a folder that can be looked into."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(weight_upload.tempfile, "tempdir", str(folder))
    return folder


def upload(name, content):
    app = open_app("compare")
    app.file_uploader[0].set_value((name, content, "application/octet-stream")).run()
    next(button for button in app.button if button.label == "Import this file").click().run()
    assert not app.exception, app.exception
    return app


def test_uploaded_resnet_becomes_a_run_with_its_outputs(kept):
    case = of_timm("BasicBlock", layers=(1, 1, 1, 1))
    app = upload("my net.safetensors", save(case.state))
    until(lambda: not jobs.running(weight_upload.JOB), why="the import did not end")
    app.run()
    assert not app.error
    (run,) = list_runs(bundled=False)
    assert "my_net" in run.title
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(load_run(run)(images), case.model(images), atol=1e-5, rtol=0)
    assert list(kept.glob("vitlab-upload-*")) == []


def test_path_becomes_a_run_and_the_page_says_what_was_assumed(tmp_path):
    (tmp_path / "net.pth").write_bytes(save(of_timm("BasicBlock", layers=(1, 1, 1, 1)).state))
    app = open_app("compare")
    app.text_input(key="hub_name").input(str(tmp_path / "net.pth")).run()
    app.button(key="hub_import").click().run()
    assert not app.exception, app.exception
    until(lambda: not jobs.running(hub_models.JOB), why="the import did not end")
    app.run()
    assert not app.error
    (run,) = list_runs(bundled=False)
    assumed = "mean=[0.485, 0.456, 0.406]"
    assert assumed in run.stored_status().reason
    assert escape(assumed) in "".join(toast.value for toast in app.toast)
    assert escape(assumed) in "".join(caption.value for caption in app.run().caption)
    app.button(key="hub_import").click().run()
    until(lambda: not jobs.running(hub_models.JOB), why="the second import did not end")
    app.run()
    assert len(list_runs(bundled=False)) == 1
    assert [toast.value for toast in app.toast if "already there" in toast.value]


class Harmful:
    """An object whose unpickling creates a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_file_with_code_is_refused_in_a_sentence_and_not_kept(kept, tmp_path):
    content, mark = io.BytesIO(), tmp_path / "executed"
    torch.save({"state_dict": Harmful(mark)}, content)
    app = upload("weights.pt", content.getvalue())
    until(lambda: not jobs.running(weight_upload.JOB), why="the import did not end")
    app.run()
    (error,) = app.error
    assert "more than tensors" in error.value
    assert not mark.exists()
    assert list_runs(bundled=False) == []
    assert list(kept.glob("vitlab-upload-*")) == []


@pytest.mark.parametrize(
    ("name", "kept_name"),
    [
        ("a/../../b c.pt", "b_c.pt"),
        ("..\\x.PTH", "x.pth"),
        ("--help.safetensors", "--help.safetensors"),
        (".pt", "weights.pt"),
        (f"{'n' * 300}.ckpt", f"{'n' * 80}.ckpt"),
    ],
)
def test_name_of_an_uploaded_file_stays_in_its_folder(name, kept_name, kept):
    path = weight_upload.stored(name, b"content")
    assert path.name == kept_name
    assert path.parent.parent == kept
    assert path.read_bytes() == b"content"


def test_other_and_too_large_files_are_not_stored(kept, monkeypatch):
    with pytest.raises(UserError, match="safetensors"):
        weight_upload.stored("weights.zip", b"content")
    monkeypatch.setattr(weight_upload, "MOST_MB", 0)
    with pytest.raises(UserError, match="0 MB"):
        weight_upload.stored("weights.pt", b"content")
    assert list(kept.iterdir()) == []


def test_file_that_cannot_be_written_is_not_kept(kept, monkeypatch):
    def full(_path, _content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left"):
        weight_upload.stored("weights.pt", b"content")
    assert list(kept.iterdir()) == []


def test_file_of_the_slower_of_two_visitors_is_refused_and_not_kept(kept, monkeypatch):
    proceed = threading.Event()
    other = jobs.start(weight_upload.JOB, lambda: iter([proceed.wait(60)]), computes=False)
    with monkeypatch.context() as before:
        before.setattr(jobs, "running", lambda _: False)  # as this visitor saw it
        app = upload("weights.pt", b"content")
    assert any("Another model" in error.value for error in app.error)
    assert list(kept.iterdir()) == []
    proceed.set()
    until(lambda: other.over)


def test_limit_of_the_uploader_is_that_of_the_server():
    assert f"maxUploadSize = {weight_upload.MOST_MB}\n" in (ROOT / ".streamlit/config.toml").read_text()
