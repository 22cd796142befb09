"""What a visitor can import by a name of the Hugging Face Hub or a path on the Compare page."""

from __future__ import annotations

import pytest

from dashboard.compare import hub_models, import_progress
from dashboard.compare.hub_models import source_of
from tests.conftest import ROOT
from vitcore.errors import UserError
from vitcore.exchange.recommended import Recommended
from vitcore.paths import data_dir


@pytest.fixture
def other_machines(monkeypatch):
    """Let other machines reach the server under a name."""
    monkeypatch.setenv("VITLAB_HOSTS", "lab.example.org")


@pytest.fixture
def weights():
    """Return a file of weights below the data directory."""
    file = data_dir() / "models" / "net.pth"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


@pytest.mark.parametrize(
    "name", ["--help", "http://127.0.0.1/x.pt", "file:///x", "a/b/c", "tutorial", "\0", "~"]
)
def test_addresses_options_and_missing_paths_are_refused(name, monkeypatch, other_machines):
    monkeypatch.setattr(import_progress, "Child", lambda *_, **__: pytest.fail("the command was started"))
    with pytest.raises(UserError):
        next(hub_models.steps(name))


def test_file_or_folder_of_this_machine_is_imported_by_its_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net.pth").touch()
    assert source_of(str(tmp_path)) == str(tmp_path)
    assert source_of("~/net.pth") == str(tmp_path / "net.pth")
    with pytest.raises(UserError, match="OWNER/MODEL"):
        source_of(str(tmp_path / "missing.pth"))


def test_visitors_from_other_machines_import_only_from_the_data_directory(weights, tmp_path, other_machines):
    outside = tmp_path / "net.pth"
    outside.touch()
    for name in ("models/net.pth", str(weights)):
        assert source_of(name) == str(weights)
    missing = outside.with_name("missing.pth")
    refusals = []
    for path in (outside, missing):
        with pytest.raises(UserError) as refusal:
            source_of(str(path))
        refusals.append(str(refusal.value).replace(str(path), "PATH"))
    assert refusals[0] == refusals[1], "a refusal shows whether a file exists"
    with pytest.raises(UserError):
        source_of(f"models/../../{outside.name}")


def test_name_of_the_hub_is_not_taken_for_a_folder_of_the_server(monkeypatch):
    assert source_of("facebook/dinov2-small") == "facebook/dinov2-small"
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="OWNER/MODEL"):
        source_of("assets/runs")


def test_table_says_what_a_model_is_chosen_by():
    model = Recommended("timm/x", "ViT-X/16", 12_345_678, 16, 224, "ImageNet-1k", "mit", 1000)
    row = hub_models.row_of(model)
    for value in ("ViT-X/16", 12.345678, 16, 224, "ImageNet-1k", "mit", 49):  # 4 bytes for each parameter
        assert value in row.values()
    assert {*hub_models.COLUMNS} <= {*row}


def test_announcements_say_what_was_assumed():
    row = {"title": "ViT, imported (net)", "existing": False}
    first, second = import_progress.announcements(
        {**row, "reason": "imported from net.pth; it is X; assumed: heads=3"}
    )
    assert row["title"] in first
    assert second == "It is X; assumed: heads=3."
    (alone,) = import_progress.announcements({**row, "reason": ""})
    assert row["title"] in alone
