"""Export a run to a folder, for sharing or bundling: with small weights and the accuracy of these weights."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save as pack

from vitcore.config import PHOTOS, dump_config
from vitcore.errors import UserError
from vitcore.exchange.archive import (
    check_finished,
    log_spaced,
    packed_events,
    portable,
    without_machine,
)
from vitcore.models import load_run, not_finite, weights_of
from vitcore.models.evaluate import evaluate_run
from vitcore.paths import check_allowed
from vitcore.runs.files import write_atomic, writing
from vitcore.runs.folder import Run
from vitcore.runs.weights import sha256_of, stored_sha256, write_sha256


def export_run(run: Run, out: Path, *, snapshots: int = 0, weights: bool = True) -> Run:
    """Copy a finished run to the new folder `out`.

    The copy has the configuration without paths of this machine, the events, the best weights in half
    precision, and up to `snapshots` log-spaced snapshots. `result.test_acc` is measured again with the
    rounded weights on all test images. Weights that were already rounded and tested, such as those of the
    bundled runs, are not measured again, so that no data is needed. Without `weights`, only the curves and
    the results are copied, unchanged, with the measurements in the folder of the run and the checksum of the
    weights, for which these remain valid. Raise `UserError` when the export fails.
    """
    check_allowed()
    status = check_finished(run)
    if out.exists():
        raise UserError(f"{out} exists: choose another folder.")
    with writing(out.parent, "another folder"):
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Run(Path(tempfile.mkdtemp(dir=out.parent, prefix=".export-")))
    try:
        draft.path.chmod(0o755)
        draft.checkpoints.mkdir()
        write_atomic(draft.path / "config.yaml", dump_config(portable(run.config)))
        for name, file in packed_events(run).items():
            shutil.copy(file, draft.path / name)
        draft.write_meta(run.meta)
        result = dict(status.result)
        if weights:
            for file in log_spaced(run.snapshots, snapshots):
                shutil.copy(file, draft.checkpoints / file.name)
            rounded = weights_of(load_run(run), torch.float16)
            if name := not_finite(rounded):
                raise UserError(
                    f"The weights of run {run.id} are too large for half precision ({name}): export a zip "
                    "file."
                )
            write_atomic(draft.best, pack(rounded))
            if (
                run.config.has_classifier
                and run.config.data != PHOTOS
                and result.get("weights") != "float16"  # otherwise exactly these weights were tested
            ):
                score = evaluate_run(draft, run.config.data)
                result |= {"test_acc": score.accuracy, "test_loss": score.loss, "n_test": score.count}
            result["weights"] = "float16"
        else:
            _keep_measurements(run, draft)
        draft.write_status(without_machine(status.model_copy(update={"result": result})))
        draft.path.rename(out)
    except BaseException:
        shutil.rmtree(draft.path)
        raise
    return Run(out)


def _keep_measurements(run: Run, draft: Run) -> None:
    """Copy the results that were measured with weights which `draft` does not have, and their checksum."""
    digest = sha256_of(run.best) if run.best.is_file() else stored_sha256(run.best)
    if digest:
        write_sha256(draft.best, digest)
    if (run.path / "probes").is_dir():
        shutil.copytree(run.path / "probes", draft.path / "probes")
