"""The dashboard below a proxy's prefix, and in a frame of another site."""

from __future__ import annotations

import http.server
import sys
import threading

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.browser.proxy import Proxy

EXPLORER = ".xp[data-frame]"


@pytest.mark.slow
def test_everything_works_below_a_prefix_that_the_proxy_takes_away(server, page):
    proxy = Proxy(server.port, "/user/ada/lab")
    try:
        page.goto(f"{proxy.url}/user/ada/lab?look=dog")  # without a slash at its end
        attention = page.get_by_test_id("stTopNavLink").filter(has_text="Attention")
        expect(attention).to_be_visible()
        assert page.url.startswith(f"{proxy.url}/user/ada/lab/?look=dog")
        visitor = Visitor(page, f"{proxy.url}/user/ada/lab")
        proxy.missed.clear()  # what the address without a slash has asked for before it was mended
        attention.click()
        expect(page.locator(EXPLORER)).to_be_visible()
        visitor.open("compare")
        expect(page.locator(".js-plotly-plot .scatterlayer").first).to_be_visible()  # plotly.js was found
        visitor.check()
        assert proxy.missed == []
    finally:
        proxy.close()


def framing_site(inner: str):
    """A site of another origin with one page: the dashboard in a frame."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f'<iframe src="{inner}" width="1280" height="900"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    return site


@pytest.mark.slow
def test_a_frame_of_another_site_stays_empty(server, page):
    site = framing_site(f"{server.url}/attention")
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    try:
        page.goto(f"http://localhost:{site.server_port}/")
        page.wait_for_function("() => document.querySelector('iframe')")
        page.wait_for_load_state("networkidle")
        assert any("frame-ancestors" in text for text in refused)
        assert page.frame_locator("iframe").locator(EXPLORER).count() == 0
    finally:
        site.shutdown()


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_an_allowed_site_shows_the_dashboard_in_a_frame_and_uploads_work_there(tmp_path, page):
    server = Server(tmp_path)
    command = [sys.executable, "-m", "dashboard", "--port", str(server.port)]
    server.start([*command, "--allow-frames", "http://localhost:*"])
    site = framing_site(f"{server.url}/attention")
    try:
        page.goto(f"http://localhost:{site.server_port}/")
        inner = page.frame_locator("iframe")
        expect(inner.locator(EXPLORER)).to_be_visible(timeout=60_000)
        inner.get_by_role("button", name="Own image").click()
        inner.locator('input[type="file"]').set_input_files(picture(tmp_path))
        expect(inner.locator(".xp-name")).to_have_text("red.png", timeout=60_000)
    finally:
        server.stop()
        site.shutdown()


def picture(folder):
    path = folder / "red.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path)
    return path
