"""Input fields for settings. Their bounds, titles and help come from the configuration."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import BaseModel

from vitcore.architectures import Architecture
from vitcore.config import Config, bounds, choices


def whole(title: str, name: str, value: int, key: str, of: type[BaseModel] = Config) -> int | None:
    """Draw a field for a whole number and return its value.

    The field accepts any number, so that the configuration can explain why a number is out of bounds.
    """
    low, high = bounds(name, of)
    return st.number_input(title, value=value, step=1, key=f"{name}_{key}", help=f"{low:,} to {high:,}")


def options(architecture: Architecture, defaults: dict[str, Any], key: str) -> dict[str, Any]:
    """Draw a field for each option of an architecture that has a default, and return their values by name.

    Lists are separated by commas. Floating-point numbers are text fields, so that 0.02 stays 0.02.
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
                values[name] = [part.strip() for part in text.split(",") if part.strip()]
            elif isinstance(value, float):
                values[name] = st.text_input(title, f"{value:g}", key=f"{name}_{key}", help=field.description)
            else:
                allowed = choices(name, architecture.options)
                index = allowed.index(value)
                values[name] = st.selectbox(
                    title, allowed, index, key=f"{name}_{key}", help=field.description
                )
    return values
