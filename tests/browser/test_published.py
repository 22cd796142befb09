"""The import of the published models, without a network and from a local server."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.published_site import serve


def press(visitor):
    page = visitor.open("compare")
    page.get_by_role("button", name="Published models").click()
    page.get_by_test_id("stPopoverBody").get_by_role("button").first.click()
    return page


def test_published_models_are_imported_or_the_network_error_is_shown(page, tmp_path, shared, monkeypatch):
    with serve(tmp_path / "site", shared, breaks=False) as address:
        for url in ("http://127.0.0.1:9", address):
            monkeypatch.setenv("VITLAB_PUBLISHED", url)
            server = Server(tmp_path).start()
            try:
                visitor = Visitor(page, server.url)
                body = press(visitor).get_by_test_id("stPopoverBody")
                if url == address:
                    expect(page.get_by_test_id("stToast")).to_have_text(re.compile("5 runs"))
                    expect(body).to_have_count(0)
                else:
                    expect(body.get_by_test_id("stAlert")).to_have_text(re.compile("127.0.0.1:9"))
                visitor.check()
                if url == address:  # the list contains them without a reload
                    page.keyboard.press("Escape")
                    for label in ("ViT, published", "GoogleNet, published", "PreActResNet, published"):
                        page.get_by_role("combobox", name="Runs").fill(label)
                        expect(page.get_by_role("option", name=label).first).to_be_visible()
                    visitor.check()
            finally:
                page.goto("about:blank")
                server.stop()
