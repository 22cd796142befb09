"""Measure the inference speed and the memory of a run's model in this process:

    python -m vitcore.probes.speed RUN_FOLDER BATCH_SIZE cpu|cuda|mps

prints one line of JSON. The process does nothing else, so that its memory is the memory of inference.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import torch

from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.runs.folder import Run
from vitcore.runs.machine_load import Load, peak_memory

WARM, LEAST, MOST, ENOUGH_S = 2, 5, 50, 4.0  # warm-up, minimum and maximum batches; sufficient seconds


def main(place: str, batch: int, kind: str) -> dict[str, float | int | str]:
    """Return images per second of the median batch, and the peak memory of this process or on the GPU."""
    base = peak_memory()
    run = Run(Path(place))
    model = load_run(run).to(kind)
    size = run.config.image_size
    images = torch.randn(batch, 3, size, size, device=kind)
    seconds: list[float] = []
    load = Load()
    with torch.inference_mode():
        for _ in range(WARM):
            model(images)
        _wait(kind)
        while len(seconds) < LEAST or (sum(seconds) < ENOUGH_S and len(seconds) < MOST):
            began = time.perf_counter()
            model(images)
            _wait(kind)
            seconds.append(time.perf_counter() - began)
    return {
        "images_per_s": round(batch / statistics.median(seconds), 1),
        "batch": batch,
        "batches": len(seconds),
        "memory_bytes": torch.cuda.max_memory_allocated() if kind == "cuda" else peak_memory(),
        "base_bytes": 0 if kind == "cuda" else base,  # torch without the model
        "others": round(load.others, 3),  # share of CPU time used by other programs
        "threads": torch.get_num_threads(),
    }


def _wait(kind: str) -> None:
    if kind != "cpu":
        getattr(torch, kind).synchronize()


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
