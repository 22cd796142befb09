"""Wait for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 60.0, why: object = "the condition never held"):
    """Return the first truthy value of `condition`, which is called every 50 ms.

    Fail after `seconds` with the message `why`, or with its result if it is a function.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(0.05)
    return value
