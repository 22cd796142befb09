"""How sentences quote errors of libraries."""

from __future__ import annotations

import pytest

from vitcore.errors import detail_of, first_line


@pytest.mark.parametrize("quote", [first_line, detail_of])
def test_error_without_a_message_is_quoted_by_its_type(quote):
    assert quote(RuntimeError()) == quote(RuntimeError(" \n")) == "RuntimeError"


def test_one_line_of_an_error_is_quoted_and_cut():
    error = ValueError("\nno such size\n  at line 3.\n")
    assert (first_line(error), detail_of(error)) == ("no such size", "at line 3")
    long = ValueError("x" * 1000)
    assert (len(first_line(long)), len(detail_of(long))) == (200, 160)
