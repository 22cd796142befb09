"""How numbers are written, on every page and by every command. Imports nothing else of ViT Lab."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def plural(noun: str, number: float) -> str:
    """Return the noun for a number of things, such as `run` for 1 and `runs` for 2."""
    return noun if number == 1 else f"{noun}s"


def count(number: float, noun: str) -> str:
    """Return a number of things with their noun, such as `1 run`, `3,500 steps` or `2.5 minutes`."""
    text = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{text} {plural(noun, number)}"


def listed(noun: str, numbers: Sequence[int]) -> str:
    """Return numbers with their noun, such as `seed 0` or `seeds 0, 1`."""
    return f"{plural(noun, len(numbers))} {', '.join(map(str, numbers))}"


def duration(seconds: float) -> str:
    """Return a duration such as `0.3 s`, `45 s`, `12 min` or `2 h 5 min`."""
    if 0 < seconds < 0.95:
        return f"{seconds:.1g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def percent(share: float, digits: int = 2, error: float | None = None) -> str:
    """Return a measured fraction as text such as `89.05 %` or, with its standard error, `89.05 ± 0.31 %`."""
    mean = points(share, digits)
    return f"{mean} %" if error is None else f"{mean} ± {points(error, digits)} %"


def probability(share: float) -> str:
    """Return a probability as text such as `92 %`, or `3.5 %` below ten percent, as in shared/numbers.js."""
    return percent(share, 1 if share < 0.0995 else 0)


def scale_end(largest: float) -> float:
    """Return the end of a scale from 0 for shares up to `largest`: 1, 0.5 or 0.2 times a power of ten.

    A share of a thousand classes can be too small for a scale up to 100 %. As in shared/numbers.js.
    """
    if not 0 < largest < 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= largest * (1 - 1e-9))


def points(share: float, digits: int = 2) -> str:
    """Return a fraction in percent without the unit, for tables whose heading has it."""
    return f"{100 * share:.{digits}f}"


def chosen_share(share: float) -> str:
    """Return a fraction that a user chose, such as a share of the images, with its digits: `2.5 %`."""
    return f"{100 * share:g} %"


def chance(share: float) -> str:
    """Return the accuracy of random guessing with three significant digits, such as `10 %` or `33.3 %`."""
    return f"{100 * share:.3g} %"


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
    return f"{value:,.0f} million" if value >= 99.5 else f"{value:.2g} million"


def multiply_adds(count: int) -> str:
    """Return the multiply-adds of one prediction in millions, without the unit, such as `190.9`."""
    return f"{count / 1e6:,.1f}"


def rounded(values: np.ndarray) -> list:
    """Return an array as nested lists, rounded to six decimals, as results are stored."""
    return values.astype("float64").round(6).tolist()


def decimals(error: float) -> int:
    """Return how many decimals show two digits of a standard error: 2 for one that is 0 or not finite."""
    return max(0, 1 - math.floor(math.log10(error))) if 0 < error < math.inf else 2


def amount(value: float) -> str:
    """Return a step, an epoch or a number of images or minutes, such as `7,020` or `9.26`. NaN is `–`."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
