"""What a standalone HTML file holds of a view. `dashboard.standalone.document` writes the file."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from dashboard.components.packing import Part


@dataclass(frozen=True)
class Piece:
    """One view in a file.

    `body` is its HTML. `part` is the component that draws `data`, the base64 of its message. Without a
    component, `data` is a Plotly figure as JSON, or empty for plain HTML.
    """

    body: str
    data: str = ""
    part: Part | None = None

    @property
    def kind(self) -> str:
        """The name of the component, "figure" for a Plotly figure, or empty for plain HTML."""
        if self.part:
            return self.part.name
        return "figure" if self.data else ""


def component_piece(part: Part, message: bytes) -> Piece:
    """Return the piece of a component with the message that it reads."""
    return Piece(part.html, base64.b64encode(message).decode(), part)
