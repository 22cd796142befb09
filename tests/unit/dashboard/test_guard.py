"""Which requests the server answers, and the headers that its pages have."""

from __future__ import annotations

import argparse
import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse

from dashboard.__main__ import host_name, obstacle, own_names, site
from dashboard.streamlit_internals.guard import Guard, unknown_host

OWN = "127.0.0.1:8501"


def ask(kind: str = "http", method: str = "GET", page: bool = True, **headers: str) -> dict:
    """What the guard sends for a request: status or close code, headers, and the headers that the app saw."""
    sent: list[dict] = []
    seen: dict = {}

    async def app(scope, receive, send):
        seen.update(Headers(scope=scope))
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await (HTMLResponse if page else PlainTextResponse)("content")(scope, receive, send)

    async def collect(message):
        sent.append(message)

    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in {"host": OWN, **headers}.items()]
    scope = {"type": kind, "path": "/", "headers": pairs, "method": method}
    with ThreadPoolExecutor(1) as pool:  # Playwright leaves a running loop in this thread
        pool.submit(asyncio.run, Guard(app)(scope, None, collect)).result()
    first = sent[0]
    return {
        "seen": seen,
        "accepted": first["type"] == "websocket.accept" or first.get("status") == 200,
        "headers": Headers(raw=first.get("headers", [])),
    }


FOREIGN = [
    "http://127.0.0.1:9999",
    "http://localhost:8501",
    "http://evil.example",
    "https://127.0.0.1",
    "null",
    "http://[",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(
    ("kind", "method"), [("websocket", ""), ("http", "POST"), ("http", "PUT"), ("http", "DELETE")]
)
def test_pages_of_other_origins_cannot_connect_or_change_anything(kind, method, origin):
    answer = ask(kind, method, origin=origin)
    assert not answer["accepted"]
    assert not answer["seen"]  # the application has not seen the request


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": f"http://{OWN}"},
        {"origin": "http://[::1]:8501", "host": "[::1]:8501"},
        {"origin": "http://localhost:8501", "host": "localhost:8501"},
        {"origin": "http://10.0.0.7:8501", "host": "10.0.0.7:8501"},
        {"origin": "https://hub.example.org", "x_forwarded_host": "hub.example.org"},
        {"origin": "https://Hub.example.org", "host": "hub.example.org"},
    ],
)
@pytest.mark.parametrize("kind", ["websocket", "http"])
def test_own_pages_and_programs_connect_and_streamlit_asks_nobody_about_the_origin(
    kind, headers, monkeypatch
):
    monkeypatch.setenv("VITLAB_HOSTS", "hub.example.org")
    answer = ask(kind, "POST", **headers)
    assert answer["accepted"]
    assert "origin" not in answer["seen"]


REBOUND = [
    {"host": "evil.example:8501"},
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example:8501"},
    {"host": "localhost.evil.example:8501"},
    {"host": "hub.example.org.evil.example"},
    {"host": "evil.example@127.0.0.1:8501"},
    {"host": "127.0.0.1, evil.example"},
    {"x_forwarded_host": "evil.example:8501"},
    {"x_forwarded_host": "hub.example.org, evil.example:8501"},
]


@pytest.mark.parametrize("headers", REBOUND)
@pytest.mark.parametrize(("kind", "method"), [("websocket", ""), ("http", "POST"), ("http", "GET")])
def test_site_whose_name_resolves_to_this_machine_is_refused(kind, method, headers, monkeypatch):
    monkeypatch.setenv("VITLAB_HOSTS", "hub.example.org")
    answer = ask(kind, method, origin="http://evil.example:8501", **headers)
    assert not answer["accepted"]
    assert not answer["seen"]


def test_exposed_server_answers_to_its_own_names_only():
    names = own_names("0.0.0.0", exposed=True)
    assert socket.gethostname().lower() in names
    assert own_names("127.0.0.1", exposed=False) == []
    assert unknown_host("lab.example.org:8501").endswith("--allow-host lab.example.org.")


@pytest.mark.parametrize("text", ["a b", "http://hub.example.org", "hub.example.org:80", "", "*", "-x"])
def test_what_is_no_name_is_refused_as_a_host(text):
    with pytest.raises(argparse.ArgumentTypeError):
        host_name(text)


def test_pages_can_be_read_by_links_from_anywhere():
    assert ask("http", "GET", origin="http://evil.example")["accepted"]


def test_pages_are_shown_in_no_frame_and_load_nothing_from_elsewhere(monkeypatch):
    monkeypatch.delenv("VITLAB_FRAMES", raising=False)
    headers = ask()["headers"]
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    hosts = {word for rule in policy.values() for word in rule.split() if "." in word}
    assert hosts == {f"ws://{OWN}", f"wss://{OWN}"}
    assert ask(page=False)["headers"]["x-content-type-options"] == "nosniff"


def test_allowed_sites_may_show_the_dashboard_in_a_frame(monkeypatch):
    monkeypatch.setenv("VITLAB_FRAMES", "hub.example.org https://*.school.example")
    headers = ask()["headers"]
    assert (
        "frame-ancestors 'self' hub.example.org https://*.school.example"
        in headers["content-security-policy"]
    )
    assert "x-frame-options" not in headers


@pytest.mark.parametrize("text", ["a b", "hub.example.org; script-src *", "'none'", "", "http://"])
def test_what_is_no_site_is_refused_as_a_frame(text):
    with pytest.raises(Exception, match="is not a site"):
        site(text)


def test_an_address_of_another_machine_is_not_called_a_taken_port():
    assert "not an address of this machine" in obstacle("203.0.113.7", 8501)
    assert "does not exist" in obstacle("127.0.0.1", 0)
