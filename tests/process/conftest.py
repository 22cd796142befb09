from __future__ import annotations

import psutil
import pytest

from vitcore.paths import runs_dir


@pytest.fixture(autouse=True)
def no_process_stays():
    yield
    for found in psutil.process_iter(["cmdline"]):
        if str(runs_dir()) in " ".join(found.info["cmdline"] or []):
            found.kill()
