"""Memory with many visitors: `python -m tests.benchmarks.visitors [--visitors 30]`. Needs no browser.

A real dashboard, and visitors who open Attention at once on different images, each by a websocket session
as a browser has. It prints the largest resident memory of the server during their visit, its limit, its
ratio to that with one visitor, and how long the last of them waited. Every visitor must get the maps.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.browser.conftest import Server
from vitcore.data import load_dataset

LIMIT_GB = 1.5
WAIT_S = 300.0
ARE_SENT = 300_000  # bytes; the weights of the bundled ViT for one image have 400 kB


def visit(port: int, query: dict[str, object]) -> tuple[float, int]:
    """Open Attention as a browser does. Return the seconds until it is complete, and the bytes received."""
    began, received = time.monotonic(), 0
    message = BackMsg()
    message.rerun_script.query_string = urlencode(query)
    message.rerun_script.page_name = "attention"
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None, open_timeout=WAIT_S) as socket:
        socket.send(message.SerializeToString())
        while True:
            data = socket.recv(timeout=WAIT_S)
            received += len(data)
            answer = ForwardMsg.FromString(data)
            if answer.WhichOneof("type") == "delta" and answer.delta.new_element.HasField("exception"):
                raise AssertionError(answer.delta.new_element.exception.message)
            if answer.WhichOneof("type") == "script_finished":
                return time.monotonic() - began, received


class Peak(threading.Thread):
    """Watch the resident memory of a process."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.bytes, self.over = psutil.Process(pid), 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.bytes = max(self.bytes, self.process.memory_info().rss)


def measure(visitors: int, classes: list[str]) -> tuple[float, float]:
    """Return the largest memory of a new server in GB, and the longest wait in seconds."""
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place)).start()
        try:
            peak = Peak(server.process.pid)
            peak.start()
            queries = [
                {"class": classes[i % len(classes)], "image": 1 + i // len(classes)} for i in range(visitors)
            ]
            with ThreadPoolExecutor(visitors) as pool:
                answers = list(pool.map(lambda query: visit(server.port, query), queries))
            peak.over.set()
            peak.join()
        finally:
            server.stop()
    answered = sum(received > ARE_SENT for _, received in answers)
    print(f"{visitors} visitors: {answered} answered, {peak.bytes / 1e9:.2f} GB at most", flush=True)
    if answered < visitors:
        raise SystemExit(f"{visitors - answered} visitors did not get the maps")
    return peak.bytes / 1e9, max(seconds for seconds, _ in answers)


def main() -> None:
    """Print the memory with one and with many visitors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=30)
    visitors = parser.parse_args().visitors
    classes = list(load_dataset("cifar10-mini").classes)
    (one, _), (many, wait) = measure(1, classes), measure(visitors, classes)
    print(
        f"{visitors} visitors take {many / one:.2f} times the memory of one; the last waited {wait:.0f} s. "
        f"Limit {LIMIT_GB} GB: {'kept' if many <= LIMIT_GB else 'EXCEEDED'}"
    )


if __name__ == "__main__":
    main()
