"""How the numbers of a run are written, on every page and by every command. Imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def count(number: int, noun: str) -> str:
    """Return a number of things with their noun, such as `1 run` or `3,500 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Return a fraction as text such as `89.05 %`."""
    return f"{points(share)} %"


def points(share: float) -> str:
    """Return a fraction in percent without the unit, for tables whose heading has it."""
    return f"{100 * share:.2f}"


def sample(count: int) -> str:
    """Return the number of images behind a number, such as `n = 10,000`."""
    return f"n = {count:,}"


def accuracy(share: float, count: int | None) -> str:
    """Return text such as `89.05 % (n = 10,000)`. The count may be unknown."""
    return f"{percent(share)} ({sample(count)})" if count else percent(share)


def epochs(done: float, total: int | None) -> str:
    """Return text such as `12.5 of 20`. The total is unknown with a time budget."""
    done = done if total is None else min(done, total)
    text = f"{done:,.1f}".removesuffix(".0")
    return text if total is None else f"{text} of {total:,}"


def millions(count: float) -> str:
    """Return a number of parameters with two significant digits, such as `0.27 million`."""
    value = count / 1e6
    return f"{value:,.0f} million" if value >= 100 else f"{value:.2g} million"


def multiply_adds(count: int) -> str:
    """Return the multiply-adds of one prediction in millions, without the unit, such as `190.9`."""
    return f"{count / 1e6:,.1f}"


def rounded(values: np.ndarray) -> list:
    """Return an array as nested lists, rounded to six decimals, as results are stored."""
    return values.astype("float64").round(6).tolist()


def amount(value: float) -> str:
    """Return a step, an epoch or a number of images or minutes, such as `7,020` or `9.26`."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
