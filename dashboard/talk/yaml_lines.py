"""Read YAML as lists, dictionaries and text, with the line number of each value.

Every scalar is text, so that `title: 2024` is a title and no tag creates an object. Duplicate keys and
aliases are errors. So are files with more nodes than any talk has, because they would take seconds to parse.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

MAX_NODES = 5000  # 200 steps with every key have about 2,200
COMMENT_AFTER_TEXT = re.compile(r" +#[^\s#]")
HINT = (
    "Check this line and the one above: put quotation marks around a text that contains a colon or another "
    "special character, write a space after the colon of a key, and align the keys of a step."
)

Path = tuple[str | int, ...]  # ("steps", 2, "title") is the title of the third step
Lines = dict[Path, int]


class LineError(ValueError):
    """A problem in a YAML text. `line` counts from 1."""

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
            raise LineError(_line(event.start_mark), "this file has too many entries for a talk.")
        return super().compose_node(parent, index)


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a YAML text with their positions. Raise `LineError`."""
    try:
        return yaml.compose(text, Loader=_Loader)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LineError(line, f"delete the invisible character U+{error.character:04X}.") from None
    except yaml.MarkedYAMLError as error:
        raise LineError(_line(_mark_of(error)), f"{_message(error)}. {HINT}") from None
    except RecursionError:
        raise LineError(1, "this file is nested too deeply for a talk.") from None


def read(text: str) -> tuple[Any, Lines]:
    """Return the content of a YAML text, and the line of every key and list item. Raise `LineError`."""
    root = compose(text)
    lines: Lines = {(): 1}
    return None if root is None else _plain(root, (), lines), lines


def plain(node: yaml.Node) -> Any:
    """Return the content of a node. Raise `LineError`."""
    return _plain(node, (), {})


def _line(mark: yaml.Mark) -> int:
    return mark.line + 1


def _mark_of(error: yaml.MarkedYAMLError) -> yaml.Mark:
    """Return the position of a mistake. PyYAML reports the end of an unclosed text: return its start."""
    use_start = isinstance(error, ScannerError) or "flow" in (error.context or "")
    mark = error.context_mark if use_start and error.context_mark else error.problem_mark
    assert mark is not None  # without one the error would not be marked
    return mark


def _message(error: yaml.MarkedYAMLError) -> str:
    """Return a sentence with PyYAML's own message."""
    words = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
    return f"this is not valid YAML ({words[:160]})"


def _plain(node: yaml.Node, path: Path, lines: Lines) -> Any:
    lines.setdefault(path, _line(node.start_mark))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = _line(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                raise LineError(line, "a key is one word, such as `title:`.")
            if key.value in values:  # usually the dash of a new step is missing
                raise LineError(line, f"`{key.value[:40]}:` appears twice. Begin a new step with `- title:`.")
            lines[(*path, key.value)] = line
            values[key.value] = _plain(value, (*path, key.value), lines)
        return values
    assert isinstance(node, yaml.ScalarNode)
    end = node.end_mark
    if not node.style and COMMENT_AFTER_TEXT.match(end.buffer or "", end.pointer):
        raise LineError(  # otherwise "the #1 model" would become "the"
            _line(node.start_mark),
            "the text ends before `#`, which begins a comment. Put quotation marks around the text, or a "
            "space after `#`.",
        )
    return node.value
