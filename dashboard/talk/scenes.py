"""The scene of a link: its page makes it from the address. Nothing here draws.

Slow parts are cached by their inputs, so that a step can be prepared while another one is shown.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from dashboard.page_table import PAGES
from dashboard.shared.scenes import Query, Scene
from vitcore.errors import UserError


def scene(page: str, query: Query) -> Scene:
    """What the address of a page shows at large. Raises `UserError` if that is not here."""
    if page not in PAGES:
        raise UserError(f"There is no page {page[:60]!r}: name one of {', '.join(PAGES)}.")
    # imported with the first scene, since the modules of all pages would delay the first page
    make: Callable[[Query], Scene] = importlib.import_module(f"dashboard.{page}.scene").scene
    return make(query)
