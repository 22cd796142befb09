"""Download the published checkpoints of the UvA Deep Learning Tutorials 5 and 15 as ordinary runs."""

from __future__ import annotations

from pathlib import Path

from vitcore.data.download import Progress, fetch
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.tutorial import BASE, FILES
from vitcore.paths import check_allowed, published_url, runs_dir
from vitcore.runs.folder import Run


def import_tutorial(
    root: str | Path | None = None, progress: Progress = lambda done, total: None
) -> list[Run]:
    """Download all five published checkpoints with their event files, and import those not imported yet.

    The files are kept in <runs folder>/.published, so that an interrupted download can continue. Raise
    `UserError` when a file cannot be downloaded or imported.
    """
    check_allowed()
    base = published_url(BASE)
    store = runs_dir(root) / ".published"
    runs = []
    for names in FILES.items():
        paths = [fetch(f"{base}/{name}", store / name, progress) for name in names]
        try:
            runs.append(import_checkpoint(paths[0], root, events=paths[1], published=True))
        except UserError as error:
            for path in paths:  # the stored files are invalid: download them again next time
                path.unlink(missing_ok=True)
            raise UserError(f"{error} It was downloaded from {base}/{names[0]} and was not kept.") from None
    return runs
