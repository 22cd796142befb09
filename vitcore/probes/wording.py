"""Phrases shared by the findings of several experiments."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vitcore import numbers
from vitcore.probes.estimates import Estimate, Series
from vitcore.probes.probe import Outcome
from vitcore.probes.values import CurveValues


def enumerate_words(words: Sequence[str]) -> str:
    """Return text such as `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def shares_at(outcomes: Sequence[Outcome[CurveValues]], curve: str, x: int) -> str:
    """Return text such as `92 ± 3 % (ViT), 95 ± 2 % (ResNet)` at one x, or empty if a model lacks it.

    A title can end with a number, so the names are not directly before the values.
    """
    words = []
    for outcome in outcomes:
        if x not in outcome.values.x or curve not in outcome.values.curves:
            return ""
        at, series = outcome.values.x.index(x), outcome.values.curves[curve]
        words.append(f"{numbers.percent(series.mean[at], 0, series.error[at])} ({outcome.label})")
    return ", ".join(words)


def with_error(series: Series, at: int, digits: int = 2) -> str:
    """Return text such as `1.50 ± 0.01`."""
    return f"{series.mean[at]:.{digits}f} ± {series.error[at]:.{digits}f}"


def plus_minus(measured: Estimate) -> str:
    """Return text such as `61 ± 22` or `0.412 ± 0.031`, with two digits of the error or more.

    Without an error (NaN) it is the mean alone.
    """
    digits = numbers.decimals(measured.error)
    if math.isnan(measured.error):
        return f"{measured.mean:,.{digits}f}"
    return f"{measured.mean:,.{digits}f} ± {measured.error:,.{digits}f}"


def two_digits(value: float) -> str:
    """Return text such as `4.0` or `25`, with two digits or all before the point."""
    return f"{value:#.2g}".rstrip(".") if abs(value) < 99.5 else f"{value:,.0f}"


def reach_finding(reaches: Sequence[tuple[str, Series]]) -> str:
    """Return a sentence about the reach of each model's layers, from (label, mean distance by layer)."""
    words = [
        f"the {label} from {with_error(reach, 1)} pixels after its first block to {with_error(reach, -1)}"
        for label, reach in reaches
    ]
    return f"Mean distance of the pixels that a position depends on: {enumerate_words(words)} after the last."
