"""How long a list of 1,000 runs takes: `python -m tests.benchmarks.run_list`. Budget (design): under 1 s.

The folders are copies of a bundled run with a status and a title of their own. Cold: a process that has seen
none of them; warm: once more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from vitcore.runs.folder import Run, find_run
from vitcore.runs.status import Meta

RUNS = 1_000
CODE = """
import json, time
from vitcore.runs.listing import as_rows
times = []
for _ in range(3):
    began = time.perf_counter()
    rows = as_rows()
    times.append(time.perf_counter() - began)
print(json.dumps([len(rows), *times]))
"""


def main() -> None:
    """Print seconds, cold and warm, and of the whole command."""
    with tempfile.TemporaryDirectory() as place:
        source = find_run("resnet-cifar10")
        for number in range(RUNS):
            run = Run(Path(place) / f"resnet-quick-{number:05d}")
            shutil.copytree(source.path, run.path)
            run.write_status(run.stored_status().model_copy(update={"created": 1e9 + number}))
            run.write_meta(Meta(title=f"Run {number}"))
        here = {**os.environ, "VITLAB_RUNS": place}
        done = subprocess.run([sys.executable, "-c", CODE], env=here, capture_output=True, check=True)
        count, cold, *warm = json.loads(done.stdout)
        print(f"{count:,} runs: cold {cold:.2f} s, warm {min(warm):.2f} s")


if __name__ == "__main__":
    main()
