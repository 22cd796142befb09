"""A limit on the computations that run at once, whatever the number of visitors.

Every visitor has a thread on the server. Without a limit, thirty visitors who open a page at once would hold
the intermediate results of thirty models in memory. With it, they wait for each other.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from vitcore.runs.process import processors

MOST = 2  # computations at once; torch uses all cores for each

P = ParamSpec("P")
R = TypeVar("R")

_turns = threading.BoundedSemaphore(min(MOST, processors()))


def limited(compute: Callable[P, R]) -> Callable[P, R]:
    """Let a function wait for its turn. Decorate the function below its cache, so that hits do not wait.

    A limited function must not call another one, nor a cached function that calls one: each could wait for
    the other.
    """

    @functools.wraps(compute)
    def wait(*args: P.args, **more: P.kwargs) -> R:
        with _turns:
            return compute(*args, **more)

    return wait
