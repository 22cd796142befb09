"""Change the text of a talk file without changing its other parts: comments, layout, quotation marks.

The functions take and return text. They read and write no files. They find the lines of a step and the place
of a value by the positions of the YAML nodes. `store` checks the result of an edit before it writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from dashboard.talk import yaml_lines
from dashboard.talk.files import Step
from vitcore.errors import UserError

INDENT = 2  # of the list of steps in a new file
_UNSAFE = re.compile("[^ -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")  # YAML would read them as line ends of the file


@dataclass(frozen=True)
class Parts:
    """A file in pieces: `head`, the lines of each step, the gaps between steps, `tail`.

    The lines of a step include the comments directly above it. A gap has blank lines and other comments.
    `column` is that of the dashes, and `newline` ends a line.
    """

    head: str
    steps: tuple[str, ...]
    gaps: tuple[str, ...]
    tail: str
    column: int
    newline: str

    @property
    def text(self) -> str:
        """The whole text."""
        pairs = zip(self.steps, (*self.gaps, ""), strict=True)
        return self.head + "".join(step + gap for step, gap in pairs) + self.tail


class _Dumper(yaml.SafeDumper):
    pass


class _Literal(str):
    """A text of several lines, which is written as a block (`|`)."""


_Dumper.add_representer(
    _Literal, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def new_talk(title: str, step: Step) -> str:
    """Return the text of a talk with one step."""
    return f"title: {_block(title, 0)}\nsteps:\n{new_step(step, INDENT)}"


def new_step(step: Step, column: int, newline: str = "\n") -> str:
    """Return the lines of a step whose dash is in this column."""
    fields = {name: value for name, value in step.model_dump().items() if value}
    inner = " " * (column + 2)
    lines = [f"{inner}{name}: {_block(value, column + 2)}\n" for name, value in fields.items()]
    return (" " * column + "- " + "".join(lines).removeprefix(inner)).replace("\n", newline)


def split(text: str) -> Parts:
    """Return the pieces of a valid talk file. Raise `UserError` if its steps are in brackets."""
    if not text.endswith("\n"):
        text += "\n"
    newline = "\r\n" if "\r\n" in text else "\n"
    key, steps = _find(_root(text), "steps")
    if steps.flow_style:
        raise UserError(
            "The steps of this talk are written as `[...]`, which only a text editor can change: begin each "
            "step on a line of its own with `- title:`."
        )
    column = steps.start_mark.column
    floor, starts, ends = _line_end(text, key.end_mark.index), [], []
    for item in steps.value:
        dash = _dash_line(text, item, column, floor)
        starts.append(dash - sum(map(len, _comments_before(text[floor:dash]))))
        floor = _line_end(text, _content_end(text, item))
        floor += sum(map(len, _deep_comments(text[floor:], column)))
        ends.append(floor)
    return Parts(
        head=text[: starts[0]],
        steps=tuple(text[a:b] for a, b in zip(starts, ends, strict=True)),
        gaps=tuple(text[a:b] for a, b in zip(ends[:-1], starts[1:], strict=True)),
        tail=text[ends[-1] :],
        column=column,
        newline=newline,
    )


def insert(text: str, index: int, lines: str) -> str:
    """Insert the lines of a step, so that it becomes the one with this index."""
    parts = split(text)
    blank = next((gap for gap in parts.gaps if not gap.strip()), "")
    steps, gaps = list(parts.steps), list(parts.gaps)
    steps.insert(index, lines)
    gaps.insert(max(index - 1, 0), blank)
    return replace(parts, steps=tuple(steps), gaps=tuple(gaps)).text


def add(text: str, step: Step, index: int | None = None) -> str:
    """Insert a step, at the end without an index."""
    parts = split(text)
    lines = new_step(step, parts.column, parts.newline)
    return insert(text, len(parts.steps) if index is None else index, lines)


def lines_of(text: str, index: int) -> str:
    """Return the lines of a step, with the comments directly above it."""
    return split(text).steps[index]


def remove(text: str, index: int) -> str:
    """Remove a step with the comments directly above it. Comments in the gaps around it remain."""
    parts = split(text)
    gaps = ["", *parts.gaps, ""]
    before, after = gaps[index], gaps[index + 1]
    at_edge = index in (0, len(parts.steps) - 1)
    kept = before + after if before.strip() and after.strip() else max(before, after, key=str.strip)
    head = parts.head + after if index == 0 and after.strip() else parts.head
    tail = before + parts.tail if index and at_edge and before.strip() else parts.tail
    inner = gaps[1:index] + ([] if at_edge else [kept]) + gaps[index + 2 : -1]
    steps = parts.steps[:index] + parts.steps[index + 1 :]
    return replace(parts, head=head, steps=steps, gaps=tuple(inner), tail=tail).text


def move(text: str, index: int, to: int) -> str:
    """Move a step. The gaps between steps keep their places."""
    parts = split(text)
    steps = list(parts.steps)
    steps.insert(to, steps.pop(index))
    return replace(parts, steps=tuple(steps)).text


def set_title(text: str, title: str) -> str:
    """Replace the title of the talk."""
    root = _root(text)
    return _apply(text, _field_edits(text, root, {"title": title}))


def set_step(text: str, index: int, step: Step) -> str:
    """Replace the fields of a step that differ from those in the text."""
    _, steps = _find(_root(text), "steps")
    item = steps.value[index]
    old = Step.model_validate(yaml_lines.plain(item)).model_dump()
    changed = {name: value for name, value in step.model_dump().items() if value != old[name]}
    return _apply(text, _field_edits(text, item, changed))


Edit = tuple[int, int, str]  # from, to, the new text in between


def _apply(text: str, changes: list[Edit]) -> str:
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _field_edits(text: str, mapping: yaml.MappingNode, values: Mapping[str, Any]) -> list[Edit]:
    """Return the edits that give the keys of a mapping these values. An empty value removes its key."""
    newline = "\r\n" if "\r\n" in text else "\n"
    found = {key.value: (key, value) for key, value in mapping.value}
    column = mapping.start_mark.column
    changes: list[Edit] = []
    added = ""
    for name, new in values.items():
        if name not in found:
            if mapping.flow_style and new:
                added += f", {name}: {_quoted(new)}"
            elif new:
                added += f"{' ' * column}{name}: {_block(new, column)}\n"
            continue
        key, value = found[name]
        start, end = value.start_mark.index, _content_end(text, value)
        line, after = _line_start(text, key.start_mark.index), text[end : _line_end(text, end)].strip()
        comment = re.search(r"\s#.*", text[start : _line_end(text, start)]) if _is_block(value) else None
        alone = (
            not mapping.flow_style and not after and not comment and not text[line:].startswith("-", column)
        )
        space = " " if text[start - 1 : start] == ":" else ""
        if not new and alone and not text[line : key.start_mark.index].strip():
            changes.append((line, _line_end(text, end), ""))
        elif mapping.flow_style or after:
            changes.append((start, end, space + _quoted(new)))
        elif comment:  # of the first line of a block: it stays on the line of the key
            changes.append((start, end, f"{space}{_quoted(new)} {comment[0].strip()}"))
        else:
            changes.append((start, end, space + _block(new, column).replace("\n", newline)))
    if mapping.flow_style:
        at = mapping.end_mark.index - 1
        return [*changes, (at, at, added)]
    at = _line_end(text, _content_end(text, mapping))
    if added and text[at - 1] != "\n":
        added = newline + added
    return [*changes, (at, at, added.replace("\n", newline))]


def _block(value: Any, column: int) -> str:
    """Return a value as YAML after `key: ` in a mapping whose keys are in this column, without a line end."""
    if not isinstance(value, str) or _OTHER_BREAKS.search(value):
        return _quoted(value)
    content = _Literal(value) if "\n" in value else value
    dumped = yaml.dump({"k": content}, Dumper=_Dumper, allow_unicode=True, width=10**7, indent=2)
    first, *rest = dumped.removeprefix("k: ").rstrip("\n").split("\n")
    return "\n".join([first, *(" " * column + line if line else "" for line in rest)])


def _quoted(value: Any) -> str:
    """Return a value as YAML on one line, within quotation marks."""
    if not isinstance(value, str):
        return f"[{', '.join(map(_quoted, value))}]"
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _root(text: str) -> yaml.MappingNode:
    root = yaml_lines.compose(text)
    assert isinstance(root, yaml.MappingNode)  # the text has been read as a talk
    return root


def _find(mapping: yaml.MappingNode, name: str) -> tuple[yaml.Node, Any]:
    return next((key, value) for key, value in mapping.value if key.value == name)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


def _content_end(text: str, node: yaml.Node) -> int:
    """Return where the last character of a node ends. For PyYAML, a block includes the space below it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark.index
    while end > node.start_mark.index and text[end - 1].isspace():
        end -= 1
    return end


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    return text.find("\n", index) + 1 or len(text)


def _dash_line(text: str, item: yaml.Node, column: int, floor: int) -> int:
    """Return the start of the line with the dash of a step, which may be above the first key."""
    start = _line_start(text, item.start_mark.index)
    while start > floor and (text[start : start + column].strip() or text[start + column] != "-"):
        start = _line_start(text, start - 1)
    return start


def _comments_before(between: str) -> list[str]:
    """Return the last lines of a text as far as all of them are comments."""
    lines = between.splitlines(keepends=True)
    count = next((i for i, line in enumerate(reversed(lines)) if not _is_comment(line)), len(lines))
    return lines[len(lines) - count :]


def _deep_comments(after: str, column: int) -> list[str]:
    """Return the first lines of a text as far as they are comments within the step above."""
    found: list[str] = []
    at = 0
    while at < len(after):
        line = after[at : _line_end(after, at)]
        if not (_is_comment(line) and len(line) - len(line.lstrip()) > column):
            break
        found.append(line)
        at += len(line)
    return found


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
