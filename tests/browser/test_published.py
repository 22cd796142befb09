"""The import of the published models, first without a connection and then from a local server."""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.published_site import serve


def press(visitor):
    """Start the import, and return the popover."""
    page = visitor.open("compare")
    page.get_by_role("button", name="Published models").click()
    body = page.get_by_test_id("stPopoverBody")
    body.get_by_role("button").first.click()
    return body


@pytest.mark.slow
def test_published_models_are_imported_after_a_network_error_was_shown(page, tmp_path, shared):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(tmp_path).start(VITLAB_PUBLISHED=f"http://127.0.0.1:{port}")
    try:
        visitor = Visitor(page, server.url)
        expect(press(visitor).get_by_test_id("stAlert")).to_contain_text(f"127.0.0.1:{port}")
        visitor.check()
        with serve(tmp_path / "site", shared, breaks=False, port=port):
            body = press(visitor)
            expect(page.get_by_test_id("stToast")).to_contain_text("5 runs")
            expect(body).to_have_count(0)
        visitor.check()
        for label in ("ViT, published", "GoogleNet, published", "PreActResNet, published"):
            page.get_by_role("combobox", name="Runs").fill(label)  # lists them without a reload
            expect(page.get_by_role("option", name=label).first).to_be_visible()
        visitor.check()
    finally:
        page.goto("about:blank")
        server.stop()
