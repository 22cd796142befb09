"""Plotly figures out of arrays and runs. Pure functions: they open no files and compute no models."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

COLOURSCALE = "Cividis"  # attention everywhere, as in the tutorial
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


def token_name(token: int, side: int, has_cls: bool) -> str:
    """`CLS`, or row and column of a patch, counted from 1."""
    if has_cls and token == 0:
        return "CLS"
    row, column = divmod(token - has_cls, side)
    return f"row {row + 1}, column {column + 1}"


def head_grid(rows: np.ndarray, *, has_cls: bool, per_map: bool) -> go.Figure:
    """All layers x heads of one query as small maps, one colour scale unless `per_map`. rows [layers, heads,
    T]

    It fills the box it is given; the maps stay square.
    """
    layers, heads, _ = rows.shape
    patches = rows[..., int(has_cls) :]
    side = round(patches.shape[-1] ** 0.5)
    maps = patches.reshape(layers, heads, side, side)
    step = side + max(1, side // 8)  # a map and the gap after it
    shape = (layers * step, heads * step)
    shown, info = np.full(shape, np.nan), np.zeros((*shape, 5))
    row, column = np.mgrid[1 : side + 1, 1 : side + 1]
    for layer, head in np.ndindex(layers, heads):
        where = np.s_[layer * step : layer * step + side, head * step : head * step + side]
        values = maps[layer, head]
        shown[where] = values / values.max() if per_map else values
        parts = (np.full_like(row, layer + 1), np.full_like(row, head + 1), row, column, values)
        info[where] = np.stack(parts, axis=-1)
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            customdata=info,
            colorscale=COLOURSCALE,
            zmin=0,
            zmax=1 if per_map else float(maps.max()),
            hoverongaps=False,
            hovertemplate=(
                "layer %{customdata[0]}, head %{customdata[1]}<br>to row %{customdata[2]}, column "
                "%{customdata[3]}: %{customdata[4]:.4f}<extra></extra>"
            ),
            colorbar={
                "title": {
                    "text": "share of the map's maximum  " if per_map else "attention weight  ",
                    "side": "top",
                    "font": {"size": 13},
                },
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "len": 0.45,
                "thickness": 10,
                "ypad": 4,
                "outlinewidth": 0,
                "tickformat": ".0%" if per_map else "",
            },
        )
    )
    middle = (side - 1) / 2
    figure.update_xaxes(
        tickvals=[middle + step * h for h in range(heads)],
        ticktext=[f"head {h + 1}" if heads <= 12 else str(h + 1) for h in range(heads)],
        range=[-0.5, shape[1] - 0.5], side="top", showgrid=False, zeroline=False, ticklen=0,
        constrain="domain", constraintoward="left",
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=[middle + step * layer for layer in range(layers)],
        ticktext=[f"layer {layer + 1} " for layer in range(layers)],
        range=[shape[0] - 0.5, -0.5], scaleanchor="x", showgrid=False, zeroline=False, ticklen=0,
        constrain="domain", constraintoward="top",
    )  # fmt: skip
    return _bare(figure, None, t=22, l=58, b=48)


def patch_picker(image: np.ndarray, side: int, query: int | None) -> go.Figure:
    """The image with its patch grid; a click on a patch is a selected point whose number counts patches row
    by row.
    """
    size = image.shape[-1]
    patch = size / side
    figure = go.Figure(go.Image(z=image.transpose(1, 2, 0), hoverinfo="skip"))
    thin = {"type": "line", "line": {"color": "rgba(255,255,255,.35)", "width": 1}}
    for i in range(1, side):
        at = i * patch - 0.5
        figure.add_shape(**thin, x0=at, x1=at, y0=-0.5, y1=size - 0.5)
        figure.add_shape(**thin, x0=-0.5, x1=size - 0.5, y0=at, y1=at)
    rows, columns = np.divmod(np.arange(side * side), side)
    centre = (patch - 1) / 2
    figure.add_scatter(
        x=columns * patch + centre,
        y=rows * patch + centre,
        mode="markers",
        marker={"symbol": "square", "size": 8, "color": "#fff", "opacity": 0.0},
        unselected={"marker": {"opacity": 0.0}},
        selected={"marker": {"opacity": 0.0}},
        customdata=np.stack([rows + 1, columns + 1], axis=1),
        hovertemplate="row %{customdata[0]}, column %{customdata[1]}<extra></extra>",
    )
    if query is not None:
        row, column = divmod(query, side)
        corner = {"x0": column * patch - 0.5, "y0": row * patch - 0.5}
        corner |= {"x1": corner["x0"] + patch, "y1": corner["y0"] + patch}
        figure.add_shape(type="rect", line={"color": "#000", "width": 5}, **corner)
        figure.add_shape(type="rect", line={"color": "#fff", "width": 2.5}, **corner)
    figure.update_xaxes(
        visible=False, range=[-0.5, size - 0.5], fixedrange=True, constrain="domain", constraintoward="left"
    )
    figure.update_yaxes(
        visible=False, range=[size - 0.5, -0.5], fixedrange=True, scaleanchor="x", constrain="domain"
    )
    # the nearest point answers, however far the pointer is from it
    figure.update_layout(dragmode=False, clickmode="event+select", hovermode="closest", hoverdistance=-1)
    return _bare(figure, None)


def probabilities(
    values: np.ndarray, classes: tuple[str, ...], truth: int | None, colour: str, top: int = 5
) -> go.Figure:
    """The likeliest classes as bars, the true one marked. values [classes]"""
    order = np.argsort(values)[::-1][:top][::-1]
    names = [f"<b>{classes[i]}</b> (true)" if i == truth else classes[i] for i in order]
    figure = go.Figure(
        go.Bar(
            x=values[order],
            y=names,
            orientation="h",
            marker={"color": colour},
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
    names: list[str], accuracies: list[float], colours: list[str], chance: float, *, foot: bool = True
) -> str:
    """Test accuracies (shares) as labelled bars, chance marked (and named in a `foot`). HTML: the first page
    need not wait for plotly.js.

    The classes stand in style.css. Names and colours are our own, never a user's text.
    """
    rows = "".join(
        f'<div class="bar-name">{name}</div><div class="bar-track">'
        f'<div class="bar-fill" style="width:{share:.2%};background:{colour};color:{_ink(colour)}">'
        f'{100 * share:.1f} %</div><div class="bar-chance" style="left:{chance:.0%}"></div></div>'
        for name, share, colour in zip(names, accuracies, colours, strict=True)
    )
    text = ", ".join(f"{n} {100 * a:.1f} %" for n, a in zip(names, accuracies, strict=True))
    label = f"test accuracy: {text}; chance {100 * chance:.0f} %"
    word = f'<div></div><div class="bar-foot"><span style="left:{chance:.0%}">chance</span></div>'
    return f'<div class="bars" role="img" aria-label="{label}">{rows}{word if foot else ""}</div>'


def _ink(colour: str) -> str:
    """White or near-black, whichever is read better on `#rrggbb` (relative luminance of WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return "#fff" if luminance < 0.25 else "#14171a"
