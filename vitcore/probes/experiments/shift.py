"""Shift: accuracy and consistency on shifted images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitcore.probes.live import Frames, LiveImage, reduction, same_for_all
from vitcore.probes.probe import Outcome, Probe, Settings, View
from vitcore.probes.shapes import Panel
from vitcore.probes.statistics import parts, series, share
from vitcore.probes.values import CurveValues
from vitcore.probes.wording import shares_at

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vitcore.analysis.robustness import Border

SIZES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16)
BORDERS: tuple[Border, ...] = ("reflect", "zero", "circular")
FAR = 8  # maximum shift of the live image, pixels
SMALL = 64  # pixels
LARGE_FAR = 3  # maximum shift of a larger live image, in sixteenths of its side
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # (down, along)


class ShiftValues(CurveValues):
    """Consistency and accuracy for each way to fill the border."""

    names = tuple(f"{kind}, {border}" for border in BORDERS for kind in ("consistency", "accuracy"))
    unlabeled = tuple(f"consistency, {border}" for border in BORDERS)
    panels = (
        Panel("consistency, {border}", "Prediction unchanged"),
        Panel("accuracy, {border}", "Prediction correct"),
    )


def measure(
    model: nn.Module, other: None, images: torch.Tensor, labels: np.ndarray | None, settings: Settings
) -> Iterator[tuple[int, ShiftValues]]:
    """Measure shifts. Image i moves right, left, down or up for i modulo 4 = 0 to 3."""
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import predict, shifted

    sizes = [size for size in SIZES if size < images.shape[-1] - 1]
    predicted = np.zeros((len(BORDERS), len(sizes), len(images)), int)
    for part in parts(images):
        x = as_input(images[part], model)
        ways = [DIRECTIONS[(part.start + i) % 4] for i in range(len(x))]
        moved = [
            shifted(x[i : i + 1], size * down, size * along, border)
            for border in BORDERS
            for size in sizes[1:]
            for i, (down, along) in enumerate(ways)
        ]
        classes = predict(model, torch.cat([x, *moved])).numpy()
        predicted[:, 0, part] = classes[: len(x)]
        predicted[:, 1:, part] = classes[len(x) :].reshape(len(BORDERS), len(sizes) - 1, len(x))
        done = predicted[..., : part.stop]
        curves = {}
        for i, border in enumerate(BORDERS):
            curves[f"consistency, {border}"] = series(*share(done[i] == done[i, :1]))
            if labels is not None:
                curves[f"accuracy, {border}"] = series(*share(done[i] == labels[: part.stop]))
        yield part.stop, ShiftValues(x=sizes, unit="shift in pixels", curves=curves)


def finding(outcomes: Sequence[Outcome[ShiftValues]], view: View) -> str:
    """Return the consistency at 4 pixels."""
    shares = shares_at(outcomes, f"consistency, {view.border}", 4)
    return shares and f"Predictions unchanged by a shift of 4 pixels: {shares}."


def live_frames(models: Sequence[nn.Module], image: torch.Tensor, border: Border) -> Frames:
    """Shift an image in each direction: rows are shifts down, columns to the right.

    Images of up to `SMALL` pixels are shifted by up to `FAR` pixels. Larger ones have fewer and longer
    shifts, since the predictions for all of them are computed at once.
    """
    import torch

    from vitcore.analysis.attention import as_input
    from vitcore.analysis.robustness import shifted

    image = as_input(image, models[0])
    side = image.shape[-1]
    far, step = (FAR, 1) if side <= SMALL else (LARGE_FAR, 2 * (side // 32))
    steps = [step * number for number in range(-far, far + 1)]
    moved = torch.cat([shifted(image, down, right, border) for down in steps for right in steps])
    names = [f"{step:+d}" if step else "0" for step in steps]
    shown = max(1, round(step / reduction(side)))
    return same_for_all(models, moved, names, names, start=len(moved) // 2, step=shown)


PROBE = Probe(
    name="shift",
    title="Shift",
    question="Does the prediction stay the same when the image is shifted?",
    method="Every image is shifted by d pixels in one of four directions, which take turns. Consistency is "
    "the share of images whose prediction does not change. A model that always predicts the same class is "
    "consistent, too, so accuracy is shown as well. No ResNet is exactly invariant, because of aliasing by "
    "strides and of the padding at the border.",
    formula=(r"C(d) = \frac{1}{n}\sum_{i=1}^{n} [\,\hat{y}(T_d x_i) = \hat{y}(x_i)\,]",),
    reading="**Read it**: look for waves. A ViT is less sensitive to shifts by its patch size, and an "
    "untrained ViT with a circular border is hardly sensitive to them at all. Exact translation invariance "
    "is a horizontal line at 100 %. With a circular border, a ViT that averages its tokens and has no "
    "position embeddings is invariant to shifts by multiples of its patch size.",
    source="Zhang 2019, Making Convolutional Networks Shift-Invariant Again",
    venue="ICML",
    needs="classifier",
    values=ShiftValues,
    steps=measure,
    finding=finding,
    order=10,
    live=LiveImage(
        mode="drag",
        border=True,
        frames=live_frames,
        hint="Drag the image, or point at a shift in the small maps. Arrow keys move it to the next shift.",
    ),
)
