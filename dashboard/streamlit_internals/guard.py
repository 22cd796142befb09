"""Protect the server from other sites: they cannot connect, and only those in `--allow-frames` may frame it.

A site can let its own name resolve to this machine (DNS rebinding). Its pages then have the origin of the
server. Therefore the server answers only to IP addresses, localhost, and the names in `--allow-host`.

Any page that is open in the browser can send requests to servers on this machine. The browser adds the origin
of the page as the header `Origin`. Streamlit accepts every port of localhost, and for a foreign origin it
asks an external service for the public address of this machine. Here only the server's own origin passes, and
no external service is asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitcore.paths import allowed_hosts, frame_sites

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
    """Return the hosts by which a request reached the server or a proxy before it, with ports."""
    named = ",".join([*headers.getlist("host"), *headers.getlist("x-forwarded-host")])
    return {host.strip().lower() for host in named.split(",") if host.strip()}


def is_known(host: str) -> bool:
    """Return whether the server answers to a host: an IP address, localhost, or an allowed name."""
    found = re.fullmatch(r"(\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:@/\s]+))(:\d{1,5})?", host.lower())
    if found is None:
        return False
    name = (found["six"] or found["name"]).removesuffix(".")
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or name in allowed_hosts()


def is_own(origin: str | None, headers: Headers) -> bool:
    """Return whether a request comes from a page of this server, or from a program other than a browser."""
    try:
        return origin is None or urlsplit(origin).netloc.lower() in own_hosts(headers)
    except ValueError:  # no URL
        return False


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


def unknown_host(host: str) -> str:
    """Return the sentence for a visitor who has reached the server by a name that is not allowed."""
    name = re.sub(r":\d+$", "", host)[:100]
    return (
        f"ViT Lab does not answer to the name {name}: open it by its IP address, or start it with "
        f"--allow-host {name}."
    )


async def refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    """Answer a request with status 403 and a sentence, or close a websocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        headers = {"x-content-type-options": "nosniff"}
        await PlainTextResponse(why, 403, headers=headers)(scope, receive, send)


class Guard:
    """ASGI middleware that refuses requests from pages of other sites, and adds security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if unknown := sorted(host for host in own_hosts(headers) if not is_known(host)):
            await refuse(scope, receive, send, unknown_host(unknown[0]))
            return
        checked = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if checked and not is_own(headers.get("origin"), headers):
            await refuse(scope, receive, send, "Requests from other sites are refused.")
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
