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


def names_test_id(text):
    """Whether a source names a test id: as an attribute, or as a whole word such as the one of the app."""
    return "data-testid" in text or re.search(r"""["'.]st(App|Main|Sidebar|Header|Toolbar)\w*\b""", text)


@pytest.mark.parametrize("name", SOURCES)
def test_no_other_source_names_a_test_id(name):
    found = bool(names_test_id((ROOT / name).read_text("utf-8")))
    assert found == (name in EXCEPTIONS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_other_module_reads_options_or_imports_the_runtime(name):
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("get_option", "set_option"), f"{name}:{node.lineno}"
        imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{one.name}" for one in node.names]
        internal = ("streamlit.runtime", "streamlit.web", "streamlit.config", "streamlit.proto")
        assert not any(one.startswith(internal) for one in imported), f"{name}:{node.lineno}"


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
