"""A reverse proxy that takes a prefix away, as JupyterHub and code-server do."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Proxy:
    """Serves PORT/PREFIX/... from another port, which does not know the prefix. Other paths are not found."""

    def __init__(self, target: int, prefix: str) -> None:
        self.target, self.prefix = target, prefix.encode()
        self.missed: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (part := client.recv(65536)):
                    return
                head += part
            method, path, rest = head.split(b" ", 2)
            if path != self.prefix and not path.startswith((self.prefix + b"/", self.prefix + b"?")):
                self.missed.append(path.decode())
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            path = path.removeprefix(self.prefix)
            path = path if path.startswith(b"/") else b"/" + path
            if b"\r\nupgrade:" not in rest.lower():  # a connection for each request
                rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                server.sendall(b" ".join([method, path, rest]))
                self._pipe(client, server)

    @staticmethod
    def _pipe(client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while True:
            for ready in select.select([client, server], [], [])[0]:
                if not (data := ready.recv(1 << 20)):
                    return
                other[ready].sendall(data)

    def close(self) -> None:
        self.listener.close()
