"""The document of a notebook's explorer: one explorer, and a button for each image."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.components.explorer import PART, message
from dashboard.components.pieces import Piece, component_piece
from dashboard.drawing import theme
from dashboard.notebook.attentions import Grid
from dashboard.standalone.document import document, mount_point
from dashboard.states.attention import ExplorerState
from vitcore.data.arrays import Picture


@dataclass(frozen=True)
class Captured:
    """The attention of a model on one image: weights float32 [layers, heads, T, T], and its prediction."""

    picture: Picture
    weights: np.ndarray
    grid: Grid
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [classes]
    classes: tuple[str, ...] = ()


def as_document(captured: Sequence[Captured], title: str) -> str:
    """Return the text of an HTML file with the explorer of these images."""
    pieces = [_piece(part, title) for part in captured]
    names = [part.picture.name for part in captured]
    body = (
        f'<main class="standalone-page"><h1>{html.escape(title)}</h1>{_buttons(names)}'
        f"{mount_point(0, pieces[0])}</main>"
    )
    style = (Path(__file__).parent / "notebook.css").read_text(encoding="utf-8")
    content = {"standalone": "explorer"}
    return document(f"{title} \u00b7 ViT Lab", body, pieces, content, extra_css=style)


def _buttons(names: Sequence[str]) -> str:
    """Return a button for each image, nothing for a single one."""
    if len(names) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" data-image="{number}" aria-pressed="{str(not number).lower()}">'
        f"{html.escape(name)}</button>"
        for number, name in enumerate(names)
    )
    return f'<div class="standalone-images" role="group" aria-label="Image">{buttons}</div>'


def _piece(one: Captured, title: str) -> Piece:
    import torch

    from vitcore.analysis.attention import rollout
    from vitcore.analysis.heads import mean_distance, mean_entropy, references

    pixels, grid = one.picture.pixels, one.grid
    size = pixels.shape[-1]
    weights = torch.from_numpy(np.ascontiguousarray(one.weights))
    patch = size / grid.side
    layers, heads, tokens, _ = weights.shape
    packed = b"".join(part.half().numpy().tobytes() for part in (weights, rollout(weights[None])[0]))
    key = hashlib.sha256(pixels.tobytes() + packed).hexdigest()[:16]
    found: dict[str, Any] = {
        "key": key,
        "image": key,
        "shape": f"{layers} {heads} {tokens} {grid.side}",
        "layers": layers,
        "heads": heads,
        "tokens": tokens,
        "side": grid.side,
        "first": grid.prefix,
        "prefix": grid.prefix_names(),
        "size": size,
        "only": None,
        "name": one.picture.name,
        "own": False,
        "run": title,
        "step": "",
        "stem": key[:6],
        "mean": [128, 128, 128],
        "classes": list(one.classes),
        "truth": None,
        "probabilities": one.probabilities.tolist(),
        "before": None,
        "distance": mean_distance(weights, patch, prefix=grid.prefix).tolist(),
        "entropy": mean_entropy(weights, prefix=grid.prefix).tolist(),
        "count": 1,
        "references": [vars(reference) for reference in references(grid.side, patch)],
        "behavior": None,
        "snapshots": [],
        "hue": theme.hue("vit"),
        "parameters": ExplorerState.for_browser(),
        "address": "",
        "talk": False,
        "standalone": True,
    }
    return component_piece(PART, message(found, pixels, packed))
