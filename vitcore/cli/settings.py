"""Parse NAME=VALUE arguments of the command line, such as `--set patch_size=8`. Values are YAML. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vitcore.errors import UserError
from vitcore.reading import parse_yaml, short


def parse_settings(texts: Iterable[str] | None, option: str = "--set") -> dict[str, Any]:
    """Return the values by name. For a repeated name, the last value counts. Raise `UserError` if invalid."""
    return {
        name: _parse(text, f"{option} {name}") for name, text in _split(texts, f"{option} needs NAME=VALUE")
    }


def parse_value_lists(texts: Iterable[str] | None, option: str = "--vary") -> dict[str, list[Any]]:
    """Return the values by name from NAME=VALUE,VALUE arguments. Values of a repeated name are joined.

    Raise `UserError` for an invalid argument.
    """
    lists: dict[str, list[Any]] = {}
    for name, text in _split(texts, f"{option} needs NAME=VALUE,VALUE"):
        values = _parse(f"[{text}]", f"{option} {name}", text)
        if not values:
            raise UserError(f"{option} {name} needs values separated by commas, not {text!r}.")
        lists.setdefault(name, []).extend(values)
    return lists


def _split(texts: Iterable[str] | None, needs: str) -> list[tuple[str, str]]:
    """Return (name, text of the value). Replace dashes in a name by underscores, except in MODEL.NAME."""
    pairs = []
    for text in texts or ():
        name, equals, value = text.partition("=")
        model, dot, inner = name.strip().rpartition(".")
        if not (equals and inner):
            raise UserError(f"{needs}, not {text!r}.")
        pairs.append((model + dot + inner.replace("-", "_"), value))
    return pairs


def _parse(text: str, where: str, shown: str | None = None) -> Any:
    try:
        return parse_yaml(text, where)
    except UserError:
        shown = short(text if shown is None else shown)
        raise UserError(f"{where}: {shown} is not a valid YAML value: quote it or correct it.") from None
