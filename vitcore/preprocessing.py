"""How the pixels of an image become the input of a model: resizing, crop, and normalization. No torch.

A run keeps its `Preprocessing` in its configuration. The model that `vitcore.models.build_for` makes carries
it, so that code with a model and uint8 images can normalize them: `preprocessing_of(model)`. The fields have
the meaning of timm's `mean`, `std`, `interpolation` and `crop_pct`. In the configuration of a transformers
image processor they are `image_mean`, `image_std`, `resample` (2 is bilinear, 3 bicubic), and the side of
`crop_size` divided by the shortest edge of `size`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(gt=0, le=10)]

# per channel of CIFAR-10's training set, with the tutorial's values
MEAN = (0.49139968, 0.48215841, 0.44653091)
STD = (0.24703223, 0.24348513, 0.26158784)


class Preprocessing(BaseModel):
    """Resizing, crop and normalization. The defaults are those of all models that are trained here.

    A model gets (pixels / 255 - mean) / std. Photographs are cropped and resized; the images of CIFAR-10 are
    used as they are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: tuple[Share, Share, Share] = MEAN  # of red, green and blue, for pixels from 0 to 1
    std: tuple[Spread, Spread, Spread] = STD
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"  # with antialiasing
    crop: Annotated[float, Field(ge=0.1, le=1)] = 1.0  # side of the used square / shorter side of the image

    def __hash__(self) -> int:
        return hash((self.mean, self.std, self.interpolation, self.crop))

    def __str__(self) -> str:
        mean, std = (" ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        return f"mean {mean}, std {std}, {self.interpolation}, crop {self.crop:g}"

    def mean_color(self) -> np.ndarray:
        """Return the color that the model reads as zeros, rounded. -> uint8 [3]"""
        return (255 * np.array(self.mean)).round().astype(np.uint8)

    def normalized(self, images: np.ndarray) -> np.ndarray:
        """Normalize images. uint8 [..., 3, S, S] -> float32 [..., 3, S, S]"""
        mean, std = self._columns()
        return (images.astype(np.float32) / 255 - mean) / std

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Undo the normalization. float [..., 3, S, S] -> uint8 [..., 3, S, S]"""
        mean, std = self._columns()
        return np.clip(np.round(255 * (images * std + mean)), 0, 255).astype(np.uint8)

    def _columns(self) -> tuple[np.ndarray, np.ndarray]:
        mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in (self.mean, self.std))
        return mean, std


DEFAULT = Preprocessing()


def preprocessing_of(model: object) -> Preprocessing:
    """Return the preprocessing of a model. It is the default for a model without a configuration."""
    return getattr(model, "preprocessing", DEFAULT)


def attach(model: object, preprocessing: Preprocessing) -> None:
    """Let a model carry its preprocessing. It is not part of the model's weights."""
    object.__setattr__(model, "preprocessing", preprocessing)
