"""The sentence about the result of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.inductive_bias.lines import Line
from vitcore.probes import Outcome, View, find_probe
from vitcore.probes.values import Values


def finding(probe: str, lines: Sequence[Line[Values]], border: str = "reflect") -> str:
    """Return a sentence about the trained models, or an empty string if there is no finding."""
    untrained = {line.origin: line.values for line in lines if not line.trained}
    trained = [
        Outcome(line.label, line.values, line.other, untrained.get(line.origin))
        for line in lines
        if line.trained
    ]
    return find_probe(probe).find(trained, View(border))
