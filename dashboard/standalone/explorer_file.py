"""One or two attention explorers, or the stepper through a block or a convolution, as an HTML file."""

from __future__ import annotations

import html

from dashboard.attention import scene as attention
from dashboard.attention import side_by_side
from dashboard.shared import scenes
from dashboard.shared.selection import SelectedImage
from dashboard.standalone.document import document, mount_point
from dashboard.standalone.pieces import (
    block_pieces,
    convolution_piece,
    explorer_piece,
    features_piece,
    pair_piece,
)
from dashboard.states.attention import BLOCK, CONVOLUTION, FEATURES, SIDE_BY_SIDE, AttentionState
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def from_address(state: dict[str, str]) -> str:
    """Return the file for the parameters of an address of the Attention page. Raises `UserError`."""
    scene = attention.scene(state)
    on_image = (scenes.Explorer, scenes.SideBySide, scenes.Features, scenes.Block, scenes.Convolution)
    if not isinstance(scene, on_image):
        raise UserError(
            "Class maps have no HTML file of their own: download them as PNG, SVG or CSV on the Attention "
            "page, or write a talk with this view as a step."
        )
    right = scene.right if isinstance(scene, scenes.SideBySide) else None
    return explorer_file(scene.run, scene.chosen, scene.data, state, right)


def explorer_file(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    state: dict[str, str],
    right: tuple[Run, SelectedImage] | None = None,
) -> str:
    """Return the file for any image, also one that a visitor uploaded. Raises `UserError`.

    `state` holds the parameters of the page's address: the view, layer, head, pinned patches and switches.
    `right` is the run and the image on the right of "Side by side".
    """
    read = AttentionState.read(state)[0]
    if read.view == CONVOLUTION:
        pieces = [convolution_piece(scenes.Convolution(run, chosen, data), state, talk=False)]
    elif read.view == SIDE_BY_SIDE and right:
        pieces = [pair_piece(scenes.SideBySide(run, chosen, data, right), state, talk=False)]
    elif read.view == FEATURES:
        pieces = [features_piece(scenes.Features(run, chosen, data), state, talk=False)]
    elif read.view == BLOCK:
        other = attention.resnet(run, read, state) if read.both else None
        pieces = block_pieces(scenes.Block(run, chosen, data, other), state, talk=False)
    else:
        pieces = [explorer_piece(scenes.Explorer(run, chosen, data), state, talk=False)]
    title = f"{run.title}, {chosen.name}"
    if read.view == SIDE_BY_SIDE and right:
        title = side_by_side.title(*side_by_side.sides_of(run, chosen, *right, state))
    mounts = "".join(mount_point(i, piece) for i, piece in enumerate(pieces))
    body = f'<main class="standalone-page"><h1>{html.escape(title)}</h1>{mounts}</main>'
    return document(f"{title} \u00b7 ViT Lab", body, pieces, {"standalone": "explorer"})
