"""The checks for machines with a GPU, as far as a CPU can run them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import gpu_check
from tests.conftest import ROOT


@pytest.mark.slow
def test_checks_that_apply_to_a_cpu_pass():
    assert gpu_check.check_precision("cpu") == (
        True,
        "32-true: activations torch.float32, weights torch.float32",
    )
    assert gpu_check.check_memory_format("cpu")[0]
    assert gpu_check.check_loss("cpu")[0]
    assert gpu_check.check_out_of_memory("cpu")[0] is None


def test_missing_device_is_reported_and_fails():
    command = [sys.executable, "-m", "tests.gpu_check", "--device", "cuda"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"CUDA_VISIBLE_DEVICES": "", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("FAIL  device")
