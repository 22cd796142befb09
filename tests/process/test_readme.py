"""The Python examples in the documentation run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.house.test_readme import blocks


def run_python(code: str, tmp_path) -> str:
    home = {"VITLAB_RUNS": str(tmp_path / "runs"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_python_example_runs(tmp_path):
    (example,) = (text for text in blocks("docs/python.md", "python") if "vitcore.load" in text)
    output = run_python(f"{example}\nprint(run.status().state, tuple(trace.weights.shape))", tmp_path)
    assert output.split("\n")[-2] == "finished (8, 6, 8, 65, 65)"


def test_model_of_the_example_is_available_everywhere(tmp_path):
    (example,) = (text for text in blocks("docs/python.md", "python") if "class MLPOptions" in text)
    (tmp_path / "mlp.py").write_text(example)
    output = run_python(
        "import torch, vitcore.architectures as a\n"
        f"a.__path__.append({str(tmp_path)!r})\n"
        "a.ARCHITECTURES.update(a._discover())\n"
        "from vitcore.models import build\n"
        "print(tuple(build('mlp', hidden=8)(torch.zeros(2, 3, 32, 32)).shape))",
        tmp_path,
    )
    assert output.strip() == "(2, 10)"
