"""The page that the server sends first: the style is in it, and nothing jumps while it is drawn."""

from __future__ import annotations

import urllib.request
from html.parser import HTMLParser

import pytest

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import VIEWS
from tests.conftest import ROOT

POOR = 0.25  # cumulative layout shift, as web.dev calls it; measured: 0.01 to 0.09 (0.5 to 1 with late style)
COUNT = """
window.moved = [];
const told = (s) => `${s.node?.textContent?.slice(0, 40)} ${s.previousRect.y} > ${s.currentRect.y}`;
const watch = new PerformanceObserver((list) => {
  const found = list.getEntries().filter((one) => !one.hadRecentInput);
  window.moved.push(...found.map((one) => [one.value, ...one.sources.map(told)]));
});
watch.observe({ type: "layout-shift", buffered: true });
"""


class Styles(HTMLParser):
    """The text of every style element."""

    def __init__(self, page: str):
        super().__init__()
        self.texts, self.within = [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.within = tag == "style"

    def handle_endtag(self, tag):
        self.within = False

    def handle_data(self, data):
        if self.within:
            self.texts.append(data)


def ask(url, method="GET", **headers):
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers, method=method), timeout=30
    ) as answer:
        return answer.headers, answer.read()


@pytest.mark.parametrize("path", ["", "attention", "?talk=why"])
def test_every_page_brings_the_style_along(server, path):
    headers, body = ask(f"{server.url}/{path}", **{"Accept-Encoding": "gzip"})
    page = body.decode()
    assert int(headers["content-length"]) == len(body)
    assert page.rstrip().endswith("</html>")
    (style,) = Styles(page).texts
    assert (ROOT / "dashboard" / "style.css").read_text() in style
    assert ((ROOT / "dashboard" / "talk" / "talk.css").read_text() in style) == ("talk" in path)
    assert int(ask(f"{server.url}/{path}", "HEAD")[0]["content-length"]) == len(body)


def test_what_is_no_page_is_sent_as_it_is(server):
    assert ask(f"{server.url}/_stcore/health")[1] == b"ok"
    font = (ROOT / "dashboard" / "static" / "fonts" / "inter.woff2").read_bytes()
    assert ask(f"{server.url}/app/static/fonts/inter.woff2")[1] == font


@pytest.mark.parametrize("path", VIEWS.values(), ids=list(VIEWS))
def test_nothing_jumps_while_a_page_is_drawn(server, page, path):
    page.add_init_script(COUNT)
    visitor = Visitor(page, server.url)
    visitor.open(path)
    visitor.settle()
    page.wait_for_timeout(1000)
    moved = page.evaluate("window.moved")
    assert moved is not None
    assert sum(value for value, *_ in moved) < POOR, sorted(moved, reverse=True)[:3]
    visitor.check()
