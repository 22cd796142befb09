"""The server that `python -m dashboard` starts: Streamlit's, which sends the project's style with the page.

Style that comes as an element comes late: its part of Streamlit's JavaScript is loaded after the first
elements are drawn, and the whole page then jumps by 57 pixels.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = Path(__file__).resolve().parent
STYLE = (HERE / "style.css").read_text("utf-8")
TALK = (HERE / "talk" / "talk.css").read_text("utf-8")
END = b"</body>"  # after Streamlit's own rules, which stand in the head and weigh the same


class Styled:
    """ASGI middleware: puts the style at the end of every HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = scope["type"] == "http" and "." not in scope["path"].rsplit("/", 1)[-1]
        if not page or "/_stcore/" in scope["path"]:
            await self.app(scope, receive, send)
            return
        # whole and plain, so that it can be read and added to
        drop = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k not in drop]}
        talk = "talk" in parse_qs(scope["query_string"].decode("latin-1"))
        style = f"<style>{STYLE}{TALK if talk else ''}</style>".encode()
        await self.app(scope, receive, _Adding(send, style))


class _Adding:
    """Sends a response on; one of HTML when it is complete, with the style in it."""

    def __init__(self, send: Send, style: bytes) -> None:
        self.send, self.style = send, style
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
        body = self.body.replace(END, self.style + END, 1)
        headers = MutableHeaders(raw=start["headers"])
        added = len(self.style) if not self.body else len(body) - len(self.body)
        if "content-length" in headers:  # a HEAD names the length and sends nothing
            headers["content-length"] = str(int(headers["content-length"]) + added)
        del headers["etag"], headers["last-modified"]  # of the file without the style
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


app = st.App(HERE / "streamlit_app.py", middleware=[Middleware(Styled)])
