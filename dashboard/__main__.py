"""`python -m dashboard [--port N]`: start the dashboard for this machine only.

With `--host` other machines can reach it. Then it is read-only, unless `--allow-launch` is given.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import re
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def settings_home() -> Path:
    """Return the folder with .streamlit/config.toml: the source tree, or this package in a wheel."""
    return HERE.parent if (HERE.parent / ".streamlit").is_dir() else HERE


def obstacle(host: str, port: int) -> str:
    """Return a sentence on why the server cannot listen there, or an empty string."""
    if not 1 <= port <= 65535:
        return f"Port {port} does not exist: choose one from 1 to 65535."
    family = socket.getaddrinfo(host, port)[0][0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return f"Port {port} is reserved for the system: choose one above 1023 with --port."
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return f"{host} is not an address of this machine: give one of its own, or omit --host."
            return f"Port {port} is in use: stop the program that uses it, or choose another with --port."
    return ""


def site(text: str) -> str:
    """Return a site as a frame's policy names it. Raise `ArgumentTypeError` for anything else."""
    if not re.fullmatch(r"(https?://)?(\*\.)?[\w.-]+(:(\d{1,5}|\*))?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a site: give a host such as hub.example.org")
    return text


def host_name(text: str) -> str:
    """Return the name of a host without a port. Raise `ArgumentTypeError` for anything else."""
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host: give a name such as lab.example.org")
    return text.lower()


def own_names(host: str, exposed: bool) -> list[str]:
    """Return the names by which a server that listens on `host` is reached, without those of proxies.

    A server for this machine only has IP addresses and localhost, which need no list.
    """
    if not exposed:
        return []
    machine = socket.gethostname().lower()
    short = machine.split(".")[0]
    return list(dict.fromkeys([host.lower(), machine, short, f"{short}.local"]))


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
    parser.add_argument(
        "--allow-frames",
        action="append",
        default=[],
        type=site,
        metavar="HOST",
        help="let pages of this site show the dashboard in a frame; can be repeated",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        type=host_name,
        metavar="NAME",
        help="also answer to this name, such as that of a proxy; can be repeated",
    )
    arguments = parser.parse_args()
    host, port = arguments.host, arguments.port
    try:
        exposed = not loopback(host)
    except OSError:
        parser.exit(2, f"There is no host {host}: give an address of this machine, or omit --host.\n")
    if exposed and not arguments.allow_launch:
        os.environ.setdefault("VITLAB_READONLY", "1")
    if reason := obstacle(host, port):
        parser.exit(2, f"{reason}\n")
    # the server runs in the folder of its settings, so resolve paths relative to the current folder first
    from dashboard.talk.files import folders
    from vitcore.paths import child_path, data_dir, readonly, runs_dir

    os.environ["VITLAB_RUNS"], os.environ["VITLAB_DATA"] = str(runs_dir()), str(data_dir())
    os.environ["VITLAB_TALKS"] = str(folders()[0])
    os.environ["VITLAB_HOSTS"] = " ".join([*own_names(host, exposed), *arguments.allow_host])
    os.environ["VITLAB_FRAMES"] = " ".join(arguments.allow_frames)
    os.environ["PYTHONPATH"] = child_path()
    # Each visitor has a thread, and glibc an arena of memory per thread: 30 visitors took 2.3 GB, not 1.3
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
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
        "--browser.serverAddress",  # else Streamlit asks an address service for this machine's public address
        host,
    ]
    if arguments.allow_frames:  # in a frame of another site the browser sends no cookie; origins are checked
        command += ["--server.enableXsrfProtection", "false"]
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
