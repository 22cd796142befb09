"""A server with the part of the Hugging Face Hub's protocol that downloads of models use."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = re.compile(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)")
Files = dict[str, dict[str, bytes]]  # by repository and name
BREAK_AFTER = 11_000_000  # bytes until a connection breaks; the library stores 10 MB at a time


class Hub(http.server.ThreadingHTTPServer):
    """Serves `repositories` and records the requests. `gated` names those that need a token."""

    daemon_threads = True

    def __init__(self, repositories: Files, gated: tuple[str, ...] = (), *, breaks: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories, self.gated, self.breaks = repositories, gated, breaks
        self.requests: list[tuple[str, str, str]] = []  # method, path, range

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _refuse(self, code: int, error: str) -> None:
        self.send_response(code)
        self.send_header("X-Error-Code", error)
        self.send_header("X-Error-Message", error)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, *, body: bool) -> None:
        asked = self.headers.get("Range", "")
        self.server.requests.append((self.command, self.path, asked))
        match = ADDRESS.fullmatch(self.path)
        files = self.server.repositories.get(match[1]) if match else None
        if match is None or files is None:
            return self._refuse(404, "RepoNotFound")
        if match[1] in self.server.gated:
            return self._refuse(403, "GatedRepo")
        if match[2] not in files:
            return self._refuse(404, "EntryNotFound")
        data = files[match[2]]
        first = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        if not body:
            return None
        if self.server.breaks and len(data) > BREAK_AFTER and not first:
            self.wfile.write(data[:BREAK_AFTER])
            self.close_connection = True
            return None
        self.wfile.write(data[first:])
        return None

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)


@contextlib.contextmanager
def hub(repositories: Files, gated: tuple[str, ...] = (), *, breaks: bool = False) -> Iterator[Hub]:
    """Serve repositories until the block ends."""
    with Hub(repositories, gated, breaks=breaks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
