"""Wait for a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 60.0, why: object = "the condition never held"):
    """The first truthy value of `condition`, asked every 50 ms; fails after `seconds`, and `why` may be a
    function that explains it.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(0.05)
    return value
