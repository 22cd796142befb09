"""Scenes: what a link shows in a talk or in a standalone file, without the controls of its page.

A kind of scene is a subclass of `Scene`, in the folder of its page or, if several pages have it, here. A page
makes its scenes in `dashboard/<page>/scene.py`.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.pieces import Piece
from dashboard.components.window import is_narrow
from dashboard.drawing import figures, pictures
from dashboard.drawing.narrow import one_panel_a_row

# Pixels of all figures together. talk.css enlarges them to 69 % of the window's height, which leaves room for
# a source in two lines.
HEIGHT = 344
IMAGE = "The image"


class Scene(ABC):
    """What a link shows, large and without the controls of its page.

    Components are sized in rem, which talk.css enlarges. Figures are drawn as on their pages, and talk.css
    scales them as a whole. Standalone files follow the same rule.
    """

    @abstractmethod
    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the scene with Streamlit. Raise `UserError`.

        `state` holds the parameters of the link; the explorer and the steppers change them. `key` identifies
        the elements. `scale` is the height of the window divided by 720 pixels.
        """

    @abstractmethod
    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return the scene for a file without a server, from top to bottom.

        `talk` selects the layout of a talk. The file has no model, so it lacks the brush, the snapshots
        and the view of positions only. Raise `UserError` if the scene does not fit into a file.
        """

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the image to which a question refers: (data URL, alternative text), or None without one."""
        return None


@dataclass(frozen=True)
class Figures(Scene):
    """Plotly figures from top to bottom, each with its alternative text."""

    parts: list[tuple[go.Figure, str]]

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw all figures in the same height; in a narrow window with one panel a row."""
        height = HEIGHT // len(self.parts)
        parts = [(_with_one_font_size(figure, height), alt) for figure, alt in self.parts]
        if is_narrow():
            parts = [(one_panel_a_row(figure), alt) for figure, alt in parts]
            height = max(figure.layout.height for figure, _ in parts)
        st.html(f"<style>:root {{ --talk-scale: {scale}; --talk-figure: {height}px }}</style>")
        with st.container(key="talk_figures"):
            for i, (figure, alt) in enumerate(parts):
                st.plotly_chart(figure, config=figures.PLAIN, key=f"{key}_{i}", alt=alt)

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return a piece for each figure. They share the height of the stage."""
        return [self._piece(figure, alt) for figure, alt in self.parts]

    def _piece(self, figure: go.Figure, alt: str) -> Piece:
        chart = _with_one_font_size(figure, height=None).update_layout(autosize=True)
        element = f'<div class="standalone-figure" role="img" aria-label="{html.escape(alt)}"></div>'
        body = f'<div class="talk-figure" style="--of:{len(self.parts)}">{element}</div>'
        return Piece(body, chart.to_json() or "")


@dataclass(frozen=True)
class Pictures(Scene):
    """Pictures side by side: (heading, PNG as a data URL, caption).

    `legend` is their color scale: the label of the low end, its bar as a data URL, the label of the high end.
    """

    parts: list[tuple[str, str, str]]
    legend: tuple[str, str, str] | None = None

    def draw(self, state: MutableMapping[str, str], *, key: str, scale: float = 1.0) -> None:
        """Draw the pictures as HTML."""
        st.html(self._html())

    def pieces(self, state: Mapping[str, str], *, talk: bool = True) -> list[Piece]:
        """Return all pictures as one piece."""
        return [Piece(self._html())]

    def picture(self, state: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the first picture if it is the plain image."""
        heading, url, _ = self.parts[0]
        return (url, IMAGE) if heading == IMAGE else None

    def _html(self) -> str:
        """Return the pictures in a row as HTML. talk.css defines the layout."""
        cells = "".join(
            f"<figure><figcaption>{html.escape(heading)}</figcaption>"
            f'<img src="{url}" alt="{html.escape(caption)}">'
            f"<p>{html.escape(caption).replace(' %', '&nbsp;%')}</p></figure>"
            for heading, url, caption in self.parts
        )
        legend = ""
        if self.legend:
            low, bar, high = self.legend
            ends = html.escape(low), html.escape(high)
            legend = f'<p class="talk-legend">{ends[0]} <img src="{bar}" alt="Color scale"> {ends[1]}</p>'
        return f'<div class="talk-pictures">{cells}</div>{legend}'


def plain_picture(image: np.ndarray) -> tuple[str, str]:
    """Return an image uint8 [3, S, S] as `Scene.picture` does."""
    return pictures.encoded(pictures.with_patch(image, 1, None)), IMAGE


def _with_one_font_size(figure: go.Figure, height: int | None) -> go.Figure:
    """Return a copy of a figure whose axes, legend and hover labels have the figure's own font size.

    Streamlit's theme makes them smaller where a figure sets no size. `height` is in pixels, None for any.
    """
    copy = go.Figure(figure)
    size = figure.layout.font.size or 12
    copy.update_layout(height=height, font_size=size, legend_font_size=size, hoverlabel_font_size=size)
    copy.update_xaxes(tickfont_size=size, title_font_size=size)
    copy.update_yaxes(tickfont_size=size, title_font_size=size)
    return copy
