"""The labels of runs: their titles, with the time of their launch where titles are the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from vitcore.runs.folder import Run


def run_label(run: Run) -> str:
    """Return the title of a run. The user's own runs get the time of their launch, such as (02:11)."""
    launched = _launched(run)
    return f"{run.title} ({launched[2][:5] if launched else _tail(run)})" if _is_timed(run) else run.title


def run_labels(found: Sequence[Run]) -> dict[str, str]:
    """Return a unique label for each run by its id. Equal labels get the date and the seconds, too."""
    short = {run.id: run_label(run) for run in found}
    counts = Counter(short.values())
    labels = {run.id: short[run.id] if counts[short[run.id]] == 1 else _long_label(run) for run in found}
    counts = Counter(labels.values())
    return {name: label if counts[label] == 1 else f"{label} [{name}]" for name, label in labels.items()}


def label_among(run: Run, found: Iterable[Run]) -> str:
    """Return the label that `run_labels` gives a run among all runs `found`."""
    title = run.title
    namesakes = [other for other in found if other.id != run.id and other.title == title]
    return run_labels([run, *namesakes])[run.id]


def _long_label(run: Run) -> str:
    launched = _launched(run)
    return f"{run.title} ({' '.join(launched) if launched else _tail(run)})" if _is_timed(run) else run.title


def _is_timed(run: Run) -> bool:
    return not run.bundled and run.title != run.id


def _tail(run: Run) -> str:
    return run.id.split("-", 2)[-1]


def _launched(run: Run) -> tuple[str, str, str] | None:
    """Return the date and the time in the id of a run: ("28", "Nov", "02:11:04"). None if it has none."""
    found = re.search(r"-(\d{8}-\d{6})(-\d+)?$", run.id)
    if not found:
        return None
    try:
        when = datetime.strptime(found[1], "%Y%m%d-%H%M%S")
    except ValueError:
        return None
    return f"{when.day}", f"{when:%b}", f"{when:%H:%M:%S}{found[2] or ''}"
