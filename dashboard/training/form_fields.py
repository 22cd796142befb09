"""Input fields for settings. Their bounds, titles and help come from the configuration."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st
from pydantic import BaseModel

from vitcore.architectures import Architecture
from vitcore.config import Config, bounds, choices

NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?")


def whole(title: str, name: str, value: int, key: str, of: type[BaseModel] = Config) -> int | None:
    """Draw a field for a whole number and return its value.

    The field accepts any number, so that the configuration can explain why a number is out of bounds.
    """
    low, high = bounds(name, of)
    return st.number_input(title, value=value, step=1, key=f"{name}_{key}", help=f"{low:,} to {high:,}")


def decimal(name: str, value: float, key: str, of: type[BaseModel] = Config) -> int | float | str:
    """Draw a text field for a floating-point number, so that 0.02 stays 0.02, and return its value."""
    field = of.model_fields[name]
    title = field.title or name.replace("_", " ").capitalize()
    return number(st.text_input(title, f"{value:g}", key=f"{name}_{key}", help=field.description))


def number(text: str) -> int | float | str:
    """Return the number in a text field, or else the text, which the configuration refuses in a sentence."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return int(text) if text.isdecimal() else float(text)
    return text


def options(architecture: Architecture, defaults: dict[str, Any], key: str) -> dict[str, Any]:
    """Draw a field for each option of an architecture that has a default, and return their values by name.

    Lists are separated by commas.
    """
    values, columns = {}, st.columns(2)
    shown = {name: field for name, field in architecture.options.model_fields.items() if name in defaults}
    for i, (name, field) in enumerate(shown.items()):
        value, title = defaults[name], field.title or name.replace("_", " ").capitalize()
        with columns[i % 2]:
            if isinstance(value, bool):
                values[name] = st.checkbox(title, value, key=f"{name}_{key}", help=field.description)
            elif isinstance(value, int):
                values[name] = whole(title, name, value, key, architecture.options)
            elif isinstance(value, list | tuple):
                text = ", ".join(map(str, value))
                text = st.text_input(title, text, key=f"{name}_{key}", help=field.description)
                values[name] = [number(part) for part in text.split(",") if part.strip()]
            elif isinstance(value, float):
                values[name] = decimal(name, value, key, architecture.options)
            else:
                allowed = choices(name, architecture.options)
                index = allowed.index(value)
                values[name] = st.selectbox(
                    title, allowed, index, key=f"{name}_{key}", help=field.description
                )
    return values
