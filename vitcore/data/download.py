"""Downloads that go on where they broke off. No torch."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vitcore.errors import UserError

CHUNK = 1 << 16
TIMEOUT_S = 20.0
ATTEMPTS = 3  # connections; each goes on after the bytes that are there
Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where the server says so


def fetch(url: str, target: Path, progress: Progress = lambda done, total: None) -> Path:
    """Download `url` to `target` unless it is there; a broken download is kept as <target>.part and
    continued.

    Raises `UserError` with a sentence when the network or the file is missing, or the disk is full.
    """
    if target.is_file():
        return target
    part = target.with_name(f"{target.name}.part")
    problem: Exception | str = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            try:
                if _pull(url, part, progress):
                    os.replace(part, target)
                    return target
                problem = "the connection broke"
            except urllib.error.HTTPError as error:
                if error.code == 416:  # what is there does not fit to the file any more
                    part.unlink(missing_ok=True)
                    continue
                raise UserError(
                    f"{url} cannot be downloaded: the server answers {error.code} {error.reason}."
                ) from None
            except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                problem = getattr(error, "reason", None) or error
    except OSError as error:
        raise UserError(f"Cannot write {target}: {error.strerror or error}.") from None
    kept = f" {part.stat().st_size:,} bytes are kept for the next try." if part.is_file() else ""
    raise UserError(f"{url} cannot be downloaded ({problem}): connect to the internet and try again.{kept}")


def _pull(url: str, part: Path, progress: Progress) -> bool:
    """Append what is missing; False when the connection ended before the file did."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if have and answer.status != 206:  # a server that knows no ranges starts again
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with part.open("ab" if have else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
    return total is None or have == total
