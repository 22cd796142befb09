"""`python -m dashboard [--port N]`: starts the dashboard with the project's settings, on this machine
only.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def settings_home() -> Path:
    """The folder with .streamlit/config.toml: the source tree, or this package when installed as a wheel."""
    return HERE.parent if (HERE.parent / ".streamlit").is_dir() else HERE


def free(host: str, port: int) -> bool:
    """Whether nothing listens there yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def main() -> None:
    """Parse the arguments, then become the Streamlit server."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="Start ViT Lab in the browser.")
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    port = parser.parse_args().port
    host = "127.0.0.1"
    if not 1 <= port <= 65535:
        parser.exit(2, f"Port {port} does not exist: choose one from 1 to 65535.\n")
    if not free(host, port):
        parser.exit(2, f"Port {port} is taken: stop what runs there, or choose another with --port.\n")
    # the server works in the folder of its settings, so pin what the user's folder decides
    from vitcore.data.datasets import data_dir
    from vitcore.runs.folder import runs_dir

    os.environ["VITLAB_RUNS"], os.environ["VITLAB_DATA"] = str(runs_dir()), str(data_dir())
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    os.chdir(settings_home())
    print(f"ViT Lab: http://{host}:{port}  (Ctrl-C ends it; trainings go on)", flush=True)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(HERE / "streamlit_app.py"),
        "--server.port",
        str(port),
    ]
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
