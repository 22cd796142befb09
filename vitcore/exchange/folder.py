"""A run made ready for sharing, or for the bundled ones: small, and with the accuracy of just these
weights.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save as pack

from vitcore.errors import UserError
from vitcore.exchange.archive import check_finished, log_spaced, without_machine
from vitcore.models import load_run, weights_of
from vitcore.models.evaluate import evaluate_run
from vitcore.runs.files import write_atomic
from vitcore.runs.folder import Run
from vitcore.runs.metrics import event_files


def export_run(run: Run, out: Path, *, snapshots: int = 0, weights: bool = True) -> Run:
    """Copy a finished run to the new folder `out`: configuration, events, half-precision best weights, and as
    many log-spaced snapshots as asked for.

    `result.test_acc` is measured again on these rounded weights, with all test images, unless they were
    rounded and tested before, as those of the bundled runs: that needs no data. Without `weights` the curves
    and results go alone, as they are. Raises `UserError`.
    """
    status = check_finished(run)
    if out.exists():
        raise UserError(f"{out} exists: choose another folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Run(Path(tempfile.mkdtemp(dir=out.parent, prefix=".export-")))
    except OSError as error:
        raise UserError(f"Cannot write to {out.parent}: {error.strerror}.") from None
    try:
        draft.path.chmod(0o755)
        draft.checkpoints.mkdir()
        for file in (run.path / "config.yaml", *event_files(run.path)):
            shutil.copy(file, draft.path / file.name)
        draft.write_meta(run.meta)
        result = dict(status.result)
        if weights:
            for file in log_spaced(run.snapshots, snapshots):
                shutil.copy(file, draft.checkpoints / file.name)
            write_atomic(draft.best, pack(weights_of(load_run(run), torch.float16)))
            if result.get("weights") != "float16":  # else they are the very weights that were tested
                score = evaluate_run(draft, run.config.data)
                result |= {"test_acc": score.accuracy, "test_loss": score.loss, "n_test": score.count}
            result["weights"] = "float16"
        draft.write_status(without_machine(status.model_copy(update={"result": result})))
        draft.path.rename(out)
    except BaseException:
        shutil.rmtree(draft.path)
        raise
    return Run(out)
