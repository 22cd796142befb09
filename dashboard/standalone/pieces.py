"""Turn a scene into pieces of an HTML file.

The file has no model. Therefore it lacks the brush, the snapshots and the view of positions only.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import plotly.graph_objects as go

from dashboard.attention import block, convolution, explorer, features, side_by_side
from dashboard.components.explorer import message as explorer_message
from dashboard.components.features import message as features_message
from dashboard.components.inside import message as inside_message
from dashboard.components.replay import message as replay_message
from dashboard.components.similarity import message as similarity_message
from dashboard.components.stepper import message as stepper_message
from dashboard.inductive_bias import live_image
from dashboard.shared import scenes
from dashboard.standalone.document import Piece, component_piece
from vitcore.errors import UserError


def pieces_of(scene: scenes.Scene, state: Mapping[str, str]) -> list[Piece]:
    """Return the pieces of a step of a talk, from top to bottom. `state` is that of the step's link.

    Raises `UserError` if the scene does not fit into a file.
    """
    if isinstance(scene, scenes.Explorer):
        return [explorer_piece(scene, state, talk=True)]
    if isinstance(scene, scenes.SideBySide):
        return [pair_piece(scene, state, talk=True)]
    if isinstance(scene, scenes.Features):
        return [features_piece(scene, state, talk=True)]
    if isinstance(scene, scenes.Block):
        return block_pieces(scene, state, talk=True)
    if isinstance(scene, scenes.Convolution):
        return [convolution_piece(scene, state, talk=True)]
    if isinstance(scene, scenes.Stepper):
        return [component_piece("stepper", stepper_message(**scene.arguments))]
    if isinstance(scene, scenes.Similarity):
        return [component_piece("similarity", similarity_message(scene.values))]
    if isinstance(scene, scenes.Replay):
        frames = replace(scene.frames, cells=0)  # no brush: painting needs the models
        cells = scene.look["at"].get("painted")
        painted = live_image.painted_in_link(scene.kind, scene.runs, scene.image, cells)
        return [component_piece("replay", replay_message(frames, scene.look, painted))]
    if isinstance(scene, scenes.Pictures):
        return [Piece("", scenes.as_html(scene))]
    return [_figure_piece(figure, alt, len(scene.parts)) for figure, alt in scene.parts]


def explorer_piece(scene: scenes.Explorer, state: Mapping[str, str], *, talk: bool) -> Piece:
    """Return the attention explorer with the weights of one image. `talk` selects the layout of a talk.

    Raises `UserError` if the weights are too many for one file.
    """
    header, view, _ = explorer.prepare(scene.run, scene.chosen, scene.data, state)
    if view.only is not None:
        raise UserError(f"{scene.run.title} has too many tokens: its maps do not fit into one file.")
    header |= {"address": urlencode(state), "talk": talk, "standalone": True, "snapshots": []}
    return component_piece("explorer", explorer_message(header, scene.chosen.image, view.packed))


def pair_piece(scene: scenes.SideBySide, state: Mapping[str, str], *, talk: bool) -> Piece:
    """Return two explorers side by side with the weights of both. `talk` selects the layout of a talk.

    Raises `UserError` if the weights are too many.
    """
    sides = side_by_side.sides_of(scene.run, scene.chosen, *scene.right, state)
    header, shown = side_by_side.prepare(*sides, scene.data, state)
    for side in header["sides"]:
        side["snapshots"] = []
    header |= {"address": urlencode(state), "talk": talk, "standalone": True}
    return component_piece("pair", side_by_side.packed(header, sides, shown, {}))


def features_piece(scene: scenes.Features, state: Mapping[str, str], *, talk: bool) -> Piece:
    """Return the view of token features with those of all layers. `talk` selects the layout of a talk.

    Raises `UserError` if the features are too many for one file.
    """
    if (size := features.bytes_of(scene.run)) > features.MAX_IN_FILE:
        raise UserError(
            f"The features of one image of {scene.run.title} take {size / 1e6:,.0f} MB, too much for a file: "
            "choose a run with larger patches."
        )
    header, arrays, _, image = features.prepare(scene.run, scene.chosen, scene.data, state, complete=True)
    header |= {"address": urlencode(state), "talk": talk, "standalone": True}
    return component_piece("features", features_message(header, image, arrays))


def block_pieces(scene: scenes.Block, state: Mapping[str, str], *, talk: bool) -> list[Piece]:
    """Return the stepper through one block with all its numbers, and that through a convolution if any.

    `talk` selects the layout of a talk. Raises `UserError` if a model has too many tokens or channels.
    """
    header, found, image = block.prepare(scene.run, scene.chosen, scene.data, state, complete=True)
    header |= {"address": urlencode(state), "talk": talk, "standalone": True}
    message = inside_message(header, image, found.floats, found.crops)
    pieces = [component_piece("block", message)]
    if scene.other:
        second = scenes.Convolution(scene.other, scene.chosen, scene.data)
        pieces.append(convolution_piece(second, state, talk=talk, step=convolution.STEP_OF_TWO))
    return pieces


def convolution_piece(
    scene: scenes.Convolution, state: Mapping[str, str], *, talk: bool, step: str = convolution.STEP
) -> Piece:
    """Return the stepper through one convolution with all its numbers. `talk` selects the layout of a talk.

    `step` is the parameter of the step. Raises `UserError` if the maps of the block are too large.
    """
    header, found, image = convolution.prepare(scene.run, scene.chosen, scene.data, state, step=step)
    header |= {"address": urlencode(state), "talk": talk, "standalone": True}
    return component_piece("convolution", inside_message(header, image, found.floats))


def _figure_piece(figure: go.Figure, alt: str, count: int) -> Piece:
    """Return a figure that shares the height of the stage with `count` - 1 others."""
    chart = scenes.with_one_font_size(figure, height=None).update_layout(autosize=True)
    element = f'<div class="standalone-figure" role="img" aria-label="{html.escape(alt)}"></div>'
    return Piece(
        "figure", f'<div class="talk-figure" style="--of:{count}">{element}</div>', chart.to_json() or ""
    )
