"""The stored form of means with their standard errors. Does not import torch."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# JSON has no NaN: a number that is not finite is stored as null
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
ROUNDING = 1e-3  # by which a fraction may exceed its bounds


def check_share(value: float) -> float:
    """Return a fraction from 0 to 1, or NaN. Raise `ValueError` for any other number."""
    if value < -ROUNDING or value > 1 + ROUNDING:
        raise ValueError(f"{value:g} is not a fraction from 0 to 1")
    return value


Share = Annotated[Number, AfterValidator(check_share)]
Count = Annotated[int, Field(ge=0, le=10**9)]  # of images


class Record(BaseModel):
    """A JSON object with exactly the declared keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(Record):
    """A mean with its standard error."""

    mean: Number
    error: Number


class Series(Record):
    """Means with their standard errors."""

    mean: list[Number]
    error: list[Number]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.mean) != len(self.error):
            raise ValueError(f"{len(self.mean)} means have {len(self.error)} errors")
        return self


class Table(Record):
    """Means with their standard errors, as rows of equal length."""

    mean: list[list[Number]]
    error: list[list[Number]]

    @model_validator(mode="after")
    def _same_shape(self) -> Self:
        if [len(row) for row in self.mean] != [len(row) for row in self.error]:
            raise ValueError("the errors have another shape than the means")
        return self


def binomial_error(share: float, count: int) -> float:
    """Return the standard error of a share of `count` images, sqrt(p (1 - p) / n)."""
    return (share * (1 - share) / max(1, count)) ** 0.5
