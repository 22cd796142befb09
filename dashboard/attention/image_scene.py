"""Scenes of a model on one image, each of which can be saved as a file of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from dashboard.drawing import pictures
from dashboard.shared.scenes import IMAGE, Scene, plain_picture
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import AttentionState
from vitcore.data import Dataset
from vitcore.runs.folder import Run


@dataclass(frozen=True)
class ImageScene(Scene):
    """A view of a run on an image.

    `element` is the key of its element on the page, and `file_stem` is in the name of its file.
    """

    run: Run
    chosen: SelectedImage
    data: Dataset
    element: ClassVar[str]
    file_stem: ClassVar[str]

    @abstractmethod
    def compute(self, state: Mapping[str, str]) -> list[str]:
        """Compute what a link shows, so that drawing it is fast. Raise `UserError`.

        Returns the names of the parameters that the scene can't show and ignores.
        """

    def title(self, state: Mapping[str, str]) -> str:
        """Return the title of the scene's own file."""
        return f"{self.run.title}, {self.chosen.name}"

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the image."""
        return plain_picture(self.chosen.image)


class TokenScene(ImageScene):
    """A view of a ViT on an image, which shows the attention of one token."""

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the image with a frame around the patch whose attention is shown."""
        rows = self.run.config.image_size // self.run.config.options["patch_size"]
        token, patch, words = AttentionState.read(state)[0].query or "", None, IMAGE
        if "." in token:
            row, column = map(int, token.split("."))
            patch, words = (row - 1, column - 1), f"{IMAGE}, with a frame at row {row}, column {column}"
        return pictures.encoded(pictures.with_patch(self.chosen.image, rows, patch)), words


def without_server(state: Mapping[str, str], *, talk: bool) -> dict[str, Any]:
    """Return what the header of a message says in a file. The file cannot change the address of a page."""
    return {"address": urlencode(state), "talk": talk, "standalone": True}
