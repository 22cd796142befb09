"""A view of the Attention page as an HTML file: explorers, or a stepper."""

from __future__ import annotations

import html
from collections.abc import Mapping

from dashboard.attention.image_scene import ImageScene
from dashboard.attention.scene import scene as scene_of
from dashboard.standalone.document import document, mount_point
from vitcore.errors import UserError


def from_address(state: Mapping[str, str]) -> str:
    """Return the file for the parameters of an address of the Attention page. Raise `UserError`."""
    scene = scene_of(state)
    if not isinstance(scene, ImageScene):
        raise UserError(
            "Class maps have no HTML file of their own: download them as PNG, SVG or CSV on the Attention "
            "page, or write a talk with this view as a step."
        )
    return scene_file(scene, state)


def scene_file(scene: ImageScene, state: Mapping[str, str]) -> str:
    """Return the file of a scene, also one of an image that a visitor uploaded. Raise `UserError`.

    `state` holds the parameters of the page's address: the layer, the head, pinned patches and switches.
    """
    pieces, title = scene.pieces(state, talk=False), scene.title(state)
    mounts = "".join(mount_point(i, piece) for i, piece in enumerate(pieces))
    body = f'<main class="standalone-page"><h1>{html.escape(title)}</h1>{mounts}</main>'
    return document(f"{title} \u00b7 ViT Lab", body, pieces, {"standalone": "explorer"})
