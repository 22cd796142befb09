"""Imports follow the layers, and pages are short."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT


def imported(path):
    """Yield (module, line) of every import in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative imports are not allowed"
            yield node.module, node.lineno
            for name in node.names:
                yield f"{node.module}.{name.name}", node.lineno


FORBIDDEN = {
    "vitcore": ("streamlit", "plotly", "dashboard", "pages"),
    "vitcore/config.py": ("torch", "torchvision", "pytorch_lightning", "vitcore.runs", "vitcore.data"),
    "vitcore/architectures": ("pytorch_lightning", "vitcore.data", "vitcore.runs", "vitcore.training"),
    "vitcore/runs/folder.py": (
        "torch",
        "vitcore.data",
        "vitcore.models",
        "vitcore.training",
        "vitcore.analysis",
    ),
    "vitcore/runs": (
        "torch",
        "torchvision",
        "pytorch_lightning",
        "vitcore.training",
        "vitcore.models",
        "vitcore.analysis",
    ),
    "vitcore/data": ("pytorch_lightning", "vitcore.training", "vitcore.models", "vitcore.analysis"),
    "vitcore/models": ("pytorch_lightning", "vitcore.training", "vitcore.analysis"),
    "vitcore/analysis": ("pytorch_lightning", "vitcore.training", "vitcore.probes"),
    "vitcore/probes": ("pytorch_lightning", "vitcore.training"),
    "vitcore/probes/store.py": ("torch", "vitcore.models", "vitcore.analysis"),
    "vitcore/probes/__init__.py": ("torch", "vitcore.models", "vitcore.analysis"),
    "vitcore/training": ("vitcore.analysis", "vitcore.queue.supervisor", "vitcore.queue.launch"),
    "dashboard": ("pages", "pytorch_lightning", "vitcore.training"),
    "pages": (
        "torch",
        "torchvision",
        "pytorch_lightning",
        "vitcore.training",
        "vitcore.models",
        "vitcore.analysis",
    ),
}


@pytest.mark.parametrize("path", FORBIDDEN)
def test_modules_do_not_import_forbidden_ones(path):
    files = [ROOT / path] if path.endswith(".py") else sorted((ROOT / path).rglob("*.py"))
    assert files
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in files
        for module, line in imported(file)
        if any(module == bad or module.startswith(f"{bad}.") for bad in FORBIDDEN[path])
    ]
    assert not wrong


def test_pages_are_short_scripts_that_open_no_files():
    for file in (ROOT / "pages").glob("*.py"):
        calls = {
            node.func.id for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }  # fmt: skip
        assert "open" not in calls, file
        assert len(file.read_text().splitlines()) <= 130, file
