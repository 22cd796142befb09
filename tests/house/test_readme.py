"""The documentation: links, commands, pictures and the tree of folders are valid."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from functools import cache

import pytest
import typer.main

from tests.conftest import ROOT
from vitcore.__main__ import app  # with every command

DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
DOCUMENTS = {
    name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "assets/README.md", *DOCS)
}
HOSTS = {"uvadlc-notebooks.readthedocs.io", "download.pytorch.org", "127.0.0.1:8501", "127.0.0.1:6006"}
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def blocks(name: str, *languages: str) -> list[str]:
    return [text for language, text in FENCED.findall(DOCUMENTS[name]) if language in languages]


def commands() -> list[list[str]]:
    """Return the words of every shell command in the documents, in blocks and in sentences."""
    found = []
    for name, text in DOCUMENTS.items():
        shell = "\n".join(blocks(name, "bash", "powershell")).replace("\\\n", " ").splitlines()
        inline = re.findall(r"`((?:make|python -m|srun|\.venv/bin/python) ?[^`]*)`", FENCED.sub("", text))
        # shlex would remove the backslashes of Windows paths
        found += [shlex.split(line.replace("\\", "/"), comments=True) for line in [*shell, *inline]]
    return [words for words in found if words]


def modules() -> list[tuple[str, tuple[str, ...]]]:
    """Return (module, arguments) of every `python -m MODULE ARGUMENTS`."""
    return sorted(
        {
            (words[words.index("-m") + 1], tuple(words[words.index("-m") + 2 :]))
            for words in commands()
            if "-m" in words and not words[0].startswith("make")
        }
    )


@cache
def anchors(name: str) -> set[str]:
    """Return the anchors of a document's headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", DOCUMENTS[name]), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_has_a_target(name):
    text = FENCED.sub("", DOCUMENTS[name])
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets
    for target in targets:
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / name).parent.joinpath(path).resolve() if path else ROOT / name
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.relative_to(ROOT).as_posix()), target
    assert set(re.findall(r"https?://([^/\s)>`]+)", text)) <= HOSTS


def test_every_picture_is_produced_by_the_script():
    script = (ROOT / "tests" / "pictures.py").read_text("utf-8")
    pictures = {
        name for text in DOCUMENTS.values() for name in re.findall(r"assets/pictures/(\w+)\.png", text)
    }
    assert pictures == {path.stem for path in (ROOT / "assets" / "pictures").glob("*.png")}
    assert all(f'"{picture}' in script for picture in pictures)


def test_readme_is_short_and_links_every_document():
    assert len(DOCUMENTS["README.md"].splitlines()) <= 130
    for name in (*DOCS, "CONTRIBUTING.md"):
        assert f"({name})" in DOCUMENTS["README.md"], name


def test_contributing_lists_every_package():
    tree = re.search(r"^## The tree\n+```text\n(.*?)^```", DOCUMENTS["CONTRIBUTING.md"], re.M | re.S).group(1)
    for top in ("dashboard", "vitcore"):
        listed = re.search(rf"^{top}/ .*\n((?:  .*\n)*)", tree, re.M).group(1)
        named = {line.split()[0].rstrip("/") for line in listed.splitlines()}
        assert all((ROOT / top / name).exists() for name in named), named
        assert {path.parent.name for path in (ROOT / top).glob("*/__init__.py")} <= named


def test_every_path_in_contributing_exists():
    quoted = re.findall(r"`((?:pages|dashboard|vitcore|assets|docs)/[\w./]*)`", DOCUMENTS["CONTRIBUTING.md"])
    paths = {path for path in quoted if "NAME" not in path}
    assert len(paths) > 20
    assert not {path for path in paths if not (ROOT / path).exists()}


def test_documents_contain_the_main_commands():
    named = {module for module, _ in modules()}
    assert {"vitcore", "dashboard", "dashboard.talk", "tests.pictures"} <= named
    assert ["make", "run"] in commands()
    assert ["make", "test"] in commands()


@pytest.mark.parametrize(
    ("module", "arguments"), modules(), ids=lambda x: x if isinstance(x, str) else " ".join(x)
)
def test_every_command_is_valid(module, arguments):
    assert importlib.util.find_spec(module) is not None
    if module != "vitcore" or not arguments:
        return
    command, words = typer.main.get_command(app), [*arguments]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    if words:  # a sentence may name a command without arguments
        # Raises for invalid arguments
        command.make_context(module, words, resilient_parsing="--help" in words)


def targets() -> set[str]:
    return {word for words in commands() if words[0] == "make" for word in words[1:] if "=" not in word}


@pytest.mark.parametrize("target", sorted(targets()))
def test_every_make_target_exists(target):
    made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
