"""Scenes as one HTML file that needs no server and loads nothing: an explorer, or a whole talk.

The client-side parts are the very ones of the pages, with their data inside in base64; figures are drawn by
the plotly.js of the installed plotly package, once for all steps. What would need a model (painting over,
snapshots, positions only) is left out.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import plotly

from dashboard.attention import explorer
from dashboard.components import explorer as explorer_part
from dashboard.components import replay as replay_part
from dashboard.components import similarity as similarity_part
from dashboard.components import stepper as stepper_part
from dashboard.components import talk as talk_part
from dashboard.components.bundle import bundle
from dashboard.components.packing import Part
from dashboard.inductive_bias import live_image
from dashboard.shared import scenes as scene_types
from dashboard.shared.selection import SelectedImage
from dashboard.talk import scenes, stage
from dashboard.talk.files import Step, Talk
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run

HERE = Path(__file__).resolve().parent
PARTS: dict[str, Part] = {
    "explorer": explorer_part.PART,
    "stepper": stepper_part.PART,
    "replay": replay_part.PART,
    "similarity": similarity_part.PART,
    "talk": talk_part.PART,
}
# Nothing may be loaded, whatever a title or a name holds.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:"
)


@dataclass(frozen=True)
class Piece:
    """A view in a file: which part draws it, its HTML, and its data (bytes, or JSON for figures)."""

    part: str
    body: str
    data: str = ""


def explorer_file(state: dict[str, str]) -> str:
    """The attention explorer for an address of the page Attention, as one file. Raises `UserError`."""
    shown = scenes.scene("attention", state)
    if not isinstance(shown, scene_types.Explorer):
        raise UserError("This model has no attention: there is no explorer to put into a file.")
    return explorer_of(shown.run, shown.chosen, shown.data, state)


def explorer_of(run: Run, chosen: SelectedImage, data: Dataset, state: dict[str, str]) -> str:
    """The attention explorer on any image, also the visitor's own, as one file. Raises `UserError`."""
    shown = scene_types.Explorer(run, chosen, data)
    piece = _explorer(shown, state, talk=False)
    title = f"{shown.run.title}, {shown.chosen.name}"
    body = f'<main class="standalone-page"><h1>{html.escape(title)}</h1>{_mount(0, piece)}</main>'
    return _document(f"{title} \u00b7 ViT Lab", body, [piece], {"standalone": "explorer"})


def talk_file(talk: Talk) -> tuple[str, list[str]]:
    """A whole talk as one file, and a sentence for each step that can't be shown. The file has the sentence
    instead of the view, as the talk does.
    """
    pieces: list[Piece] = []
    sections, missing = [], []
    for number, step in enumerate(talk.steps, start=1):
        try:
            made = _pieces(step)
        except UserError as error:
            missing.append(f"Step {number}, {step.title}: {error}")
            said = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(str(error)))
            made = [Piece("", f'<p class="standalone-missing">{said}</p>')]
        stage_html = "".join(_mount(len(pieces) + i, piece) for i, piece in enumerate(made))
        pieces += made
        sections.append(
            '<section class="standalone-step" hidden>'
            f'<div class="st-key-talk_words">{stage.words(step)}</div>'
            f'<div class="st-key-talk_stage">{stage_html}</div></section>'
        )
    told = [{"title": s.title, "note": s.note, "source": s.source} for s in talk.steps]
    body = (
        f'<main class="talk-main"><div class="talk-frame">{"".join(sections)}</div></main>'
        f'<div id="talk">{PARTS["talk"].html}</div>'
    )
    return _document(
        f"{talk.title} \u00b7 ViT Lab", body, pieces, {"standalone": "talk", "steps": told}
    ), missing


def _pieces(step: Step) -> list[Piece]:
    shown = scenes.scene(step.page, step.state)
    if isinstance(shown, scene_types.Explorer):
        return [_explorer(shown, step.state, talk=True)]
    if isinstance(shown, scene_types.Stepper):
        return [_part("stepper", stepper_part.message(**shown.arguments))]
    if isinstance(shown, scene_types.Similarity):
        return [_part("similarity", similarity_part.message(shown.values))]
    if isinstance(shown, scene_types.Replay):
        frames = replace(shown.frames, cells=0)  # painting asks the models; what is painted already may stay
        there = live_image.painted_in(shown.runs, shown.image, shown.look["at"].get("painted", ""))
        return [_part("replay", replay_part.message(frames, shown.look, there))]
    if isinstance(shown, scene_types.Pictures):
        return [Piece("", scene_types.as_html(shown))]
    count = len(shown.parts)
    made = []
    for figure, alt in shown.parts:
        chart = stage.uniform(figure, None).update_layout(autosize=True)
        label = f'role="img" aria-label="{html.escape(alt)}"'
        place = f'<div class="standalone-figure" {label}></div>'
        body = f'<div class="talk-figure" style="--of:{count}">{place}</div>'
        made.append(Piece("figure", body, chart.to_json() or ""))
    return made


def _explorer(shown: scene_types.Explorer, state: dict[str, str], *, talk: bool) -> Piece:
    header, found, _ = explorer.prepare(shown.run, shown.chosen, shown.data, state)
    if found.only is not None:
        raise UserError(f"{shown.run.title} has too many tokens: its maps do not fit into one file.")
    header |= {"address": urlencode(state), "talk": talk, "standalone": True, "snapshots": []}
    return _part("explorer", explorer_part.message(header, shown.chosen.image, found.packed))


def _part(name: str, data: bytes) -> Piece:
    return Piece(name, PARTS[name].html, base64.b64encode(data).decode())


def _mount(number: int, piece: Piece) -> str:
    return f'<div class="standalone-piece" data-piece="{number}" data-part="{piece.part}">{piece.body}</div>'


def _document(title: str, body: str, pieces: Sequence[Piece], told: dict[str, Any]) -> str:
    """One file: styles, body, data, scripts."""
    used = dict.fromkeys([piece.part for piece in pieces if piece.part in PARTS])
    if told["standalone"] == "talk":
        used["talk"] = None
    styles = [_font(), (HERE / "standalone.css").read_text(), *(PARTS[name].css for name in used)]
    if told["standalone"] == "talk":
        styles.append((HERE.parent / "streamlit_internals" / "talk.css").read_text())
    parts = ",\n".join(f"{name}: {_inner(PARTS[name].js)}" for name in used)
    data = "".join(
        f'<script type="text/plain" id="data-{i}">{_safe(piece.data)}</script>'
        for i, piece in enumerate(pieces)
        if piece.data
    )
    figures = any(piece.part == "figure" for piece in pieces)
    library = f"<script>{_plotly()}</script>" if figures else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{' '.join(styles)}</style></head><body>{body}{data}"
        f'<script type="text/plain" id="told">{_safe(json.dumps(told))}</script>{library}'
        f'<script type="module">{_inner(bundle(HERE / "standalone.js"))}({{\n{parts}\n}});</script>'
        "</body></html>"
    )


def _inner(js: str) -> str:
    """A module as an expression: what it exports, with its other names in a scope of its own."""
    body = js.replace("export default function", "return function")
    return f"(() => {{\n{body}\n}})()"


def _safe(text: str) -> str:
    """Within a script element nothing may look like its end; JSON and base64 mean the same."""
    return text.replace("<", "\\u003c")


def _font() -> str:
    """Inter: what is measured in it would not fit in a wider one."""
    data = base64.b64encode((HERE.parent / "static" / "fonts" / "inter.woff2").read_bytes()).decode()
    return f"@font-face{{font-family:Inter;font-weight:100 900;src:url(data:font/woff2;base64,{data})}}"


def _plotly() -> str:
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return source.read_text("utf-8").replace("</script", "<\\/script")
