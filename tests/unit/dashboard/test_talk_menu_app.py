"""The menu "Talk" without a browser."""

from __future__ import annotations

from dashboard.drawing.markdown import escape
from tests.unit.dashboard.app import open_app


def test_talk_menu_shows_the_folder_of_the_talks_literally(tmp_path, monkeypatch):
    folder = tmp_path / "my *own* [talks](x)"
    monkeypatch.setenv("VITLAB_TALKS", str(folder))
    app = open_app()
    texts = [caption.value for caption in app.caption if "YAML" in caption.value]
    assert len(texts) == 1
    assert escape(str(folder)) in texts[0]
    assert r"\*own\*" in texts[0]
