"""Rows of the CSV file of a figure. The first row names the columns. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Rows = Sequence[Sequence[Any]]

DIGITS = 10  # significant digits of a number: 0.205, not 0.20499999999999963
ERROR = "standard error"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Rows:
    """Return `rows` below the names of their columns.

    Numbers are rounded to `DIGITS` significant digits. NaN and None become empty cells.
    """
    return [list(columns), *([_cell(value) for value in row] for row in rows)]


def point_rows(labels: Sequence[str], *values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield one row per point of a series: the labels, then one number of each of `values`, such as x, y and
    the standard error.
    """
    for point in zip(*values, strict=True):
        yield [*labels, *point]


def matrix_rows(
    labels: Sequence[str], columns: Sequence[Any], rows: Sequence[Any], *matrices: ArrayLike
) -> Iterator[list[Any]]:
    """Yield one row per cell: the labels, the names of its column and its row, and its value in each of the
    matrices, which are [len(rows), len(columns)]. Leaves out cells that are NaN in the first matrix.
    """
    cells = np.stack([np.asarray(matrix) for matrix in matrices], axis=-1)
    for row, line in zip(rows, cells, strict=True):
        for column, values in zip(columns, line.tolist(), strict=True):
            if not math.isnan(values[0]):
                yield [*labels, column, row, *values]


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
