"""The CSV rows that figures are made of: numbers, matrices and points."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from dashboard.drawing.csv_rows import matrix_rows, point_rows, table


def test_numbers_have_ten_significant_digits_and_nan_is_an_empty_cell():
    rows = table(["series", "x", "y"], [["a", 0.1 + 0.2, np.float32(0.1)], ["b", math.nan, np.int64(3)]])
    assert rows == [["series", "x", "y"], ["a", 0.3, 0.1000000015], ["b", None, 3]]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows  # as the browser gets it


def test_rows_of_a_matrix_name_column_and_row_and_leave_nan_out():
    matrix, error = np.array([[1.0, 2.0, 3.0], [4.0, math.nan, 6.0]]), np.arange(6.0).reshape(2, 3)
    rows = [*matrix_rows(["m"], ["x", "y", "z"], ["one", "two"], matrix, error)]
    assert rows == [
        ["m", "x", "one", 1, 0],
        ["m", "y", "one", 2, 1],
        ["m", "z", "one", 3, 2],
        ["m", "x", "two", 4, 3],
        ["m", "z", "two", 6, 5],
    ]


def test_rows_of_points_need_values_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        list(point_rows(["a"], [1, 2], [3]))
