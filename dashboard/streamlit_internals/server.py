"""The server that `python -m dashboard` starts. It adds three things to Streamlit's server.

Every page contains the project's style. As an element of the page, the style would be applied after the first
elements are drawn, and the page would jump by 57 pixels.

Every page contains the address of the server. Otherwise Streamlit's JavaScript first looks for the server
below the page's own path (attention/_stcore/health). That costs a round trip, and writes two errors to the
console of every visitor who opens a link.

The server sends plotly.js from the plotly package, so that nothing is copied into the installation.

`Guard` and `LimitedUploads` refuse requests of other sites and uploads beyond a limit.
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
from dashboard.streamlit_internals.uploads import LimitedUploads

HERE = Path(__file__).resolve().parent
# in this order: later rules have precedence
STYLES = ("page", "header", "widgets", "parts", "talks", "guide", "screens")
STYLE = "".join((HERE / "style" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
TALK = (HERE / "talk.css").read_text(encoding="utf-8")
END = b"</body>"  # after Streamlit's own rules, which are in the head and have the same specificity
HEAD = b"<head>"  # before Streamlit's scripts
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PLOTLY_PATH = "/app/static/plotly.min.js"
# The path in the browser ends with the path that the server sees. What precedes it is the prefix of a proxy.
# Below a prefix, the root needs a slash at its end, or relative URLs would not include the prefix.
BASE_URL = """<script>(() => {
const served = %s, path = location.pathname;
const prefix = path.endsWith(served) ? path.slice(0, path.length - served.length) : path;
if (served === "/" && !path.endsWith("/")) location.replace(path + "/" + location.search + location.hash);
window.__streamlit = { BACKEND_BASE_URL: new URL(prefix + "%s", location.origin).href };
})()</script>"""


class Styled:
    """ASGI middleware that adds the server's address to the start and the style to the end of HTML pages."""

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
        # ask for the complete, uncompressed page, so that it can be changed
        drop = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k not in drop]}
        base = "/" + (st.get_option("server.baseUrlPath") or "").strip("/")
        served = json.dumps(quote(scope["path"]))  # quoted: a path may hold </script>
        script = BASE_URL % (served, base if base.endswith("/") else f"{base}/")
        talk = "talk" in parse_qs(scope["query_string"].decode("latin-1"))
        style = f"<style>{STYLE}{TALK if talk else ''}</style>".encode()
        await self.app(scope, receive, _Adding(send, script.encode(), style))


class _Adding:
    """Forwards a response. An HTML page is forwarded once it is complete, with script and style added."""

    def __init__(self, send: Send, script: bytes, style: bytes) -> None:
        self.send, self.script, self.style = send, script, style
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
        body = self.body.replace(HEAD, HEAD + self.script, 1).replace(END, self.style + END, 1)
        headers = MutableHeaders(raw=start["headers"])
        added = len(self.script + self.style) if not self.body else len(body) - len(self.body)
        if "content-length" in headers:  # the response to HEAD has a length but no body
            headers["content-length"] = str(int(headers["content-length"]) + added)
        del headers["etag"], headers["last-modified"]  # they describe the original file
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


app = st.App(
    HERE.parent / "app.py", middleware=[Middleware(Guard), Middleware(LimitedUploads), Middleware(Styled)]
)
