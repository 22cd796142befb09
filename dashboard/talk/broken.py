"""What is wrong in a file that is not YAML: the line and what to do, without the words of a parser."""

from __future__ import annotations

import re

import yaml

KEYED = re.compile(r"\s*(?:- +)?\w+:(?: +(?P<value>.*))?$")  # a line as a talk has them
BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as PyYAML counts lines
UNCLOSED = "a quotation mark opens a text here and none closes it: write one at its end."
OTHERWISE = (
    "this is not valid YAML. A text with a colon, or one that begins with a sign, needs quotation marks "
    "around it; indent with spaces, the keys of a step below each other."
)


def sentence(text: str, error: yaml.YAMLError) -> tuple[int, str]:
    """(line, counted from 1; what is wrong there and what to do)"""
    mark = getattr(error, "problem_mark", None)
    begun = getattr(error, "context_mark", None) or mark
    if mark is None:
        return 1, OTHERWISE
    lines = [*BREAKS.split(text), ""]
    found, here = str(error.problem), lines[min(mark.line, len(lines) - 1)]
    line, first = mark.line + 1, begun.line + 1
    if r"'\t' that cannot start" in found:
        return line, "a tab stands where only spaces may: replace it by spaces."
    if "mapping values are not allowed" in found:
        return _colon(lines, mark)
    if "could not find expected ':'" in found:
        return first, (
            "this line has no key. If it belongs to the text above, indent it as that is; else begin it with "
            "a key, a colon and a space, such as `say: A sentence.`"
        )
    if "unexpected end of stream" in found or "unexpected document separator" in found:
        return first, UNCLOSED
    if "unknown escape" in found or "escape sequence" in found:
        return line, (
            r"a backslash in double quotation marks begins a sign of its own: write two, `\\`, or put single "
            "quotation marks around the text."
        )
    if "expected <block end>" in found:
        return _end(text, lines, mark, found)
    if "expected ',' or" in found:
        if found.endswith("got ':'") and line == first:
            return line, "a text with a colon needs quotation marks around it."
        sign = "[" if "']'" in found[:20] else "{"
        return first, (
            f"a bracket `{sign}` opens here and is not closed where it should be: close it, or put quotation "
            "marks around a text that begins with one."
        )
    if "comment or a line break" in found:
        return line, (
            "after `|` or `>` nothing more stands in the line: begin the text in the next one, indented, or "
            "put quotation marks around a text that begins with such a sign."
        )
    if "another document" in found:
        return line, "a line `---` begins a second file here: delete it."
    keyed = KEYED.match(here)
    if keyed and (keyed["value"] or "")[:1] in tuple("@`%*&!?-]},|>"):
        return line, _begins(here)
    return line, OTHERWISE


def _colon(lines: list[str], mark: yaml.Mark) -> tuple[int, str]:
    """A colon that no key ends with: in a text, or in a line that stands too far right."""
    here = lines[mark.line]
    if here.find(":") < mark.column:
        return mark.line + 1, f"a text with a colon needs quotation marks around it{_such_as(here)}."
    at = next((i for i in range(mark.line - 1, -1, -1) if lines[i].strip()), mark.line)
    if KEYED.match(lines[at]) or at == mark.line:
        return mark.line + 1, (
            "this line stands too far right: the keys of a step begin below each other. If it belongs to the "
            "text above, put quotation marks around the whole text."
        )
    return at + 1, "between a key and its text stand a colon and a space, such as `title: One`."


def _end(text: str, lines: list[str], mark: yaml.Mark, found: str) -> tuple[int, str]:
    """Something stands where a list or a step should go on or end."""
    if "block mapping start" in found or "block sequence start" in found or "'-'" in found:
        return mark.line + 1, (
            "its indentation is that of no line above: the keys of a step begin below each other, and so do "
            "the dashes of the steps."
        )
    before = _quoted(text, mark)
    if before is None or before.end_mark.line != mark.line:
        return mark.line + 1, OTHERWISE
    if before.start_mark.line < mark.line:  # what was to open a text closed the one before
        return before.start_mark.line + 1, UNCLOSED
    inside = "write `''` for an apostrophe in it" if before.style == "'" else r"write `\"` for one in it"
    return mark.line + 1, (
        f"the text goes on after the quotation mark that closes it: {inside}, or put the whole text between "
        "quotation marks of the other kind."
    )


def _quoted(text: str, mark: yaml.Mark) -> yaml.ScalarToken | None:
    """The last text between quotation marks before that place."""
    last = None
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.index >= mark.index:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                last = token
    except yaml.YAMLError:
        pass  # what comes before the mistake is enough
    return last


def _begins(line: str) -> str:
    sign = KEYED.match(line)["value"][0]
    named = "a backtick" if sign == "`" else f"`{sign}`"
    return f"a text that begins with {named} needs quotation marks around it{_such_as(line)}."


def _such_as(line: str) -> str:
    """The line's own text between quotation marks, where it can be shown in few words."""
    keyed = KEYED.match(line)
    value = (keyed["value"] or "").strip() if keyed else ""
    if not value or len(value) > 60 or value[0] in "'{[" or any(sign in value for sign in '"\\`'):
        return ""
    return f', such as `"{value}"`'
