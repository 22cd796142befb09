"""What the Training page announces after a launch or a stop."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vitcore.runs.folder import Run
from vitcore.runs.status import State


def of_launch(runs: Sequence[Run], began: float) -> str:
    """Describe a launch that began at the time `began`: what is queued, or that it was queued just before.

    A launch is repeated when the visitor presses a button twice. The runs are then those of the first launch.
    """
    what = f"{len(runs)} runs" if len(runs) > 1 else runs[0].title
    oldest = min(run.stored_status().created for run in runs)
    if oldest < began:
        return f"Already launched {max(1, round(time.time() - oldest))} s ago: {what}."
    titles = f": {' and '.join(run.title for run in runs)}" if len(runs) == 2 else ""
    return f"{what} {'are' if len(runs) > 1 else 'is'} queued{titles}."


def of_stop(label: str, state: State) -> str:
    """Describe the stop of a run that was in this state. A training saves first, so it has not ended yet.

    `label` differs from those of all other runs: see `labels.label_among`.
    """
    return f"{'Removed from the queue' if state == 'queued' else 'Stopping'}: {label}."
