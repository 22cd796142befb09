"""Read YAML as plain lists, dictionaries and text, with the line where each value stands. Nothing else.

Every scalar stays text, so that `title: 2024` is a title and no tag can create an object. Duplicate keys and
aliases are errors, and so are files with more parts than any talk has: those would take seconds to parse.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

MAX_NODES = 5000  # 200 steps with every key have about 2,200
ENDED_BY_HASH = re.compile(r" +#[^\s#]")
HINT = (
    "Check this line and the one above: put quotation marks around a text with a colon or a special sign in "
    "it, write a space after the colon of a key, and align the keys of a step."
)

Path = tuple[str | int, ...]  # ("steps", 2, "title") is the title of the third step
Lines = dict[Path, int]


class LineError(ValueError):
    """A problem and the line, counted from 1, that it is in."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class _Loader(yaml.SafeLoader):
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise LineError(_line(event.start_mark), f"aliases such as *{event.anchor[:40]} are not allowed.")
        if self.nodes > MAX_NODES:
            raise LineError(_line(event.start_mark), "this file has too many parts for a talk.")
        return super().compose_node(parent, index)


def read(text: str) -> tuple[Any, Lines]:
    """The content of a YAML text, and the line of every key and list item. Raises `LineError`."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LineError(line, f"delete the invisible character U+{error.character:04X}.") from None
    except yaml.MarkedYAMLError as error:
        raise LineError(_line(_where(error)), f"{_quoted(error)}. {HINT}") from None
    except RecursionError:
        raise LineError(1, "this file is nested too deeply for a talk.") from None
    lines: Lines = {(): 1}
    return None if root is None else _plain(root, (), lines), lines


def _line(mark: yaml.Mark) -> int:
    return mark.line + 1


def _where(error: yaml.MarkedYAMLError) -> yaml.Mark:
    """The scanner and brackets fail at the end of what they read: the mistake is where that begins."""
    at_start = isinstance(error, ScannerError) or "flow" in (error.context or "")
    mark = error.context_mark if at_start and error.context_mark else error.problem_mark
    assert mark is not None  # without one the error would not be marked
    return mark


def _quoted(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words."""
    words = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
    return f"this is not valid YAML ({words[:160]})"


def _plain(node: yaml.Node, path: Path, lines: Lines) -> Any:
    lines.setdefault(path, _line(node.start_mark))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, at), lines) for at, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = _line(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                raise LineError(line, "a key is one word, such as `title:`.")
            if key.value in found:  # usually a step whose dash is missing
                raise LineError(
                    line, f"`{key.value[:40]}:` is already there. Begin a new step with `- title:`."
                )
            lines[(*path, key.value)] = line
            found[key.value] = _plain(value, (*path, key.value), lines)
        return found
    assert isinstance(node, yaml.ScalarNode)
    end = node.end_mark
    if not node.style and ENDED_BY_HASH.match(end.buffer or "", end.pointer):
        raise LineError(  # "the #1 model" would be "the"
            _line(node.start_mark),
            "the text ends before `#`, which begins a comment. Put quotation marks around the text, or a "
            "space after `#`.",
        )
    return node.value
