"""A trainer without torch, for tests of the queue and the supervisor: `python -m tests.fake_training RUN`.

It uses the run folder like `vitcore.training`: it writes steps and heartbeat into the status, resumes from
its last.ckpt, and obeys stop requests and signals. $VITLAB_TRAINER makes the supervisor start it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vitcore.runs import process
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run

STEP_S = 0.05
EPOCH = 4  # steps


def main(run: Run, on_step: Callable[[int], object] = lambda step: None) -> None:
    """Take the steps of a run without computing anything. Call `on_step` after every step."""
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signals.append(number))
    steps = EPOCH * run.config.epochs
    status = run.stored_status().model_copy(
        update={"state": "running", "reason": "", "started": time.time(), "ended": None, "steps": steps}
        | process.identity()
    )

    def report(**values: object) -> None:
        nonlocal status
        status = status.model_copy(update={"heartbeat": time.time(), **values})
        run.write_status(status)

    def end(state: str, **values: object) -> None:
        report(state=state, ended=time.time(), **values)
        run.stop_request.unlink(missing_ok=True)

    report()
    first = int(run.last.read_text()) if run.last.exists() else 0
    for step in range(first + 1, steps + 1):
        time.sleep(STEP_S)
        stop = signals or run.stop_request.exists()
        if step % EPOCH == 0 or (stop and not run.aborted):
            write_atomic(run.last, str(step))
        if stop:
            why = "stopped on request without saving" if run.aborted else "stopped on request"
            return end("stopped", reason=why, step=step)
        on_step(step)
        report(step=step, epoch=step / EPOCH)
    write_atomic(run.best, "no weights")
    end("finished", step=steps, result={"test_acc": 0.5, "val_acc": 0.5, "n_test": 12, "n_val": 12})


if __name__ == "__main__":
    main(Run(Path(sys.argv[1])))
