"""Limit what visitors upload: the number of files of a session, and the bytes on the whole server.

Streamlit limits the size of each file only, and keeps the files in memory until their session ends.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

MOST_FILES = 8  # of one session; the page copies images (`own_image.MOST`), and drops the files after that
MOST_BYTES = 200_000_000  # of all sessions together, including files that are being sent
_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+/?$")


def held(session: str) -> tuple[int, int]:
    """Return the number of files that a session has on the server, and the bytes of all sessions."""
    if not runtime.exists():
        return 0, 0
    sessions = dict(runtime.get_instance()._uploaded_file_mgr.file_storage)  # type: ignore[attr-defined]
    sizes = {name: [len(file.data) for file in list(files.values())] for name, files in sessions.items()}
    return len(sizes.get(session, [])), sum(map(sum, sizes.values()))


class LimitedUploads:
    """ASGI middleware that refuses uploads beyond the limits."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.coming = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.search(scope.get("path", ""))
        if not path or scope["type"] != "http" or scope["method"] not in ("PUT", "POST"):
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            await PlainTextResponse("The size of the upload is missing.", 411)(scope, receive, send)
            return
        files, total = held(path[1])
        if files >= MOST_FILES or total + self.coming + int(length) > MOST_BYTES:
            text = "Too many files are on this server: close other tabs, or try again later."
            await PlainTextResponse(text, 413)(scope, receive, send)
            return
        self.coming += int(length)
        try:
            await self.app(scope, receive, send)
        finally:
            self.coming -= int(length)
