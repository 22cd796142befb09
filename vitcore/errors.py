"""The exception for user-facing errors, whose message says what is wrong and what to do, and its phrases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UserError(Exception):
    """An error shown as one sentence on the page, or on stderr with exit code 2. No traceback is shown."""

    def __init__(self, message: str) -> None:
        # Python decodes a file name that is not UTF-8 to surrogates, which no page and no terminal can show
        super().__init__(message.encode("utf-8", "backslashreplace").decode("utf-8"))


def detail_of(error: Exception, most: int = 160) -> str:
    """Return the last line of an error of a library, cut, to quote it in a sentence.

    It may list thousands of names from a file.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    last = lines[-1].strip().rstrip(".")
    return last if len(last) <= most else f"{last[: most - 3]}..."


def first_line(error: BaseException, most: int = 200) -> str:
    """Return the first line of an error's message, cut, or its type if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most]


def no_weights(run_id: str, *, active: bool) -> UserError:
    """Return the error for a run without weights. An `active` run will still save some."""
    if active:
        return UserError(f"Run {run_id} has no weights yet: wait for the end of its first epoch.")
    return UserError(
        f"Run {run_id} has no weights, because it ended during its first epoch or was exported without them: "
        "choose another run."
    )


# what an invalid setting must be, by pydantic's type of the error
VIOLATIONS = {
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "greater_than": "it must be more than {gt}",
    "less_than": "it must be less than {lt}",
    "literal_error": "choose one of {expected}",
    "int_parsing": "it must be a whole number",
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "float_type": "it must be a number",
    "bool_parsing": "it must be true or false",
    "bool_type": "it must be true or false",
    "finite_number": "it must be a finite number",
    "string_type": "it must be text",
    "string_pattern_mismatch": "it must be a short name of letters, digits and dashes",
    "too_short": "it must have at least {min_length} item",
    "string_too_long": "it may have at most {max_length} characters",
    "string_too_short": "it is empty",
    "too_long": "it may have at most {max_length} items",
    "tuple_type": "it must be a list such as [16, 32, 64]",
    "dict_type": "it must be a list of settings",
}


def violation(kind: str, context: Mapping[str, Any]) -> str | None:
    """Return what an invalid setting must be, given pydantic's type of the error and its bounds.

    Return None for a type without such a phrase.
    """
    known = VIOLATIONS.get(kind)
    return known and known.format(**{name: _written(value) for name, value in context.items()})


def _written(value: Any) -> Any:
    """Return a bound as a sentence writes it: a whole number with all its digits."""
    if not isinstance(value, int | float):
        return value
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:g}"
