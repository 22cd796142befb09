"""`python -m vitcore.training RUN_FOLDER`: what the supervisor starts. It runs what the folder describes.

Output goes to train.log; how it ended stands in status.json. Below normal priority, so that the page stays
quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from vitcore.errors import UserError
from vitcore.runs.folder import Run
from vitcore.training.engine import execute

if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)
    with contextlib.suppress(OSError):  # Linux weighs sessions, not processes: this one's, which is its own
        Path("/proc/self/autogroup").write_text("10")
    try:
        execute(Run(Path(sys.argv[1]).absolute()), progress=False)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
