"""The state of Inductive bias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints

from dashboard.shared.page_state import AsWhole, Flag, ImageState

SETTING = "set_"
Amount = Annotated[str, StringConstraints(pattern=r"^-?\d{1,4}(\.-?\d{1,4})*$")]


class BiasState(ImageState):
    """An experiment on two runs, and the position of its live image.

    `view` is for talks. It selects the live image of an experiment that has one, or the curve.
    """

    probe: str | None = None
    run: str | None = None
    against: str | None = None
    count: Annotated[Literal[100, 500, 1000], AsWhole] = Field(500, alias="n")
    untrained: Flag = True
    border: Literal["reflect", "zero", "circular"] = "reflect"
    view: Literal["image", "curve"] = "image"
    shift: Amount | None = None
    shuffle: Amount | None = None
    occlusion: Amount | None = None
    painted: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    samples: str | None = None
    settings: dict[str, str] = Field(default_factory=dict, description="of the experiment, `set_NAME=VALUE`")

    @classmethod
    def read(cls, query: Mapping[str, str]) -> tuple[Self, tuple[str, ...]]:
        """Return the state of an address, including the experiment's settings, and its invalid parameters."""
        state, refused = super().read({name: text for name, text in query.items() if name != "settings"})
        settings = {
            name.removeprefix(SETTING): text for name, text in query.items() if name.startswith(SETTING)
        }
        return state.model_copy(update={"settings": settings}), refused

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of this state."""
        query = super().parameters()
        query.pop("settings", None)
        return query | {f"{SETTING}{name}": text for name, text in self.settings.items()}

    @classmethod
    def bound_setting(cls, name: str) -> dict[str, Any]:
        """Return the arguments that bind a widget to a setting of the experiment."""
        return {"key": f"{SETTING}{name}", "bind": "query-params"}
