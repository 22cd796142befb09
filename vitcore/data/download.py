"""Downloads that resume where they broke off, for the published checkpoints and their event files. No torch.

Neither pooch nor `torch.hub.download_url_to_file` does this: both start again from the first byte after a
broken connection, and torch's has no timeout and no lock between processes. CIFAR-10 comes through
torchvision, which checks its MD5 sum (`vitcore.data.datasets`).
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from vitcore.errors import UserError

CHUNK = 1 << 16
TIMEOUT_S = 20.0
ATTEMPTS = 3  # connections; each goes on after the bytes that are there
Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where the server says so


class NotFound(UserError):
    """The server answers that it has no such file."""


def fetch(url: str, target: Path, progress: Progress = lambda done, total: None) -> Path:
    """Download `url` to `target` unless it is there; a broken download is kept as <target>.part and
    continued, as long as the server still has the same file. Several processes may ask for one target.

    Raises `UserError` with a sentence when the network or the file is missing, or the disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    problem: Exception | str = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if target.is_file():
                return target
            for _ in range(ATTEMPTS):
                try:
                    if _pull(url, part, progress):
                        os.replace(part, target)
                        _tag(part).unlink(missing_ok=True)
                        return target
                    problem = "the connection broke"
                except urllib.error.HTTPError as error:
                    if error.code == 416:  # what is there does not fit to the file any more
                        part.unlink(missing_ok=True)
                        continue
                    kind = NotFound if error.code == 404 else UserError
                    raise kind(
                        f"{url} cannot be downloaded: the server answers {error.code} {error.reason}."
                    ) from None
                except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
                    problem = getattr(e, "reason", None) or e
    except OSError as error:
        raise UserError(f"Cannot write {target}: {error.strerror or error}.") from None
    kept = f" {part.stat().st_size:,} bytes are kept for the next try." if part.is_file() else ""
    raise UserError(f"{url} cannot be downloaded ({problem}): connect to the internet and try again.{kept}")


def _tag(part: Path) -> Path:
    """Where the server's name for the version of a partial file is kept."""
    return part.with_name(f"{part.name}.etag")


def _pull(url: str, part: Path, progress: Progress) -> bool:
    """Append what is missing; False when the connection ended before the file did."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and _tag(part).is_file():
        headers["If-Range"] = _tag(part).read_text()  # another version is sent whole
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:
        place = answer.headers.get("Content-Range", f"bytes {have}-")
        if have and (answer.status != 206 or not place.startswith(f"bytes {have}-")):
            have = 0  # a server that knows no ranges starts again
            if answer.status == 206:
                part.unlink()
                return False
        tag = answer.headers.get("ETag", "")
        if tag and not tag.startswith("W/"):
            _tag(part).write_text(tag)
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with part.open("ab" if have else "wb") as file:
            while chunk := _read(answer):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    return total is None or have == total


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes; what goes wrong here is the network, not the disk."""
    try:
        return answer.read(CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error
