"""Get the scene of a link from the page that it leads to. Nothing here draws.

The slow parts of a scene are cached by their inputs, so that steps can be prepared in the background.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from dashboard.page_table import PAGES
from dashboard.shared.scene_links import Query
from dashboard.shared.scenes import Scene
from vitcore.errors import UserError


def scene(page: str, query: Query) -> Scene:
    """Return the scene of a page for the parameters of its address.

    Raise `UserError` if the page does not exist, or if the address names something that can't be shown.
    """
    if page not in PAGES:
        raise UserError(f"There is no page {page[:60]!r}: name one of {', '.join(PAGES)}.")
    # imported on demand: the modules of all pages would delay the first page
    make_scene: Callable[[Query], Scene] = importlib.import_module(f"dashboard.{page}.scene").scene
    return make_scene(query)
