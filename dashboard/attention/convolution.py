"""The data of the stepper through a convolution: read the request from the address, compute it, send it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dashboard.attention import convolution_outputs, explorer
from dashboard.attention.image_scene import ImageScene, without_server
from dashboard.attention.model_input import ModelInput, convolution_input
from dashboard.attention.requests import described, place_or_warning, receive
from dashboard.components.convolution import PART, convolution
from dashboard.components.inside import message
from dashboard.components.pieces import Piece, component_piece
from dashboard.shared import bound
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import AttentionState, ConvolutionState
from vitcore.data import Dataset
from vitcore.runs.folder import Run

STEP, STEP_OF_TWO = "step", "convolution_step"  # the second one if the stepper of a ViT is shown, too
# the parameters that the stepper changes, with the step
PLACE = tuple(name for name in ConvolutionState.model_fields if name != STEP_OF_TWO)


def unavailable(run: Run, at: Mapping[str, str], *, step: str = STEP) -> list[str]:
    """Return the names of the parameters of an address that the stepper can't show and ignores.

    `step` is the parameter of the step.
    """
    state, refused = AttentionState.read(at)
    sizes = convolution_outputs.sizes_of(run)
    named = 0 if state.block == "input" else state.block
    known = named < len(sizes)
    block = named if known else 0
    layers, shown = sizes[block].layers, sizes[block].layer(state.convolution)
    fits = {
        "block": known,
        "convolution": state.convolution <= len(layers),
        "channel": state.channel <= shown.outputs,
        "position": state.position is None or max(map(int, state.position.split("."))) <= shown.side,
        step: getattr(state, step) <= convolution_outputs.step_count(run, block, state.convolution),
    }
    wrong = [name for name in refused if name in (*PLACE, step)]
    return [*wrong, *(name for name, fit in fits.items() if not fit)]


def prepare(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    at: Mapping[str, str],
    *,
    step: str = STEP,
    start: tuple[float, float] | None = None,
) -> tuple[dict[str, Any], convolution_outputs.ConvolutionView, np.ndarray]:
    """Return (header, view, image) for the address `at`: all data of the stepper. Raise `UserError`.

    `image` uint8 [3, S, S] is what the model reads. Next to the stepper of a ViT (`step` is `STEP_OF_TWO`),
    it has the same painted pixels. Alone it is the plain image, because only the explorer has a brush.
    `start` is the (row, column) that is shown if the address has no position, as fractions of the image. None
    is its center.
    """
    state, _ = AttentionState.read(at)
    sizes = convolution_outputs.sizes_of(run)
    block = 0 if state.block == "input" or state.block >= len(sizes) else state.block
    shown = sizes[block].layer(state.convolution)
    channel = state.channel - 1 if state.channel <= shown.outputs else 0
    read = ModelInput(chosen.image, "")
    if step == STEP_OF_TWO:
        positions, mask = explorer.read_changes(chosen, at)
        read = convolution_input(run, chosen.image, positions=positions, mask=mask)
    found = convolution_outputs.view(run, read.image, block=block, channel=channel)
    header = {
        **found.header,
        **described(run, chosen, data),
        "stepName": step,
        "start": start,
        "mode": read.mode,
    }
    return header, found, read.image


def show(
    run: Run,
    chosen: SelectedImage,
    data: Dataset,
    *,
    key: str = "convolution_steps",
    at: MutableMapping[str, str] | None = None,
    step: str = STEP,
    start: tuple[float, float] | None = None,
) -> None:
    """Draw the stepper for a run and an image. Raise `UserError`.

    `at` holds the state in a talk, which does not keep it in the address of the page. `step` is the parameter
    of the step. For `start` see `prepare`.
    """
    place = bound.address() if at is None else at
    header, found, image = prepare(run, chosen, data, place, step=step, start=start)
    # one warning, also after that of the stepper through a block of a ViT
    warned = "block_warned" if step == STEP else f"{key}_warned"
    header |= place_or_warning(at, lambda: unavailable(run, place, step=step), warned=warned)
    convolution(
        message(header, image, found.floats),
        key=key,
        on_ask=partial(receive, key, place, (*PLACE, step)),
    )


@dataclass(frozen=True)
class Convolution(ImageScene):
    """The steps through one convolution of a ResNet on an image.

    `step` is the parameter of the step. For `start` see `prepare`.
    """

    step: str = STEP
    start: tuple[float, float] | None = None
    element = "convolution_steps"
    file_stem = "convolution"

    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Compute the convolution, and return the names of the parameters that its stepper can't show."""
        prepare(self.run, self.chosen, self.data, state, step=self.step, start=self.start)
        return unavailable(self.run, state, step=self.step)

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the stepper."""
        show(self.run, self.chosen, self.data, key=key, at=state, step=self.step, start=self.start)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the stepper with all its numbers. Raise `UserError` if the block has too large maps."""
        header, found, image = prepare(
            self.run, self.chosen, self.data, state, step=self.step, start=self.start
        )
        header |= without_server(state, talk=talk)
        return [component_piece(PART, message(header, image, found.floats))]
