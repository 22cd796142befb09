"""What was imported stays for good, and need not be looked through for garbage.

Streamlit has Python collect garbage after every run of a script or a fragment (`runner.postScriptGC`), among
all objects that are alive. With torch these are half a million, and nothing is sent to any browser meanwhile.
While torch is imported, Python itself would look a hundred times through what will stay.
"""

from __future__ import annotations

import gc
import sys

SELDOM = (100_000, 20, 100)  # objects, and rounds: Streamlit's own turn comes before most of these
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
