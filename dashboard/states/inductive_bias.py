"""The state of Inductive bias."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from dashboard.shared.page_state import SETTING, AsWhole, Flag, ImageState, SettingsState

# tests/unit/components/links.json states what the browser must read in the same way
Frame = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,2}\.-?[0-9]{1,2}$")]
Cells = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


def cell_bits(cells: Cells) -> str | None:
    """Return a 0 or 1 for each cell of an 8 x 8 grid, or None if no cell is painted."""
    bits = f"{int(cells, 16):064b}"
    return bits if "1" in bits else None


class BiasState(ImageState, SettingsState):
    """An experiment on two runs, and the position of its live image.

    Each experiment with a live image has a field of its name: the frame, as an offset from the unchanged
    image, down and to the right. `painted` holds the hidden cells, one bit each, in hexadecimal. The
    settings are those of the experiment.

    `view` is for talks. It selects the live image of an experiment that has one, or the curve.
    """

    probe: str | None = None
    run: str | None = None
    against: str | None = None
    count: Annotated[Literal[100, 500, 1000], AsWhole] = Field(500, alias="n")
    untrained: Flag = True
    border: Literal["reflect", "zero", "circular"] = "reflect"
    view: Literal["image", "curve"] = "image"
    shift: Frame | None = None
    shuffle: Frame | None = None
    occlusion: Frame | None = None
    painted: Cells | None = None
    samples: str | None = None

    def position(self, probe: str) -> dict[str, str]:
        """Return the query parameters of the frame and of the painted cells of an experiment."""
        query = self.parameters()
        return {name: query[name] for name in (probe, "painted") if name in query}

    @classmethod
    def bound_setting(cls, name: str) -> dict[str, Any]:
        """Return the arguments that bind a widget to a setting of the experiment."""
        return {"key": f"{SETTING}{name}", "bind": "query-params"}
