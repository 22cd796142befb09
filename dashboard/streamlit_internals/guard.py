"""Protect the server from other sites: they cannot connect, and only those in `--allow-frames` may frame it.

Any page that is open in the browser can send requests to servers on this machine. The browser adds the origin
of the page as the header `Origin`. Streamlit accepts every port of localhost, and for a foreign origin it
asks an external service for the public address of this machine. Here only the server's own origin passes, and
no external service is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitcore.paths import frame_sites

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Streamlit's own pages need inline scripts and styles, modules from blobs, and code generated at run time
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def own_hosts(headers: Headers) -> set[str]:
    """Return the host names by which a request reached the server, directly or through a proxy.

    A page of another site cannot set the headers that hold them.
    """
    forwarded = headers.get("x-forwarded-host", "").split(",")
    return {host.strip().lower() for host in (headers.get("host", ""), *forwarded) if host.strip()}


def is_own(origin: str | None, headers: Headers) -> bool:
    """Return whether a request comes from a page of this server, or from a program other than a browser."""
    return origin is None or urlsplit(origin).netloc.lower() in own_hosts(headers)


def security_headers(host: str, allowed: Iterable[str]) -> dict[str, str]:
    """Return the headers of an HTML page that was requested from `host`. `allowed` sites may frame it."""
    allowed = list(allowed)
    connect = f"'self' data: blob: ws://{host} wss://{host}" if host else "'self' data: blob:"
    ancestors = " ".join(["'self'", *allowed]) if allowed else "'none'"
    policy = {**POLICY, "connect-src": connect, "frame-ancestors": ancestors}
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
    }
    return headers if allowed else {**headers, "x-frame-options": "DENY"}


class Guard:
    """ASGI middleware that refuses requests from pages of other sites, and adds security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        checked = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if checked and not is_own(headers.get("origin"), headers):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                response = PlainTextResponse("Requests from other sites are refused.", 403)
                await response(scope, receive, send)
            return
        # removed after the check: for unknown hosts, Streamlit would look up this machine's public address
        kept = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        host = headers.get("x-forwarded-host", headers.get("host", "")).split(",")[0].strip()

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(raw=message["headers"])
                if sent.get("content-type", "").startswith("text/html"):
                    sent.update(security_headers(host, frame_sites()))
                else:
                    sent["x-content-type-options"] = "nosniff"
            await send(message)

        await self.app({**scope, "headers": kept}, receive, protect)
