"""The sentence about what an experiment found."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.inductive_bias.lines import Line
from vitcore.probes import Outcome, View, find_probe
from vitcore.probes.values import Values


def finding(probe: str, lines: Sequence[Line[Values]], border: str = "reflect") -> str:
    """What the trained models did, in words; empty where there is nothing to say."""
    trained = [Outcome(line.label, line.values, line.other) for line in lines if line.trained]
    return find_probe(probe).find(trained, View(border))
