"""The scene of Inductive bias: an experiment on one image, its curves, or sample efficiency."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.components import replay
from dashboard.components.pieces import Piece, component_piece
from dashboard.inductive_bias import (
    experiment_figures,
    experiments,
    live_image,
    sample_efficiency,
    summary,
)
from dashboard.shared import page_runs, resources
from dashboard.shared.default_runs import default_pair
from dashboard.shared.scene_links import Query, image_in, missing_sweep, read_state, run_in
from dashboard.shared.scenes import Figures, Scene, plain_picture
from dashboard.states.inductive_bias import BiasState
from dashboard.sweeps import results, sample_curves
from vitcore.errors import UserError
from vitcore.probes import PROBES, LiveImage, Probe
from vitcore.probes.live import Frames
from vitcore.probes.store import check_needs, images_of
from vitcore.runs.folder import Run


@dataclass(frozen=True)
class Replay(Scene):
    """Variants of one image uint8 [3, S, S], with what two models predict for each.

    `kind` is the name of the experiment, and `look` is what the component shows first.
    """

    kind: str
    runs: list[Run]
    image: np.ndarray
    frames: Frames
    look: dict[str, Any]

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the live image."""
        live_image.draw(self.kind, self.runs, self.image, self.frames, self.look, key=key)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the live image without its brush: painting needs the models."""
        frames = replace(self.frames, cells=0)
        painted = live_image.painted_in_link(self.kind, self.runs, self.image, self.look["at"].get("painted"))
        return [component_piece(replay.PART, replay.message(frames, self.look, painted))]

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the image without a change."""
        return plain_picture(self.image)


def scene(query: Query) -> Figures | Replay:
    """Return the experiment that the link names. Raise `UserError`.

    Shows a live image if the experiment has one, unless the link says `view=curve`.
    """
    state = read_state(BiasState, query, "view", "border", "count")
    name = state.probe or summary.default_view(state)
    if name in (sample_efficiency.NAME, sample_efficiency.TITLE):
        return _sample_efficiency(state)
    if name in (summary.NAME, summary.TITLE):
        drawing, *_ = summary.drawn(page_runs.offered("inductive_bias"))
        return Figures([(drawing.figure.plot, drawing.alt)])
    probe = next((probe for probe in PROBES.values() if name in (probe.name, probe.title)), None)
    if probe is None:
        raise UserError(
            f"The link names the experiment {name[:80]!r}, which does not exist: copy its name from "
            "Inductive bias."
        )
    found, pair = page_runs.offered("inductive_bias"), default_pair()
    runs = [run_in(name, found, first) for name, first in zip((state.run, state.against), pair, strict=True)]
    if probe.live and state.view != "curve":
        return _live(probe, probe.live, runs, state)
    return _curve(probe, runs, state)


def _sample_efficiency(state: BiasState) -> Figures:
    sweeps = {sweep.name: sweep for sweep in sample_curves.sweeps()}
    if not sweeps:
        raise UserError("There is no sweep over shares of the training images yet: start one on Training.")
    by_title = {sweep.title: name for name, sweep in reversed(sweeps.items())}  # as older links name them
    name = by_title.get(state.samples or "", state.samples) or next(iter(sweeps))
    if name not in sweeps:
        raise missing_sweep(name)
    figure, alt = results.read(sweeps[name])
    return Figures([(figure.plot, alt)])


def _live(probe: Probe, live: LiveImage, runs: list[Run], state: BiasState) -> Replay:
    check_needs(probe, runs, titles=True)
    data = resources.dataset_of(runs[0])
    chosen = image_in(state, data)
    frames, look = live_image.prepare(probe, live, runs, data.classes, chosen, state.border)
    at = state.position(probe.name)
    return Replay(probe.name, runs, chosen.image, frames, {**look, "hint": "", "at": at})


def _curve(probe: Probe, runs: list[Run], state: BiasState) -> Figures:
    images = images_of(probe, runs, state.count)
    settings = {name: state.settings.get(name, options[0]) for name, options in probe.choices.items()}
    measured = experiments.look_up(probe, runs, images, settings, untrained=state.untrained)
    known = [measurement for measurement in measured if measurement.result]
    if not known:
        raise UserError(f"Not measured yet: open Inductive bias, {probe.title}, and measure it there.")
    if probe.shared_scale:  # the color scale of a figure depends on all its models
        known = [measurement for measurement in known if not measurement.subjects[0].untrained] or known
    drawn = experiment_figures.figures_of(probe, known, runs, state.border)[:1]
    return Figures([(drawing.figure.plot, drawing.alt) for drawing in drawn])
