"""The data of "Side by side": two explorers with the same token, layer and head, and their difference."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.attention import explorer, views
from dashboard.attention.image_scene import TokenScene, without_server
from dashboard.attention.requests import place_or_warning, receive, remember
from dashboard.components.pair import PART, message, pair
from dashboard.components.pieces import Piece, component_piece
from dashboard.drawing.markdown import escape
from dashboard.shared import bound, model_outputs, resources, run_selection, scene_links, selection
from dashboard.shared.own_image import RIGHT
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import AttentionState, ExplorerState
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.data.datasets import class_names
from vitcore.errors import UserError
from vitcore.runs.folder import Run, step_of

IMAGES, MODELS, SNAPSHOTS = KINDS = AttentionState.options("versus")
LABELS = {IMAGES: "Two images", MODELS: "Two models", SNAPSHOTS: "Two snapshots"}
BEST = "best"
WRITTEN = (*ExplorerState.model_fields, "right_snapshot")  # the parameters that the browser changes


@dataclass(frozen=True)
class Side:
    """One of the two views: a run, its weights (None for the best ones), and an image."""

    run: Run
    snapshot: Path | None
    chosen: SelectedImage


def comparable_runs(run: Run) -> list[Run]:
    """Return the other trained ViT runs, the most similar ones in image size and classes first."""
    config = run.config
    found = [
        other
        for other in resources.runs(trained=True)
        if other.id != run.id and ARCHITECTURES[other.config.model].attention
    ]

    def differences(other: Run) -> tuple[bool, bool]:
        return other.config.image_size != config.image_size, other.config.classes != config.classes

    return sorted(found, key=differences)


def why_impossible(run: Run, kind: str) -> str:
    """Return a sentence that says why a run has nothing of a kind to compare, or an empty text."""
    if kind == MODELS and not comparable_runs(run):
        return "There is no other Vision Transformer with weights: train or import one."
    if kind == SNAPSHOTS and not run.snapshots:
        return f"{run.title} has no snapshots, only its weights: choose a run that was trained here."
    return ""


def choose(run: Run, chosen: SelectedImage, data: Dataset) -> tuple[Run, SelectedImage]:
    """Draw the choice of what is on the right, and return its run and its image. Raise `UserError`.

    Stop with a sentence if the run has nothing of the chosen kind.
    """
    controls = st.container(key="pair_controls")
    kind_place, right_place = controls.columns([1.5, 3.5], vertical_alignment="bottom")
    kind = bound.choose(
        kind_place.segmented_control,
        AttentionState,
        "versus",
        "Compare",
        LABELS,
        required=True,
        label_visibility="collapsed",
    )
    if why := why_impossible(run, kind):
        st.info(escape(why))
        st.stop()
    if kind == SNAPSHOTS:
        return run, chosen
    if kind == MODELS:
        with right_place:
            other = run_selection.choose_run(
                comparable_runs(run),
                AttentionState,
                "right_run",
                "Model on the right",
                label_visibility="collapsed",
            )
        return other, chosen.for_model(other.config)
    right = selection.choose_image(
        data,
        lambda: model_outputs.predictions(run, data),
        page=AttentionState,
        fields=("right_class", "right_image", "right_square"),
        slot=RIGHT,
        place=right_place,
    )
    return run, right


def linked(
    run: Run, chosen: SelectedImage, data: Dataset, at: Mapping[str, str]
) -> tuple[Run, SelectedImage]:
    """Return the run and the image that a link has on the right. Raise `UserError`."""
    state = scene_links.read_state(AttentionState, at, "versus")
    if why := why_impossible(run, state.versus):
        raise scene_links.unusable("versus", at, why.removesuffix("."))
    if state.versus == MODELS:
        other = scene_links.run_in(state.right_run, comparable_runs(run))
        return other, chosen.for_model(other.config)
    if state.versus == SNAPSHOTS:
        return run, chosen
    kind = state.right_class or selection.first_class(data, right=True)
    found = selection.find_image(
        data, kind, state.right_image, lambda: model_outputs.predictions(run, data), state.right_square
    )
    if found is None:
        raise UserError(
            f"The link names {kind[:40]}, test image {state.right_image}, which {data.name} does not have."
        )
    return run, found


def sides_of(
    run: Run, chosen: SelectedImage, right_run: Run, right_image: SelectedImage, at: Mapping[str, str]
) -> tuple[Side, Side]:
    """Return both sides for the snapshots that the address names."""
    state, _ = AttentionState.read(at)
    by_step = {step_of(path): path for path in run.snapshots}
    left = Side(run, None if state.snapshot is None else by_step.get(state.snapshot), chosen)
    if state.versus != SNAPSHOTS or not run.snapshots:
        same = left.snapshot if right_run.id == run.id else None
        return left, Side(right_run, same, right_image)
    wanted, right = state.right_snapshot, run.snapshots[0]
    if isinstance(wanted, int):
        right = by_step.get(wanted, right)
    return left, Side(run, None if wanted == BEST else right, right_image)


def title(left: Side, right: Side) -> str:
    """Return the run, the weights and the image of both sides, without saying twice what they share."""
    runs = [left.run.title, right.run.title]
    weights = [
        f"step {step_of(side.snapshot)}" if side.snapshot else "best weights" for side in (left, right)
    ]
    images = [left.chosen.name, right.chosen.name]
    parts = [runs, weights, images] if weights[0] != weights[1] or left.snapshot else [runs, images]
    return "; ".join(" and ".join(dict.fromkeys(part)) for part in parts)


def prepare(
    left: Side, right: Side, data: Dataset, at: Mapping[str, str]
) -> tuple[dict[str, Any], list[views.AttentionView]]:
    """Return (header, views): all data of both sides. Raise `UserError`."""
    shown, headers = [], []
    state, _ = AttentionState.read(at)
    _check_room(left, right)
    for side, token in zip((left, right), _tokens(left.run, right.run, state.query), strict=True):
        step = {} if side.snapshot is None else {"snapshot": str(step_of(side.snapshot))}
        header, view, _ = explorer.prepare(
            side.run, *_with_classes_of(side, left, data), step | {"query": token}
        )
        headers.append(header | {"behavior": None, "snapshot": step.get("snapshot")})
        shown.append(view)
    about = {"versus": state.versus, "written": list(WRITTEN), "notes": notes(left, right)}
    return {"sides": headers, **about}, shown


def notes(left: Side, right: Side) -> list[str]:
    """Return sentences on what the sides do not have in common."""
    found, options = [], [side.run.config.options for side in (left, right)]
    counts = [(one["num_layers"], one["num_heads"]) for one in options]
    if counts[0] != counts[1]:
        (a, b), (c, d) = counts
        found.append(
            f"The left model has {a} layers of {b} heads, the right one {c} of {d}. What only one has is "
            "shown on its side alone."
        )
    if left.chosen.original is None and right.run.id != left.run.id:
        small, large = left.chosen.image.shape[-1], right.chosen.image.shape[-1]
        if large > small:
            found.append(f"The image has {small} x {small} pixels, and is enlarged for the right model.")
    return found


def _check_room(left: Side, right: Side) -> None:
    """Raise `UserError` if the weights of both sides are too many to be kept."""
    sizes = [views.bytes_of(side.run) for side in (left, right) if views.too_many_tokens(side.run)]
    if sum(sizes) > views.MAX_KEPT:
        raise UserError(
            f"The attention of both sides takes {sum(sizes) / 1e9:.1f} GB, and this server keeps "
            f"{views.MAX_KEPT / 1e9:.1f}: choose a run with larger patches."
        )


def _tokens(left: Run, right: Run, query: str | None) -> tuple[str, str]:
    """Return the tokens of both sides, as links have them, for that of the left side.

    As in the browser (pair/difference.js): without one, it is CLS if both models have it, otherwise the patch
    in the middle. For a patch of another grid, it is the one that contains its middle.
    """
    (_, side, _), (_, other, _) = views.tokens_of(left), views.tokens_of(right)
    if query is None:
        both = all("cls" in views.prefix_of(run) for run in (left, right))
        query = "cls" if both else f"{side // 2 + 1}.{side // 2 + 1}"
    if "." not in query:
        return query, query
    places = ((2 * int(number) - 1) * other // (2 * side) + 1 for number in query.split("."))
    return query, ".".join(map(str, places))


def _with_classes_of(side: Side, left: Side, data: Dataset) -> tuple[SelectedImage, Dataset]:
    """Return the image and the dataset of a side: a model for other classes does not know the true one."""
    if class_names(side.run.config) == class_names(left.run.config):
        return side.chosen, data
    return replace(side.chosen, truth=None), replace(data, classes=class_names(side.run.config))


def packed(
    header: dict[str, Any],
    sides: tuple[Side, Side],
    shown: list[views.AttentionView],
    sent: Mapping[str, Any],
) -> bytes:
    """Return the message for the browser, with the weights that it does not have yet, each once."""
    weights: list[bytes | None] = [None if view.key in sent else view.packed for view in shown]
    if shown[0].key == shown[1].key:
        weights[1] = None
    images: list[np.ndarray] = [side.chosen.image for side in sides]
    return message(header, images, weights)


def show(
    run: Run,
    chosen: SelectedImage,
    right_run: Run,
    right_image: SelectedImage,
    data: Dataset,
    *,
    key: str = "pair",
    at: MutableMapping[str, str] | None = None,
) -> None:
    """Draw both sides and their difference. Raise `UserError`.

    `at` holds the state in a talk, which does not keep it in the address of the page.
    """
    place = bound.address() if at is None else at
    sides = sides_of(run, chosen, right_run, right_image, place)
    header, shown = prepare(*sides, data, place)
    header |= place_or_warning(at, lambda: unavailable(header, place), warned=f"{key}_warned")
    sent: dict[str, None] = st.session_state.setdefault(f"{key}_sent", {})
    pair(packed(header, sides, shown, sent), key=key, on_ask=partial(receive, key, place, WRITTEN))
    remember(sent, *(view.key for view in shown))


def unavailable(header: Mapping[str, Any], at: Mapping[str, str]) -> list[str]:
    """Return the names of the parameters of an address that cannot be shown side by side."""
    left, right = header["sides"]
    state, refused = AttentionState.read(at)
    wrong = explorer.unavailable(left, at)
    steps = [None, BEST, *(snapshot["step"] for snapshot in right["snapshots"])]
    if header["versus"] == SNAPSHOTS and state.right_snapshot not in steps:
        wrong.append("right_snapshot")
    return [*wrong, *(name for name in refused if name.startswith("right_"))]


@dataclass(frozen=True)
class SideBySide(TokenScene):
    """Two attention explorers and their difference. The run and the image of the right one are `right`."""

    right: tuple[Run, SelectedImage]
    element = "pair"
    file_stem = "side-by-side"

    def sides(self, state: Mapping[str, str]) -> tuple[Side, Side]:
        """Return both sides for the snapshots that a link names."""
        return sides_of(self.run, self.chosen, *self.right, state)

    def title(self, state: Mapping[str, str]) -> str:
        """Return the title of the scene's own file."""
        return title(*self.sides(state))

    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Capture the attention. Return the names of the parameters that it can't show."""
        return unavailable(prepare(*self.sides(state), self.data, state)[0], state)

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw both explorers."""
        show(self.run, self.chosen, *self.right, self.data, key=key, at=state)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return both explorers with their weights. Raise `UserError` if these are too many."""
        sides = self.sides(state)
        if many := [side.run.title for side in sides if views.too_many_tokens(side.run)]:
            raise UserError(f"{many[0]} has too many tokens for a file: choose a run with larger patches.")
        header, shown = prepare(*sides, self.data, state)
        for side in header["sides"]:
            side["snapshots"] = []
        header |= without_server(state, talk=talk)
        return [component_piece(PART, packed(header, sides, shown, {}))]
