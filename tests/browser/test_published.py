"""The button that imports the published models: without a network, and with a server of their files."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.published_site import serve


def press(visitor):
    page = visitor.open("compare")
    page.get_by_role("button", name="Published models").click()
    page.get_by_role("button", name="Download and import").click()
    return page


def test_published_models_are_imported_or_the_network_error_is_shown(page, tmp_path, shared, monkeypatch):
    with serve(tmp_path / "site", shared, breaks=False) as address:
        for url, words in (("http://127.0.0.1:9", "connect to the internet"), (address, "5 runs")):
            monkeypatch.setenv("VITLAB_PUBLISHED", url)
            server = Server(tmp_path).start()
            try:
                visitor = Visitor(page, server.url)
                shown = press(visitor)
                expect(shown.get_by_text(re.compile(words))).to_be_visible()
                visitor.check()
                if url == address:  # in the list at once
                    page.keyboard.press("Escape")
                    for label in ("ViT, published", "GoogleNet, published", "PreActResNet, published"):
                        page.get_by_role("combobox", name="Runs").fill(label)
                        expect(page.get_by_role("option", name=label).first).to_be_visible()
                    visitor.check()
            finally:
                page.goto("about:blank")
                server.stop()
