"""Create and change the user's talks on disk.

Every change applies to the file as it is now, under a lock, and is written atomically. A step is identified
by its index and by its content as the visitor saw it (`Place`). If the file has changed since, the step
is searched for, so that no other step is changed in its place. Bundled talks are never written.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from dashboard.talk import edits
from dashboard.talk.files import Step, Talk, check_size, check_title, folders, list_talks, parse, read_text
from vitcore.errors import UserError
from vitcore.paths import check_allowed, talks_dir
from vitcore.runs.files import write_atomic, writing

LOCK_SECONDS = 10.0
OTHER_FOLDER = "another folder with $VITLAB_TALKS"


@dataclass(frozen=True)
class Opened:
    """A talk of the user as it is on disk. `stamp` changes with every byte of the file."""

    name: str
    path: Path
    text: str
    talk: Talk
    stamp: str


@dataclass(frozen=True)
class Place:
    """A step as the visitor saw it: its index and its content."""

    index: int
    step: Step


@dataclass(frozen=True)
class Removed:
    """What undoes a removal. `before` is the old text, and `stamp` is that of the file without the step."""

    index: int
    title: str
    lines: str
    before: str
    stamp: str


class StepGone(UserError):
    """The step was changed or removed since the visitor saw it."""


def own_talks() -> dict[str, Path]:
    """Return the files of the user's talks by name."""
    return {name: path for name, path in list_talks().items() if path.parent == folders()[0]}


def open_talk(name: str) -> Opened:
    """Read a talk of the user. Raise `UserError`."""
    path = own_talks().get(name)
    if path is None or _is_bundled(path):
        if name in list_talks():
            raise UserError(f"The talk {name} is bundled and can't be changed: copy it first.")
        raise UserError(f"There is no talk named {name[:80]!r} in the folder {talks_dir()}.")
    text = read_text(path)
    return Opened(name, path, text, parse(path.name, text), _stamp(text))


def create(title: str, step: Step) -> str:
    """Write a talk with one step, and return its name, which is made of the title."""
    check_allowed()
    title = check_title(title)
    with _locked():
        return _write_new(title, edits.new_talk(title, step))


def copy(name: str) -> str:
    """Copy a talk to the user's talks, and return the name of the copy."""
    check_allowed()
    path = list_talks().get(name)
    if path is None:
        raise UserError(f"There is no talk named {name[:80]!r}.")
    text = read_text(path)
    title = check_title(f"{parse(path.name, text).title[:73]} (copy)")
    with _locked():
        return _write_new(title, edits.set_title(text, title))


def rename(name: str, title: str) -> None:
    """Change the title of a talk. Its name and its address stay."""
    title = check_title(title)
    with _changing(name) as (old, write):
        if title != old.talk.title:
            write(edits.set_title(old.text, title), old.talk.model_copy(update={"title": title}))


def add(name: str, step: Step, index: int | None = None) -> int:
    """Insert a step, at the end without an index. Return its index."""
    with _changing(name) as (old, write):
        at = len(old.talk.steps) if index is None else min(index, len(old.talk.steps))
        write(edits.add(old.text, step, at), _with_steps(old.talk, lambda steps: steps.insert(at, step)))
    return at


def replace(name: str, place: Place, step: Step) -> int:
    """Replace the fields of a step. Return its index."""
    with _changing(name) as (old, write):
        at = _locate(old.talk, place)
        if step != old.talk.steps[at]:
            new = _with_steps(old.talk, lambda steps: steps.__setitem__(at, step))
            write(edits.set_step(old.text, at, step), new)
    return at


def move(name: str, place: Place, by: int) -> int:
    """Move a step by a number of places. Return its new index."""
    with _changing(name) as (old, write):
        at = _locate(old.talk, place)
        to = min(max(at + by, 0), len(old.talk.steps) - 1)
        if to != at:
            new = _with_steps(old.talk, lambda steps: steps.insert(to, steps.pop(at)))
            write(edits.move(old.text, at, to), new)
    return to


def duplicate(name: str, place: Place) -> int:
    """Insert a copy of a step, with its comments, below it. Return the index of the copy."""
    with _changing(name) as (old, write):
        at = _locate(old.talk, place)
        new = _with_steps(old.talk, lambda steps: steps.insert(at + 1, steps[at]))
        write(edits.insert(old.text, at + 1, edits.lines_of(old.text, at)), new)
    return at + 1


def remove(name: str, place: Place) -> Removed:
    """Remove a step, and return what `restore` needs."""
    with _changing(name) as (old, write):
        at = _locate(old.talk, place)
        if len(old.talk.steps) == 1:
            raise UserError(
                f"A talk needs one step: delete {old.path.name} in the folder {talks_dir()} to remove the "
                "whole talk."
            )
        lines, text = edits.lines_of(old.text, at), edits.remove(old.text, at)
        write(text, _with_steps(old.talk, lambda steps: steps.pop(at)))
    return Removed(at, place.step.title, lines, old.text, _stamp(text))


def restore(name: str, removed: Removed) -> int:
    """Undo a removal, and keep what was changed since. Return the index of the step."""
    with _changing(name) as (old, write):
        at = min(removed.index, len(old.talk.steps))
        if old.stamp == removed.stamp:
            text = removed.before
            write(text, parse(old.path.name, text))
        else:
            text = edits.insert(old.text, at, removed.lines)
            step = parse(old.path.name, text).steps[at]
            write(text, _with_steps(old.talk, lambda steps: steps.insert(at, step)))
    return at


def _with_steps(talk: Talk, change: Callable[[list[Step]], object]) -> Talk:
    steps = list(talk.steps)
    change(steps)
    return talk.model_copy(update={"steps": tuple(steps)})


def _locate(talk: Talk, place: Place) -> int:
    """Return the index of a step, wherever it is by now. Raise `StepGone`."""
    found = [i for i, step in enumerate(talk.steps) if step == place.step]
    if not found:
        raise StepGone(
            f"The step {place.step.title!r} was changed or removed in another tab or program. Nothing was "
            "changed here, and the talk is shown as it is now."
        )
    return min(found, key=lambda i: abs(i - place.index))


Write = Callable[[str, Talk], None]


@contextlib.contextmanager
def _changing(name: str) -> Iterator[tuple[Opened, Write]]:
    """Give the current talk, and a function that writes a new text if it reads as the expected talk."""
    check_allowed()
    with _locked():
        old = open_talk(name)

        def write(text: str, expected: Talk) -> None:
            check_size(old.path.name, len(text.encode()))
            if parse(old.path.name, text) != expected:
                raise UserError(
                    f"The layout of {old.path.name} does not allow this change without damage to other parts "
                    "of it: change the file in a text editor."
                )
            _write(old.path, text)

        yield old, write


def _write_new(title: str, text: str) -> str:
    base = re.sub(r"\W+", "-", title.lower()).strip("-")[:60] or "talk"
    taken = {path.stem.lower() for path in talks_dir().glob("*")} | {name.lower() for name in list_talks()}
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    path = talks_dir() / f"{name}.yaml"
    check_size(path.name, len(text.encode()))
    parse(path.name, text)
    _write(path, text)
    return name


def _write(path: Path, text: str) -> None:
    with writing(talks_dir(), OTHER_FOLDER):
        write_atomic(path.resolve(), text)


def _is_bundled(path: Path) -> bool:
    return folders()[1].resolve() in path.resolve().parents


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Hold the lock of the folder of talks, which this makes if it does not exist."""
    folder = talks_dir()
    if folder == folders()[1].resolve():
        raise UserError("Bundled talks can't be changed: set $VITLAB_TALKS to another folder.")
    with writing(talks_dir(), OTHER_FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            raise UserError("Another program is writing the talks: try again in a moment.") from None
    try:
        yield
    finally:
        lock.release()


def _stamp(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
