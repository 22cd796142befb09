"""Run a page of the dashboard without a browser."""

from __future__ import annotations

from functools import cache, partial

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import RerunData
from streamlit.testing.v1 import AppTest, local_script_runner

from tests.conftest import ROOT

# Each run of an AppTest reads the metadata of all installed packages, which takes longer than the page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def open_app(page: str = "overview", **query: str) -> AppTest:
    """Return the dashboard at one of its pages, after one run with these query parameters."""
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    app.query_params.update(query)
    if page != "overview":
        app.switch_page(f"../pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def click_in_fragment(app: AppTest, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Click a button of a fragment. The page runs again only if a fragment asks for it, as in a browser.

    `AppTest` itself runs the whole page after every click.
    """
    fragments = list(app._fragment_storage._fragments)
    assert fragments
    with monkeypatch.context() as patch:
        patch.setattr(local_script_runner, "RerunData", partial(RerunData, fragment_id_queue=fragments))
        app.button(key=key).click().run()
