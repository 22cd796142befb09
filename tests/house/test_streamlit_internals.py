"""Only dashboard/streamlit_internals depends on the internals of Streamlit."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys

import pytest
from streamlit.runtime.scriptrunner import script_runner

from tests.conftest import ROOT

HOME = ROOT / "dashboard" / "streamlit_internals"
EXCEPTIONS = {
    "dashboard/components/copy_step/copy_step.js": "finds the title of the page, which Streamlit draws",
    "dashboard/components/talk/talk.js": "asks whether a script of the page is running",
}
SOURCES = [
    str(path.relative_to(ROOT))
    for folder in ("dashboard", "pages")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".css", ".js", ".html")
    and HOME not in path.parents
    and (ROOT / "dashboard" / "static") not in path.parents
]
SCRIPTS = [name for name in SOURCES if name.endswith(".py")]


def names_test_attribute(text):
    """Whether a source names an attribute for tests, or the test id of a part such as the app."""
    return "data-test" in text or re.search(r"""["'.]st(App|Main|Sidebar|Header|Toolbar)\w*\b""", text)


def test_no_other_source_names_an_attribute_for_tests():
    found = {name for name in SOURCES if names_test_attribute((ROOT / name).read_text("utf-8"))}
    assert found == set(EXCEPTIONS)


def internal_uses(source: str) -> list[str]:
    """Return what a Python source uses of the internals of Streamlit, with its lines."""
    internal = ("streamlit.runtime", "streamlit.web", "streamlit.config", "streamlit.proto")
    found = []
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Attribute) and node.attr in ("get_option", "set_option"):
            found.append(f"{node.lineno}: {node.attr}")
        found += [f"{node.lineno}: {name}" for name in names if name.startswith(internal)]
    return found


@pytest.mark.parametrize(
    ("line", "uses"),
    [
        ("st.get_option('server.port')", True),
        ("from streamlit.config import get_option", True),
        ("import streamlit.web.cli", True),
        ("from streamlit import runtime", True),
        ("import streamlit as st", False),
        ("from streamlit.testing.v1 import AppTest", False),
    ],
)
def test_use_of_internals_is_found(line, uses):
    assert bool(internal_uses(line)) is uses


def test_no_other_module_reads_options_or_imports_the_runtime():
    assert not {name: uses for name in SCRIPTS if (uses := internal_uses((ROOT / name).read_text("utf-8")))}


def test_the_sources_to_check_are_found():
    assert len(SCRIPTS) > 60
    assert set(EXCEPTIONS) < set(SOURCES)


def test_streamlit_leaves_garbage_to_python():
    """A hidden option: it may disappear with an upgrade."""
    code = (
        "import gc; from streamlit import config; "
        "assert config.get_option('runner.postScriptGC') is False; assert gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert "runner.postScriptGC" in inspect.getsource(script_runner)
