"""What a visitor can import from the Hugging Face Hub on the Compare page."""

from __future__ import annotations

import pytest

from dashboard.compare import hub_models, import_progress
from tests.conftest import ROOT
from vitcore.errors import UserError


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../secret/weights", "--help", "http://127.0.0.1/x.pt", "file:///x", "a/b/c", "tutorial"],
)
def test_visitor_cannot_import_files_of_the_server_or_addresses(name, monkeypatch):
    monkeypatch.setattr(import_progress, "Child", lambda *_, **__: pytest.fail("the command was started"))
    with pytest.raises(UserError, match="OWNER/MODEL"):
        next(hub_models.steps(name))


def test_folder_of_the_server_is_not_taken_for_a_model(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(import_progress, "Child", lambda *_, **__: pytest.fail("the command was started"))
    with pytest.raises(UserError, match="OWNER/MODEL"):
        next(hub_models.steps("assets/runs"))
