"""The server that `python -m dashboard` starts: Streamlit's, which sends two things with every page.

The project's style: as an element it comes late, when its part of Streamlit's JavaScript is loaded after the
first elements are drawn, and the whole page then jumps by 57 pixels. And where the server is: Streamlit's
JavaScript looks for it below the page's own path first (attention/_stcore/health), which costs a round trip
and writes two errors into the console of every visitor who opens a link. The server also sends plotly.js out
of the plotly package, so that nothing is copied into the installation.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, quote

import plotly
import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.streamlit_internals.guard import Guard

HERE = Path(__file__).resolve().parent
STYLE = (HERE / "style.css").read_text("utf-8")
TALK = (HERE / "talk.css").read_text("utf-8")
END = b"</body>"  # after Streamlit's own rules, which stand in the head and weigh the same
HEAD = b"<head>"  # before Streamlit's scripts
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PLOTLY_PATH = "/app/static/plotly.min.js"
# What the browser has before the path that the server sees is the prefix of a proxy. Below a prefix, the root
# needs a slash at its end, or everything is looked for beside it.
BASE_URL = """<script>(() => {
const served = %s, path = location.pathname;
const prefix = path.endsWith(served) ? path.slice(0, path.length - served.length) : path;
if (served === "/" && !path.endsWith("/")) location.replace(path + "/" + location.search + location.hash);
window.__streamlit = { BACKEND_BASE_URL: new URL(prefix + "%s", location.origin).href };
})()</script>"""


class Styled:
    """ASGI middleware: puts the place at the beginning and the style at the end of every HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = scope["type"] == "http" and "." not in scope["path"].rsplit("/", 1)[-1]
        if scope["type"] == "http" and scope["path"].endswith(PLOTLY_PATH):
            await FileResponse(PLOTLY, media_type="text/javascript")(scope, receive, send)
            return
        if not page or "/_stcore/" in scope["path"]:
            await self.app(scope, receive, send)
            return
        # whole and plain, so that it can be read and added to
        drop = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k not in drop]}
        base = "/" + (st.get_option("server.baseUrlPath") or "").strip("/")
        served = json.dumps(quote(scope["path"]))  # quoted: a path may hold </script>
        place = BASE_URL % (served, base if base.endswith("/") else f"{base}/")
        talk = "talk" in parse_qs(scope["query_string"].decode("latin-1"))
        style = f"<style>{STYLE}{TALK if talk else ''}</style>".encode()
        await self.app(scope, receive, _Adding(send, place.encode(), style))


class _Adding:
    """Sends a response on; one of HTML when it is complete, with place and style in it."""

    def __init__(self, send: Send, place: bytes, style: bytes) -> None:
        self.send, self.place, self.style = send, place, style
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not MutableHeaders(raw=message["headers"]).get("content-type", "").startswith("text/html"):
                await self.send(message)
                return
            self.start = message
        elif self.start is None:
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self.start)

    async def _finish(self, start: Message) -> None:
        body = self.body.replace(HEAD, HEAD + self.place, 1).replace(END, self.style + END, 1)
        headers = MutableHeaders(raw=start["headers"])
        added = len(self.place + self.style) if not self.body else len(body) - len(self.body)
        if "content-length" in headers:  # a HEAD names the length and sends nothing
            headers["content-length"] = str(int(headers["content-length"]) + added)
        del headers["etag"], headers["last-modified"]  # of the file as it lies there
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


app = st.App(HERE.parent / "app.py", middleware=[Middleware(Guard), Middleware(Styled)])
