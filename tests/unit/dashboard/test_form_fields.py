"""Text fields for numbers: their text becomes a number, or stays text that the configuration refuses."""

from __future__ import annotations

import pytest

from dashboard.training.form_fields import number


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.001", 0.001), (" 1e-3 ", 0.001), ("16", 16), (".5", 0.5), ("-2", -2.0), ("1E400", float("inf"))],
)
def test_number_in_a_text_field_is_read(text, value):
    assert number(text) == value
    assert type(number(text)) is (int if text == "16" else float)


@pytest.mark.parametrize(
    "text", ["", "true", "nan", "inf", "1_0", "0x10", "1,5", "\u0663", "9" * 5000, "1 2"]
)
def test_other_text_remains_text(text):
    assert number(text) == text
