"""The HTML that the server sends: it contains the style sheet and the path of the server."""

from __future__ import annotations

import urllib.request
from html.parser import HTMLParser

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.conftest import ROOT


class Styles(HTMLParser):
    """Collects the text of every style element."""

    def __init__(self, page: str):
        super().__init__()
        self.texts, self.in_style = [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.in_style = tag == "style"

    def handle_endtag(self, tag):
        self.in_style = False

    def handle_data(self, data):
        if self.in_style:
            self.texts.append(data)


def ask(url, method="GET", **headers):
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers, method=method), timeout=30
    ) as answer:
        return answer.headers, answer.read()


@pytest.mark.parametrize("path", ["", "attention", "?talk=why"])
def test_every_page_contains_the_style_sheet(server, path):
    headers, body = ask(f"{server.url}/{path}", **{"Accept-Encoding": "gzip"})
    page = body.decode()
    assert int(headers["content-length"]) == len(body)
    assert page.rstrip().endswith("</html>")
    (style,) = Styles(page).texts
    sheets = list((ROOT / "dashboard" / "streamlit_internals" / "style").glob("*.css"))
    assert sheets
    assert all(sheet.read_text() in style for sheet in sheets)
    assert ((ROOT / "dashboard" / "streamlit_internals" / "talk.css").read_text() in style) == (
        "talk" in path
    )
    assert int(ask(f"{server.url}/{path}", "HEAD")[0]["content-length"]) == len(body)


def test_responses_that_are_not_pages_are_unchanged(server):
    assert ask(f"{server.url}/_stcore/health")[1] == b"ok"
    font = (ROOT / "dashboard" / "static" / "fonts" / "inter.woff2").read_bytes()
    assert ask(f"{server.url}/app/static/fonts/inter.woff2")[1] == font


@pytest.mark.slow
def test_dashboard_below_a_path_makes_no_failed_requests(tmp_path, page, monkeypatch):
    """`Visitor.check` reports a 404 as a fault."""
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "lab")
    server = Server(tmp_path)
    server.url += "/lab"
    server.start()
    requests = []
    page.on("request", lambda request: "/_stcore/" in request.url and requests.append(request.url))
    try:
        visitor = Visitor(page, server.url)
        visitor.open("patches?step=2")
        visitor.check()
        assert {url for url in requests if "health" in url} == {f"{server.url}/_stcore/health"}
        page.get_by_role("link", name="Attention").click()
        expect(page.locator(".xp[data-frame]")).to_be_visible()
        visitor.check()
    finally:
        server.stop()
