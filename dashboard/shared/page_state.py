"""What a page shows, as one typed object: read from its address, written to it, used by its widgets.

A page declares its state as a subclass in `dashboard/states/<page>.py`. Each field is one query parameter. An
alias gives the name of the parameter if the field has a clearer name. Addresses omit defaults. Widgets take
their key and their first value from the state: see `PageState.bound` and `dashboard.shared.bound`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError


def _whole(value: Any) -> Any:
    """Parse an integer from an address: only digits, and a limited number of them."""
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise ValueError("not a whole number")
    return int(value)


def _flag(value: Any) -> Any:
    """Parse `true` and `false`, as Streamlit writes a toggle."""
    if isinstance(value, str):
        return {"true": True, "false": False}[value] if value in ("true", "false") else value
    return value


def _listed(value: Any) -> Any:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


AsWhole = BeforeValidator(_whole)  # for choices that are numbers
Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Flag = Annotated[bool, BeforeValidator(_flag)]
# the whole image, or the place of a square along the longer side and across it, and its size, all in percent
Square = Annotated[
    str, StringConstraints(pattern=r"^(whole|(\d{1,2}|100)\.(\d{1,2}|100)(\.([1-9]\d|100))?)$")
]
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class PageState(BaseModel):
    """The state of a page. Equal states have equal addresses, and reading an address back gives the state."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    @classmethod
    def read(cls, query: Mapping[str, str]) -> tuple[Self, tuple[str, ...]]:
        """Return the state of an address, and the names of its invalid parameters.

        Ignores unknown parameters. Invalid ones get their defaults.
        """
        known = [cls.parameter(name) for name in cls.model_fields]
        given = {name: text for name in known if (text := query.get(name))}
        refused: tuple[str, ...] = ()
        try:
            state = cls.model_validate(given)
        except ValidationError as error:
            wrong = {str(fault["loc"][0]) for fault in error.errors()}
            refused = tuple(name for name in known if name in wrong)
            state = cls.model_validate({name: given[name] for name in given.keys() - wrong})
        return state, refused

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Return a state with these fields, given by name."""
        return cls.model_validate(fields)

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of this state."""
        defaults = self._defaults()
        return {
            self.parameter(name): text_of(value)
            for name in type(self).model_fields
            if (value := getattr(self, name)) != defaults[name]
        }

    def link(self, page: str) -> str:
        """Return the address of a page in this state, relative to the dashboard's."""
        return f"{page}?{urlencode(query)}" if (query := self.parameters()) else page

    @classmethod
    def parameter(cls, name: str) -> str:
        """Return the query parameter of a field, which is also the key of its widget."""
        return cls.model_fields[name].alias or name

    @classmethod
    def bound(cls, name: str, *, value: str | None = "default") -> dict[str, Any]:
        """Return the arguments that bind a widget to a field.

        `value` is the argument that takes the first value. Pass None if the page computes the first value.
        """
        arguments: dict[str, Any] = {"key": cls.parameter(name), "bind": "query-params"}
        return arguments if value is None else arguments | {value: cls.model_fields[name].default}

    @classmethod
    def options(cls, name: str) -> tuple[Any, ...]:
        """Return the allowed values of a choice field, the default first."""
        annotation = cls.model_fields[name].annotation
        if get_origin(annotation) is not Literal:
            raise TypeError(f"{cls.__name__}.{name} is not a choice")
        return get_args(annotation)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {
            name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()
        }


def text_of(value: Any) -> str:
    """Return a value as it is written in an address."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


class ImageState(PageState):
    """A test image: its class or ranking, and its number in that class or ranking, from 1.

    For a bundled photograph, `kind` is its name, and `square` the part that is shown, if it is not the usual
    one.
    """

    kind: str | None = Field(None, alias="class")
    image: Count = 1
    square: Square | None = None


class CurvesState(PageState):
    """How curves of training runs are drawn. A page with curves gives `more` a parameter of its own."""

    axis: Literal["epoch", "step", "wall clock", "images"] = Field("epoch", alias="x")
    smooth: float = Field(0.0, ge=0.0, le=0.99, description="the weight of earlier points")
    log: Flag = False
    metrics: str = Field("", description="a filter of the further metrics")
    metrics_page: Count = 1
    more: Flag = False


SETTING = "set_"  # begins the parameters of settings


class SettingsState(PageState):
    """Settings whose names the page does not declare, each in a parameter `set_NAME=VALUE`."""

    settings: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def read(cls, query: Mapping[str, str]) -> tuple[Self, tuple[str, ...]]:
        """Return the state of an address, including all settings, and the names of its invalid parameters."""
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
