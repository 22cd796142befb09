"""`python -m vitcore.training RUN_FOLDER`: the process that the supervisor starts to train a run.

Output goes to train.log, and the outcome to status.json. The process runs with low priority, so that the page
stays responsive.
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
    with contextlib.suppress(OSError):  # Linux sets priority by session, and this process has its own
        Path("/proc/self/autogroup").write_text("10", encoding="ascii")
    try:
        execute(Run(Path(sys.argv[1]).absolute()), progress=False)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
