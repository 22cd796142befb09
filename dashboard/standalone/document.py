"""Write pieces into one HTML file with their styles, scripts and data.

The file uses the same components as the pages. Their data are embedded in base64. Figures are drawn by the
plotly.js of the installed plotly package, which is embedded once.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly

from dashboard.components import (
    block,
    convolution,
    explorer,
    features,
    pair,
    replay,
    similarity,
    stepper,
    talk,
)
from dashboard.components.bundle import bundle
from dashboard.components.packing import Part

HERE = Path(__file__).resolve().parent
COMPONENTS: dict[str, Part] = {
    "explorer": explorer.PART,
    "block": block.PART,
    "convolution": convolution.PART,
    "pair": pair.PART,
    "features": features.PART,
    "stepper": stepper.PART,
    "replay": replay.PART,
    "similarity": similarity.PART,
    "talk": talk.PART,
}
# Forbids all loading, even if a title or a name contains HTML.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:"
)


@dataclass(frozen=True)
class Piece:
    """One view in the file.

    `component` is a key of `COMPONENTS`, "figure" for a Plotly figure, or empty for plain HTML. `body` is its
    HTML. `data` is base64 for a component and JSON for a figure.
    """

    component: str
    body: str
    data: str = ""


def component_piece(name: str, data: bytes) -> Piece:
    """Return the piece of a component with the bytes that it reads."""
    return Piece(name, COMPONENTS[name].html, base64.b64encode(data).decode())


def mount_point(number: int, piece: Piece) -> str:
    """Return the HTML element where standalone.js mounts the piece with this index."""
    attributes = f'class="standalone-piece" data-piece="{number}" data-part="{piece.component}"'
    return f"<div {attributes}>{piece.body}</div>"


def document(
    title: str,
    body: str,
    pieces: Sequence[Piece],
    content: dict[str, Any],
    *,
    extra_components: Sequence[str] = (),
    extra_css: str = "",
) -> str:
    """Return the text of the HTML file.

    `body` holds the mount points of the pieces. standalone.js describes `content`, which it
    reads. `extra_components` are included although no piece uses them.
    """
    used = [piece.component for piece in pieces if piece.component in COMPONENTS]
    names = list(dict.fromkeys([*used, *extra_components]))
    components_css = [COMPONENTS[name].css for name in names]
    styles = " ".join(
        [_font_face(), (HERE / "standalone.css").read_text(encoding="utf-8"), *components_css, extra_css]
    )
    modules = ",\n".join(f"{name}: {_as_expression(COMPONENTS[name].js)}" for name in names)
    data = "".join(
        f'<script type="text/plain" id="data-{number}">{_escape_script(piece.data)}</script>'
        for number, piece in enumerate(pieces)
        if piece.data
    )
    has_figures = any(piece.component == "figure" for piece in pieces)
    library = f"<script>{_plotly_js()}</script>" if has_figures else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{styles}</style></head><body>{body}{data}"
        f'<script type="text/plain" id="content">{_escape_script(json.dumps(content))}</script>{library}'
        f'<script type="module">{_as_expression(bundle(HERE / "standalone.js"))}({{\n{modules}\n}});</script>'
        "</body></html>"
    )


def _as_expression(js: str) -> str:
    """Return an ES module as an expression with its own scope. Its value is the default export."""
    body = js.replace("export default function", "return function")
    return f"(() => {{\n{body}\n}})()"


def _escape_script(text: str) -> str:
    """Escape `<`, so that no text ends its script element. JSON decodes the escape; base64 has no `<`."""
    return text.replace("<", "\\u003c")


def _font_face() -> str:
    """Return the CSS of the embedded font Inter. Layouts fit its width and would overflow in a wider font."""
    data = base64.b64encode((HERE.parent / "static" / "fonts" / "inter.woff2").read_bytes()).decode()
    return f"@font-face{{font-family:Inter;font-weight:100 900;src:url(data:font/woff2;base64,{data})}}"


def _plotly_js() -> str:
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return source.read_text(encoding="utf-8").replace("</script", "<\\/script")
