"""Plotly figures out of arrays and runs. Pure functions: they open no files and compute no models."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.drawing import pictures

COLORSCALE = "Cividis"  # attention everywhere, as in the tutorial
PLAIN = {"displayModeBar": False}


def _bare(figure: go.Figure, height: int | None, **margin: int) -> go.Figure:
    edges = {"l": 0, "r": 0, "t": 0, "b": 0} | margin
    figure.update_layout(
        height=height,
        margin=edges,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, sans-serif", "size": 13},
        showlegend=False,
    )
    return figure


def _settle_pandas() -> None:
    """Wait for pandas. Plotly looks at it as soon as it is in sys.modules, though another visitor's page may
    still be importing it, and fails ("partially initialized module 'pandas'"); an import of our own waits.
    """
    import pandas  # noqa: F401


def logit_lens(values: np.ndarray, classes: tuple[str, ...], truth: int | None, top: int = 6) -> go.Figure:
    """Probabilities of the classes that lead somewhere, layer by layer. values [layers + 1, classes]"""
    _settle_pandas()
    order = np.argsort(values.max(axis=0) + values[-1])[::-1][:top]
    order = order[np.argsort(values[-1, order])]
    shown = 100 * values[:, order].T  # [top, layers + 1]
    layers = len(values) - 1
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=["input", *(str(n + 1) for n in range(layers))],
            y=[f"<b>{classes[i]}</b> (true)" if i == truth else classes[i] for i in order],
            colorscale=COLORSCALE,
            zmin=0,
            zmax=100,
            texttemplate="%{z:.0f}" if layers <= 16 else "",
            xgap=2,
            ygap=2,
            showscale=False,
            name="read after each layer",
            meta={
                "value": "probability, %",
                "y": [classes[i] for i in order],
                "called": {"x": "layer", "y": "class"},
            },
            hovertemplate="%{y} after layer %{x}: %{z:.1f} %<extra></extra>",
        )
    )
    figure.update_xaxes(
        type="category",
        title={"text": "read after layer; probability in %", "font": {"size": 13}},
        fixedrange=True,
    )
    figure.update_yaxes(showgrid=False, fixedrange=True, automargin=True)
    return _bare(figure, 34 * len(order) + 56, b=50)


def probabilities(
    values: np.ndarray, classes: tuple[str, ...], truth: int | None, color: str, top: int = 5
) -> go.Figure:
    """The likeliest classes as bars, the true one marked. values [classes]"""
    _settle_pandas()
    order = np.argsort(values)[::-1][:top][::-1]
    names = [f"<b>{classes[i]}</b> (true)" if i == truth else classes[i] for i in order]
    figure = go.Figure(
        go.Bar(
            x=values[order],
            y=names,
            name="the answer",
            meta={"y": [classes[i] for i in order], "called": {"x": "probability", "y": "class"}},
            orientation="h",
            marker={"color": color},
            text=[f"{100 * values[i]:.1f} %" for i in order],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(visible=False, range=[0, 1.6], fixedrange=True)
    figure.update_yaxes(showgrid=False, fixedrange=True, automargin=True)
    return _bare(figure, 30 * len(order) + 8)


def accuracy_bars(
    names: list[str], accuracies: list[float], colors: list[str], chance: float, *, foot: bool = True
) -> str:
    """Test accuracies (shares) as labeled bars, chance marked (and named in a `foot`). HTML: the first page
    need not wait for plotly.js.

    The classes stand in style.css. Names and colors are our own, never a user's text.
    """
    rows = "".join(
        f'<div class="bar-name">{name}</div><div class="bar-track">'
        f'<div class="bar-fill" style="width:{share:.2%};background:{color};color:{_ink(color)}">'
        f'{100 * share:.1f} %</div><div class="bar-chance" style="left:{chance:.0%}"></div></div>'
        for name, share, color in zip(names, accuracies, colors, strict=True)
    )
    text = ", ".join(f"{n} {100 * a:.1f} %" for n, a in zip(names, accuracies, strict=True))
    label = f"test accuracy: {text}; chance {100 * chance:.0f} %"
    word = f'<div></div><div class="bar-foot"><span style="left:{chance:.0%}">chance</span></div>'
    return f'<div class="bars" role="img" aria-label="{label}">{rows}{word if foot else ""}</div>'


def filter_tiles(filters: np.ndarray, shares: np.ndarray) -> str:
    """Filters [n, 3, P, P] as tiles, zero gray, each to its own largest weight, with its share of the
    variance under it. HTML; the classes stand in style.css.
    """
    parts = []
    for i, (tile, share) in enumerate(zip(_tiles(filters), shares, strict=True), start=1):
        said = f"{100 * share:.1f} %"
        picture = f'<img src="{pictures.data_url(tile)}" alt="component {i}, {said} of the variance">'
        parts.append(f'<div class="filter">{picture}{said}</div>')
    return f'<div class="filters">{"".join(parts)}</div>'


def _tiles(filters: np.ndarray) -> np.ndarray:
    """Filters [n, 3, P, P] as uint8 of the same shape, zero gray, each to its own largest weight."""
    scaled = filters / np.maximum(np.abs(filters).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    return (127.5 + 127.5 * scaled).round().astype(np.uint8)


def filter_files(filters: np.ndarray, shares: np.ndarray) -> tuple[list[tuple], list[list]]:
    """(pictures, CSV rows) of the same filters, as `takeaway.pictures` takes them."""
    tiles = zip(_tiles(filters), shares, strict=True)
    parts = [("", pictures.picture(tile), f"{100 * share:.1f} %") for tile, share in tiles]
    rows: list[list] = [["component", "share of variance", "channel", "row", "column", "weight"]]
    for (n, channel, row, column), weight in np.ndenumerate(filters):
        color = ("red", "green", "blue")[channel]
        rows.append([n + 1, float(f"{shares[n]:.6g}"), color, row + 1, column + 1, float(f"{weight:.6g}")])
    return parts, rows


DARK_INK = "#14171a"


def _ink(color: str) -> str:
    """White or near-black, whichever has more contrast with `#rrggbb` (WCAG 2)."""
    white, dark = (_luminance(ink) for ink in ("#ffffff", DARK_INK))
    ground = _luminance(color)
    return "#fff" if (white + 0.05) / (ground + 0.05) > (ground + 0.05) / (dark + 0.05) else DARK_INK


def _luminance(color: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
