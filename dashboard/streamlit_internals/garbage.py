"""What was imported stays for good, and need not be looked through for garbage.

Streamlit has Python collect garbage after every run of a script or a fragment (`runner.postScriptGC`), among
all objects that are alive: with torch 450,000, 0.3 s on two cores of an Intel Xeon, in which nothing is
sent to any browser. Collecting while torch is imported took another 0.5 of 2.7 s there.
"""

from __future__ import annotations

import gc
import sys

SELDOM = (100_000, 20, 100)  # `gc.set_threshold`; Streamlit collects after each run anyway
MANY = 50  # modules: a library, not one page more

_known = 0


def spare_imported() -> None:
    """Take what is alive out of the collector's sight once a library was imported; what is made later stays
    in it. Called at the beginning of a run: the garbage of the one before has just been collected.
    """
    global _known
    if not _known:
        gc.set_threshold(*SELDOM)
    if len(sys.modules) - _known >= MANY:
        _known = len(sys.modules)
        gc.freeze()
