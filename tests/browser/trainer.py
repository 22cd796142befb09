"""The trainer of the shared server: `python -m tests.browser.trainer RUN`.

A run of `LONG` or more epochs is stopped by its test before it ends. A fake training without torch is enough
for it, which writes curves like a real one. Shorter runs are really trained.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

from tests import fake_training
from vitcore.runs.folder import Run

LONG = 500  # epochs


def fake(run: Run) -> None:
    """Run a fake training with the curves of a real one."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(run.path))

    def write(step: int) -> None:
        scalars = {"train_loss": 2 / step, "train_acc": 1 - 1 / step, "epoch": step / fake_training.EPOCH}
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
        writer.flush()

    fake_training.main(run, write)
    writer.close()


if __name__ == "__main__":
    run = Run(Path(sys.argv[1]).absolute())
    if run.config.epochs >= LONG:
        fake(run)
    else:
        runpy.run_module("vitcore.training", run_name="__main__", alter_sys=True)
