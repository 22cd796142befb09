"""What the address of Inductive bias says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from dashboard.shared.page_state import AsWhole, Flag, ImageState

SETTING = "set_"
Amount = Annotated[str, StringConstraints(pattern=r"^-?\d{1,4}(\.-?\d{1,4})*$")]


class BiasState(ImageState):
    """An experiment on two runs; for the live image, how far it is changed.

    `view` is for talks: the live image where an experiment has one, or its curve.
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
        """The state of an address, with the experiment's settings as it writes them."""
        state, refused = super().read({name: text for name, text in query.items() if name != "settings"})
        settings = {
            name.removeprefix(SETTING): text for name, text in query.items() if name.startswith(SETTING)
        }
        return state.model_copy(update={"settings": settings}), refused

    def parameters(self) -> dict[str, str]:
        """The parameters of this state's address."""
        found = super().parameters()
        found.pop("settings", None)
        return found | {f"{SETTING}{name}": text for name, text in self.settings.items()}
