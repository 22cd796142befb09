"""The scene of a link: its page makes it from the state in the address. Nothing here draws.

What takes long is cached by its inputs (`dashboard.shared.model_outputs` and others), so that a step can be prepared while
another one is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from dashboard.talk.scene_types import Scene, State
from vitcore.errors import UserError


def scene(page: str, state: State) -> Scene:
    """What the address of a page shows at large. Raises `UserError`."""
    make = _makers().get(page)
    if make is None:
        raise UserError(f"There is no page {page[:60]!r}: name one of {', '.join(_makers())}.")
    return make(state)


@cache
def _makers() -> dict[str, Callable[[State], Scene]]:
    """Imported with the first scene: the modules of all pages would delay the first page."""
    from dashboard.attention.scene import scene as attention
    from dashboard.compare.scene import scene as compare
    from dashboard.inductive_bias.scene import scene as inductive_bias
    from dashboard.overview.scene import scene as overview
    from dashboard.patches.scene import scene as patches
    from dashboard.training.scene import scene as training

    return {
        "overview": overview,
        "patches": patches,
        "attention": attention,
        "training": training,
        "compare": compare,
        "inductive_bias": inductive_bias,
    }
