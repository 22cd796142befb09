"""The stops of the tour through the pages, from `tour.yaml`."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Stop:
    """One view of the tour. `page` and `query` are its address, `say` is one or two sentences about it."""

    title: str
    say: str
    page: str
    query: str


@functools.cache
def stops() -> tuple[Stop, ...]:
    """Return the stops in order."""
    return tuple(Stop(**stop) for stop in yaml.safe_load((HERE / "tour.yaml").read_text(encoding="utf-8")))
