"""How fast a run's model answers and what memory that takes, measured in this very process:

    python -m vitcore.probes.speed RUN_FOLDER BATCH_SIZE cpu|cuda|mps

prints one line of JSON. The process does nothing else, so that its memory is that of answering.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import torch

from vitcore.models import load_run
from vitcore.runs.folder import Run
from vitcore.runs.machine_load import Load, peak_memory

WARM, LEAST, MOST, ENOUGH_S = 2, 5, 50, 4.0  # batches before, at least and at most; seconds that suffice


def main(place: str, batch: int, kind: str) -> dict[str, float | int | str]:
    """Images a second of the median batch, and the most memory at once (of this process, or on the GPU)."""
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
        "base_bytes": 0 if kind == "cuda" else base,  # torch alone
        "others": round(load.others, 3),  # other programs' share of the processors meanwhile
        "threads": torch.get_num_threads(),
    }


def _wait(kind: str) -> None:
    if kind != "cpu":
        getattr(torch, kind).synchronize()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
