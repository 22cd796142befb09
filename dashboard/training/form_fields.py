"""Input fields for settings, with the bounds and texts of the configuration: each is stated once, there."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import BaseModel

from vitcore.architectures import Architecture
from vitcore.config import Config, bounds, choices


def whole(title: str, name: str, value: int, key: str, of: type[BaseModel] = Config) -> int | None:
    """A field for a whole number.

    It takes any number: what is out of bounds gets the configuration's sentence instead of being ignored.
    """
    low, high = bounds(name, of)
    return st.number_input(title, value=value, step=1, key=f"{name}_{key}", help=f"{low:,} to {high:,}")


def options(architecture: Architecture, defaults: dict[str, Any], key: str) -> dict[str, Any]:
    """A field for each option of an architecture, whatever they are; returns what they hold.

    Lists are written with commas; numbers with a fraction are text, so that 0.02 stays 0.02.
    """
    given, columns = {}, st.columns(2)
    for i, (name, field) in enumerate(architecture.options.model_fields.items()):
        value, title = defaults[name], field.title or name.replace("_", " ").capitalize()
        with columns[i % 2]:
            if isinstance(value, bool):
                given[name] = st.checkbox(title, value, key=f"{name}_{key}", help=field.description)
            elif isinstance(value, int):
                given[name] = whole(title, name, value, key, architecture.options)
            elif isinstance(value, list | tuple):
                text = ", ".join(map(str, value))
                text = st.text_input(title, text, key=f"{name}_{key}", help=field.description)
                given[name] = [part.strip() for part in text.split(",") if part.strip()]
            elif isinstance(value, float):
                given[name] = st.text_input(title, f"{value:g}", key=f"{name}_{key}", help=field.description)
            else:
                allowed = choices(name, architecture.options)
                place = allowed.index(value)
                given[name] = st.selectbox(title, allowed, place, key=f"{name}_{key}", help=field.description)
    return given
