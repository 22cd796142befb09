"""The Training page with a separate server: a read-only dashboard, and one that is restarted."""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WINDOW, Server, Visitor
from tests.browser.test_training import launch, wait_for_points
from tests.waiting import until
from vitcore.runs.folder import list_runs


@pytest.mark.slow
def test_read_only_dashboard_launches_nothing(browser, tmp_path):
    server = Server(tmp_path)
    command = [sys.executable, "-m", "dashboard", "--port", str(server.port), "--host", "0.0.0.0"]
    server.start(command)
    try:
        page = browser.new_context(viewport=WINDOW).new_page()
        visitor = Visitor(page, server.url)
        visitor.open("training")
        expect(page.get_by_role("button", name="Launch training")).to_be_disabled()
        expect(page.get_by_text(re.compile(r"\bmodern\b")).first).to_be_visible()
        visitor.open("compare")
        page.get_by_role("button", name="Published models").click()
        expect(page.get_by_test_id("stPopoverBody").get_by_role("button").first).to_be_disabled()
        visitor.check()
        page.context.close()
        assert "Read-only" in (tmp_path / "server.log").read_text()
    finally:
        server.stop()


@pytest.mark.slow
def test_training_outlives_browser_and_dashboard(browser, tmp_path):
    server = Server(tmp_path).start()
    try:
        context = browser.new_context(viewport=WINDOW)
        visitor = Visitor(context.new_page(), server.url)
        page = launch(visitor, epochs=500)
        wait_for_points(page, 1)
        address = page.url.removeprefix(f"{server.url}/")
        visitor.check()
        context.close()
        (run,) = list_runs(tmp_path / "runs", bundled=False)
        step = run.status().step
        server.stop()
        until(lambda: run.status().step > step, seconds=60)
        assert run.status().state == "running"

        server.start()
        context = browser.new_context(viewport=WINDOW)
        visitor = Visitor(context.new_page(), server.url)
        page = visitor.open(address)
        wait_for_points(page, 2)
        page.locator(".st-key-stop").get_by_role("button").click()
        expect(page.locator(".st-key-resume").get_by_role("button")).to_be_visible()
        visitor.check()
        context.close()
        assert run.status().state == "stopped"
    finally:
        server.stop()
