"""Download a model from the Hugging Face Hub, through its own library.

`huggingface_hub` keeps the files in its cache, continues broken downloads, uses the cache without a network,
and reads HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE and HF_TOKEN.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, cast

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import logging, tqdm

from vitcore.data.download import Progress
from vitcore.errors import UserError
from vitcore.reading import parse_yaml

FILES_ABOUT = ("config.json", "preprocessor_config.json", "README.md")
LICENSE = re.compile(r"[A-Za-z0-9][\w.+-]{0,40}")
ETAG_TIMEOUT_S = 10.0
ATTEMPTS, WAIT_S = 2, 1.0  # to connect; the library makes seven, for half a minute and more
UNREACHABLE = ("ConnectError", "ConnectTimeout", "ConnectionError")  # of the HTTP client, and of offline mode
# OSError, and the base class of all errors of the HTTP client that this release of huggingface_hub uses
NETWORK = cast(tuple[type[Exception], ...], (HfHubHTTPError.__mro__[1], OSError))


def download(name: str, weights: tuple[str, ...], progress: Progress) -> Path:
    """Return a folder with the first of the files `weights` that a repository has, and with its config.json.

    Raise `UserError` when the repository or the network is unavailable and the files are not in the cache.
    """
    logging.set_verbosity_error()  # its warnings repeat what the errors below say
    bar = _reporting(progress)
    try:
        cached = not _reaches(name, weights[0])
        for file in weights:
            if (path := _file(name, file, bar, cached=cached)) is not None:
                break
        else:
            raise UserError(
                f"{name} has none of the files {', '.join(weights)}: download its weights as one file, and "
                "import that file."
            )
        for file in FILES_ABOUT:
            _optional(name, file, cached=cached)
    except GatedRepoError:
        raise UserError(
            f"{name} is only given to users who accepted its terms: accept them on its page, and set "
            "HF_TOKEN to an access token."
        ) from None
    except RepositoryNotFoundError:
        raise UserError(
            f"The Hugging Face Hub has no public model {name}: check its name, or set HF_TOKEN if it is "
            "private."
        ) from None
    except LocalEntryNotFoundError:
        if constants.HF_HUB_OFFLINE:
            raise UserError(
                f"{name} is not in the cache, and {_offline_variable()} forbids downloads: unset "
                f"{_offline_variable()} and try again."
            ) from None
        raise UserError(
            f"{name} cannot be downloaded, and is not in the cache: connect to the internet and try again."
        ) from None
    except HFValidationError:
        raise UserError(f"{name} is not a name that the Hugging Face Hub allows: check it.") from None
    except NETWORK as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise UserError(f"{name} cannot be downloaded ({reason}): try again later.") from None
    return path.parent


def origin(name: str, folder: Path) -> str:
    """Return where a downloaded model is from, as text: repository, commit, and license if it states one."""
    stated = _license(folder / "README.md")
    terms = f"license {stated}" if stated else "no license stated"
    return f"{name} on the Hugging Face Hub (commit {folder.name[:7]}, {terms})"


def _offline_variable() -> str:
    """Return the environment variable that sets `huggingface_hub` offline. It reads two, the first first."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return next((name for name in names if os.environ.get(name)), names[0])


def _reaches(name: str, file: str) -> bool:
    """Return whether the Hub can be connected to. Only then the library's own, patient attempts make sense.

    A server that answers slowly or with an error is reached.
    """
    url = hf_hub_url(name, file)
    for attempt in range(ATTEMPTS):
        time.sleep(WAIT_S * attempt)
        try:
            get_hf_file_metadata(url, timeout=ETAG_TIMEOUT_S)
        except NETWORK as error:
            if not any(base.__name__ in UNREACHABLE for base in type(error).__mro__):
                return True
        else:
            return True
    return False


def _file(name: str, file: str, bar: type[tqdm] | None = None, *, cached: bool) -> Path | None:
    """Return the path of a file of a repository, or None if the repository does not have it.

    If `cached` is set, look only in the cache.
    """
    try:
        path = hf_hub_download(
            name, file, tqdm_class=bar, etag_timeout=ETAG_TIMEOUT_S, local_files_only=cached
        )
        return Path(path)
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:
        return None


def _optional(name: str, file: str, *, cached: bool) -> None:
    """Download a file if the repository has it. Without a network, it may be missing in the cache."""
    try:
        _file(name, file, cached=cached)
    except LocalEntryNotFoundError:
        return


def _reporting(progress: Progress) -> type[tqdm]:
    """Return a progress bar that calls `progress` with the bytes so far, and draws nothing."""

    class Reporting(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options["disable"] = True
            super().__init__(*args, **options)
            self.received = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.received += int(n or 0)
            progress(self.received, int(self.total) if self.total else None)
            return None

    return Reporting


def _license(card: Path) -> str:
    """Return the license in the metadata of a model card, or an empty string."""
    try:
        text = card.read_text(encoding="utf-8", errors="replace")[:100_000]
        _, head, _ = text.split("---\n", 2)
        stated = parse_yaml(head, card).get("license")
    except (OSError, ValueError, AttributeError, UserError):
        return ""
    return stated if isinstance(stated, str) and LICENSE.fullmatch(stated) else ""
