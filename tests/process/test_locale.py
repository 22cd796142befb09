"""The dashboard and the command line work in an ASCII locale, without Python's UTF-8 mode."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import ROOT
from vitcore.config import make_config
from vitcore.runs.creation import create_run
from vitcore.runs.status import SweepLink

READ_ALL = """
import importlib, locale, pkgutil, sys
assert not sys.flags.utf8_mode and locale.getencoding().lower() not in ("utf-8", "utf8")
import dashboard
for module in pkgutil.walk_packages(dashboard.__path__, "dashboard."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from dashboard.guide import glossary, guide, papers
from dashboard.page_table import PAGES
from dashboard.talk.files import find_talk, list_talks
assert all(guide(name).lead for name in PAGES) and glossary() and papers()
assert [talk.title for talk in map(find_talk, list_talks())]
print("complete")
"""


def in_ascii_locale(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, timeout=200, check=False
    )


def test_dashboard_reads_its_files_in_an_ascii_locale():
    done = in_ascii_locale("-c", READ_ALL)
    assert done.stdout.split()[-1:] == [b"complete"], done.stderr.decode("utf-8", "replace")


def test_names_with_accents_are_printed_in_an_ascii_locale(tmp_path):
    sweep = SweepLink(name="d\u00e9j\u00e0", kind="samples")
    create_run(make_config("quick"), tmp_path, sweep=sweep).path.rename(tmp_path / "mod\u00e8le")
    for command, name in ((["sweep", "list"], sweep.name), (["runs"], "mod\u00e8le")):
        done = in_ascii_locale("-m", "vitcore", *command, "--runs-dir", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert name in done.stdout.decode("utf-8")
