"""Resumable downloads of the published checkpoints and their event files. Does not import torch.

Neither pooch nor `torch.hub.download_url_to_file` can resume: both start from the first byte after a broken
connection. Torch's function also has no timeout and no lock between processes. CIFAR-10 is downloaded by
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
ATTEMPTS = 3  # connections; each continues after the bytes already received
Progress = Callable[[int, int | None], None]  # bytes so far, total bytes if the server reports them


# errors of a connection; ValueError is that of an address such as https://[x
NETWORK = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError)


class NotFound(UserError):
    """The server reports that the file does not exist."""


def fetch(url: str, target: Path, progress: Progress = lambda done, total: None) -> Path:
    """Download `url` to `target` unless the target exists.

    An interrupted download is kept as <target>.part and continued if the file on the server has not changed.
    Several processes can request the same target. Raise `UserError` when the network or the file is
    unavailable, or the disk is full.
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
                    if error.code == 416:  # the partial file no longer matches the file on the server
                        part.unlink(missing_ok=True)
                        continue
                    kind = NotFound if error.code == 404 else UserError
                    raise kind(
                        f"{url} cannot be downloaded ({error.code} {error.reason}): check the address."
                    ) from None
                except NETWORK as e:
                    problem = getattr(e, "reason", None) or e
    except OSError as error:
        raise UserError(
            f"Cannot write {target} ({error.strerror or error}): free some space or allow writing there."
        ) from None
    kept = f" {part.stat().st_size:,} bytes are kept for the next attempt." if part.is_file() else ""
    raise UserError(f"{url} cannot be downloaded ({problem}): connect to the internet and try again.{kept}")


def _tag(part: Path) -> Path:
    """Return the path that stores the server's version tag of a partial file."""
    return part.with_name(f"{part.name}.etag")


def _pull(url: str, part: Path, progress: Progress) -> bool:
    """Append the missing bytes to `part`. Return False if the connection ends before the file is complete."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and _tag(part).is_file():
        # The server sends a different version in full
        headers["If-Range"] = _tag(part).read_text(encoding="utf-8")
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as response:
        content_range = response.headers.get("Content-Range", f"bytes {have}-")
        if have and (response.status != 206 or not content_range.startswith(f"bytes {have}-")):
            have = 0  # a server without range support sends the whole file
            if response.status == 206:
                part.unlink()
                return False
        tag = response.headers.get("ETag", "")
        if tag and not tag.startswith("W/"):
            _tag(part).write_text(tag, encoding="utf-8")
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with part.open("ab" if have else "wb") as file:
            while chunk := _read(response):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    return total is None or have == total


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read the next bytes. Errors here are network errors, not disk errors."""
    try:
        return response.read(CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error
