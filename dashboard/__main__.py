"""`python -m dashboard [--port N]`: start the dashboard for this machine only.

With `--host` other machines can reach it. Then it is read-only, unless `--allow-launch` is given.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def settings_home() -> Path:
    """Return the folder with .streamlit/config.toml: the source tree, or this package in a wheel."""
    return HERE.parent if (HERE.parent / ".streamlit").is_dir() else HERE


def free(host: str, port: int) -> bool:
    """Return whether the port is free."""
    family = socket.getaddrinfo(host, port)[0][0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def loopback(host: str) -> bool:
    """Return whether `host` is a loopback address or name. Raise `OSError` for an unknown name."""
    addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    return all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in addresses)


def main() -> None:
    """Parse the arguments, then become the Streamlit server."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="Start ViT Lab in the browser.")
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; default: 127.0.0.1")
    parser.add_argument(
        "--allow-launch",
        action="store_true",
        help="let everybody who can reach the server launch and change runs",
    )
    arguments = parser.parse_args()
    host, port = arguments.host, arguments.port
    try:
        exposed = not loopback(host)
    except OSError:
        parser.exit(2, f"There is no host {host}: give an address of this machine, or omit --host.\n")
    if exposed and not arguments.allow_launch:
        os.environ.setdefault("VITLAB_READONLY", "1")
    if not 1 <= port <= 65535:
        parser.exit(2, f"Port {port} does not exist: choose one from 1 to 65535.\n")
    if not free(host, port):
        parser.exit(
            2, f"Port {port} is in use: stop the program that uses it, or choose another port with --port.\n"
        )
    # the server runs in the folder of its settings, so resolve paths relative to the current folder first
    from dashboard.talk.files import folders
    from vitcore.paths import data_dir, readonly, runs_dir

    os.environ["VITLAB_RUNS"], os.environ["VITLAB_DATA"] = str(runs_dir()), str(data_dir())
    os.environ["VITLAB_TALKS"] = str(folders()[0])
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    os.chdir(settings_home())
    print(f"ViT Lab: http://{host}:{port}  (Ctrl-C stops it; trainings continue)", flush=True)
    if readonly():
        print("Read-only: visitors can look at everything, but launch and change nothing.", flush=True)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(HERE / "streamlit_internals" / "server.py"),
        "--server.port",
        str(port),
        "--server.address",
        host,
    ]
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
