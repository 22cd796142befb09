"""The reconstructions of eight fixed images by a pretraining without labels, epoch by epoch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components import figure_files
from dashboard.drawing import pictures
from dashboard.drawing.pictures import data_url, picture
from dashboard.training import moments
from vitcore import numbers
from vitcore.runs.folder import Run
from vitcore.runs.reconstructions import FILE, Reconstructions, read_reconstructions

GRAY = 128  # of masked patches
COLUMNS, GAP = 3, 2  # of the images in a talk, which is square, and the pixels between them
SHOWN = 96  # pixels per side of a picture in the files


def strip(run: Run) -> None:
    """Draw each image, what the model sees of it, and its reconstruction in one epoch.

    Shows the newest epoch until the visitor chooses another one. Shows nothing if the run has none.
    """
    found = _read(run.path, _stamp(run.path / FILE))
    if found is None:
        return
    share = numbers.percent(float(1 - found.visible.mean()), 0)
    title = f"**{len(found.images)} validation images** with {share} of their patches masked"
    at = moments.choose(found.epochs, f"restored_{run.id}", title)
    st.html(as_html(found, at))
    st.caption(
        "From top to bottom: the image, its visible patches, and its reconstruction. The model predicts a "
        "masked patch up to its mean and contrast, which are taken from the image here. The masks are the "
        "same in every epoch."
    )
    foot = f"{run.title}, epoch {found.epochs[at]:.3g}: {len(found.images)} validation images"
    parts, rows = files(found, at)
    count = len(found.images)
    figure_files.pictures(parts, rows, key="reconstructions", side=SHOWN, columns=count, foot=foot)


def talk_pictures(run: Run) -> list[tuple[str, str, str]]:
    """Return heading, picture and caption of images, what is seen of them, and their newest reconstruction.

    Each picture holds all images. Return an empty list if the run has none.
    """
    found = _read(run.path, _stamp(run.path / FILE))
    if found is None or not len(found.epochs):
        return []
    share = numbers.percent(float(found.visible.mean()), 0)
    return [
        (heading, pictures.encoded(pictures.tiles(images.transpose(0, 2, 3, 1), COLUMNS, GAP)), caption)
        for heading, images, caption in (
            ("Images", found.images, f"{len(found.images)} validation images"),
            ("Seen", visible_pixels(found), f"{share} of the patches"),
            ("Reconstructed", found.restored[-1], f"after {found.epochs[-1]:.3g} epochs"),
        )
    ]


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written, or None if there is no such file."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ino


@lru_cache(maxsize=4)  # a running training is drawn every second, and changes the file once per epoch
def _read(run: Path, stamp: tuple[int, int] | None) -> Reconstructions | None:
    return read_reconstructions(run) if stamp else None


def visible_pixels(found: Reconstructions) -> np.ndarray:
    """Return the images with gray in place of masked patches. uint8 [N, 3, S, S]"""
    return np.where(found.masked[:, None], np.uint8(GRAY), found.images)


def as_html(found: Reconstructions, at: int) -> str:
    """Return a row of cards as HTML: an image, its visible patches, and its reconstruction at a moment."""
    seen = visible_pixels(found)
    cards = [
        '<div class="eight-card">'
        + "".join(
            f'<img src="{data_url(image)}" alt="{what}, validation image {number}">'
            for what, image in (
                ("original", found.images[i]),
                ("visible patches", seen[i]),
                ("reconstruction", found.restored[at, i]),
            )
        )
        + "</div>"
        for i, number in enumerate(range(1, len(found.images) + 1))
    ]
    return f'<div class="eight restored">{"".join(cards)}</div>'


def files(found: Reconstructions, at: int) -> tuple[list[tuple[str, Image.Image, str]], figure_files.Rows]:
    """Return the pictures, row by row, and the CSV rows of the same images for `figure_files.pictures`.

    The CSV has the mean absolute error of the masked pixels of each image, 0 to 255, at every moment.
    """
    kinds = {"image": found.images, "visible": visible_pixels(found), "restored": found.restored[at]}
    parts = [
        (f"{kind} {i + 1}", picture(image), "")
        for kind, images in kinds.items()
        for i, image in enumerate(images)
    ]
    rows: list[list] = [["image", "epoch", "step", "mean absolute error of masked pixels"]]
    masked = np.broadcast_to(found.masked[:, None], found.images.shape)
    for epoch, step, restored in zip(
        found.epochs.tolist(), found.steps.tolist(), found.restored, strict=True
    ):
        errors = np.abs(restored.astype(int) - found.images)
        for i in range(len(found.images)):
            rows.append([i + 1, round(epoch, 4), step, round(float(errors[i][masked[i]].mean()), 3)])
    return parts, rows
