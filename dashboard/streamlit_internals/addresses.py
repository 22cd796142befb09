"""Read the values of widgets from an address more strictly than Streamlit does.

Streamlit seeds a bound widget from the address before the page can check it. An infinite number ends the
page, and an empty choice is taken for none, even where the widget requires one.
"""

from __future__ import annotations

import math
from typing import Any

from streamlit.runtime.state import query_params, session_state


def read_strictly() -> None:
    """Make Streamlit ignore infinite numbers and empty choices in addresses."""
    session_state.parse_url_param = parse  # pyright: ignore[reportPrivateImportUsage]


def parse(value: str | list[str], value_type: str) -> Any:
    """Return the value of a query parameter for a type of widget. Raise `ValueError` if it does not fit."""
    if value_type.endswith("array_value") and query_params.is_empty_url_value(value):
        raise ValueError("no choice")
    parsed = query_params.parse_url_param(value, value_type)
    numbers = parsed if isinstance(parsed, list) else [parsed]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ValueError("not a finite number")
    return parsed
