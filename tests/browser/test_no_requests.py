"""The server asks no other machine for anything, whatever it is asked."""

from __future__ import annotations

import json
import socket
import sys

import pytest

from dashboard.page_table import HOME, PAGES
from tests.browser.conftest import Server, Visitor

RECORDER = """
import json, os, sys

def record(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        arguments = arguments[1:]  # without the socket
    elif event not in ("socket.getaddrinfo", "socket.gethostbyname"):
        return
    with open(os.environ["CONNECTIONS"], "a") as file:
        print(json.dumps([event, repr(arguments)]), file=file)

sys.addaudithook(record)
"""


def greet(port: int, origin: str) -> None:
    """Begin a websocket as a page of that origin would."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        lines = ["GET /_stcore/stream HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Origin: {origin}"]
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        status = client.recv(200).split(b" ")[1]
        assert status == (b"101" if origin == f"http://127.0.0.1:{port}" else b"403")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_connection_to_another_machine_is_attempted(tmp_path, page, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(RECORDER)
    record = tmp_path / "connections"
    record.touch()
    monkeypatch.setenv("CONNECTIONS", str(record))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = Server(tmp_path)
    server.start([sys.executable, "-m", "dashboard", "--port", str(server.port), "--host", "0.0.0.0"])
    try:
        for origin in ("http://evil.example", "http://localhost:1", f"http://127.0.0.1:{server.port}"):
            greet(server.port, origin)
        visitor = Visitor(page, server.url)
        for name in PAGES:
            visitor.open("" if name == HOME else name)
            visitor.check()
    finally:
        server.stop()
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert events, "the recorder does not work"
    local = ("'127.0.0.1'", "'::1'", "'localhost'", "'0.0.0.0'", "None", f"'{socket.gethostname()}'", "/")
    assert [e for e in events if not any(word in e[1] for word in local)] == []
