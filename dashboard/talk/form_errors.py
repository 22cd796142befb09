"""Check the values of a form for a step, with sentences that name its fields and not the keys of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dashboard.talk.files import CHOICES, REQUIRED, Step
from vitcore.errors import UserError

NAMES = {
    "title": "title",
    "say": "sentence for the audience",
    "note": "note for the speaker",
    "question": "question",
    "answers": "choice",
    "answer": "answer",
    "link": "link",
    "source": "source",
}


class FieldError(UserError):
    """A value that a step cannot have. `field` is the name of the field of `Step` to correct."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def check_form(values: Mapping[str, Any]) -> Step:
    """Return the step with the values of a form. Raise `FieldError` for the first value to correct."""
    try:
        return Step.model_validate({key: value for key, value in values.items() if value or key in REQUIRED})
    except ValidationError as error:
        raise _field_error(error.errors()[0], values) from None


def _field_error(error: ErrorDetails, values: Mapping[str, Any]) -> FieldError:
    if not error["loc"]:
        return _question_error(values)
    field, limits = str(error["loc"][0]), error.get("ctx", {})
    subject = f"A {NAMES[field]}" if field == "answers" else f"The {NAMES[field]}"
    if error["type"] in ("string_too_short", "missing"):
        return FieldError(f"{subject} is empty: write some text.", field)
    if error["type"] == "string_too_long":
        most = limits.get("max_length")
        return FieldError(f"{subject} is too long: use at most {most} characters.", field)
    if error["type"] == "string_unicode":
        return FieldError(f"{subject} has an invalid character: delete it.", field)
    if field == "answers":
        return FieldError(f"Write {CHOICES[0]} to {CHOICES[1]} choices, one a line, or none.", field)
    text = str(limits.get("error", error["msg"]))
    return FieldError(text[:1].upper() + text[1:], field)


def _question_error(values: Mapping[str, Any]) -> FieldError:
    """Return what is wrong with a question and its answers, which are checked together."""
    if not values.get("question"):
        return FieldError("An answer needs a question: write one, or delete the answer.", "question")
    if not values.get("answer"):
        return FieldError("A question needs an answer: write one.", "answer")
    return FieldError("The answer must be one of the choices: write it as it is there.", "answer")
