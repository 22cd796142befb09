"""The figures of token norms and of the attention that outliers receive. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing import theme
from dashboard.drawing.csv_rows import point_rows, table
from dashboard.drawing.figures import COLORSCALE, Figure, apply_layout

BRIGHTEST = 3.0  # norms, in multiples of the median, from which the color no longer changes
MARK = "#D55E00"


def layer_names(count: int) -> list[str]:
    """Return the names of the points before the first block and after each of the `count` - 1 blocks."""
    return ["input", *map(str, range(1, count))]


def token_names(prefix: Sequence[str], patches: int) -> list[str]:
    """Return the names of all tokens: CLS, register 1, ..., then row 1, column 1, ..."""
    side = round(patches**0.5)
    words = ["CLS" if name == "cls" else name.replace("register", "register ").strip() for name in prefix]
    return [*words, *(f"row {i // side + 1}, column {i % side + 1}" for i in range(patches))]


def short_names(prefix: Sequence[str]) -> list[str]:
    """Return names of the tokens before the patches that fit below a narrow column: CLS, R1, ..., dist."""
    words = {"cls": "CLS", "distillation": "dist."}
    return [words.get(name, name.replace("register", "R")) for name in prefix]


def norms(values: np.ndarray, outliers: np.ndarray, prefix: Sequence[str]) -> Figure:
    """Draw the norms of all tokens in multiples of the median of the patches, with the outliers marked.

    values float [layers + 1, T], outliers bool [layers + 1, T]. `prefix` names the tokens before the patches.
    """
    first, layers = len(prefix), layer_names(len(values))
    names = token_names(prefix, values.shape[1] - first)
    median = np.maximum(np.median(values[:, first:], axis=1, keepdims=True), 1e-12)
    ratios = values / median
    parts = [slice(0, first), slice(first, None)] if first else [slice(0, None)]
    widths = [min(0.3, 0.03 + 0.035 * first), 0.0] if first else [1.0]
    widths[-1] = 1 - sum(widths[:-1])
    plot = make_subplots(1, len(parts), shared_yaxes=True, column_widths=widths, horizontal_spacing=0.02)
    top = float(min(BRIGHTEST, ratios.max()))
    for column, part in enumerate(parts, start=1):
        x, last = list(range(len(names[part]))), column == len(parts)
        plot.add_heatmap(
            z=ratios[:, part],
            x=x,
            y=layers,
            customdata=np.dstack([values[:, part], np.tile(names[part], (len(layers), 1))]),
            colorscale=COLORSCALE,
            zmin=0,
            zmax=top,
            showscale=last,
            colorbar={
                "title": {"text": "norm / median", "side": "right", "font": {"size": 13}},
                "thickness": 10,
            },
            hovertemplate="%{customdata[1]}, layer %{y}: norm %{customdata[0]:.4g}, "
            "%{z:.2f} times the median<extra></extra>",
            row=1,
            col=column,
        )
        rows, columns = np.nonzero(outliers[:, part])
        plot.add_scatter(
            x=columns,
            y=[layers[row] for row in rows],
            mode="markers",
            marker={"symbol": "circle-open", "size": 8, "color": MARK, "line": {"width": 2}},
            hoverinfo="skip",
            row=1,
            col=column,
        )
        ticks = {"tickvals": x, "ticktext": short_names(prefix), "tickangle": -60}
        if last:
            side = round(len(x) ** 0.5)
            step = -(-side // 6)  # so that the labels do not overlap
            places = list(range(0, side, step))
            ticks = {"tickvals": [(place + 0.5) * side - 0.5 for place in places], "tickangle": 0}
            ticks["ticktext"] = ["row 1", *(str(place + 1) for place in places[1:])]
        plot.update_xaxes(**ticks, range=[-0.5, len(x) - 0.5], fixedrange=True, row=1, col=column)
    plot.update_yaxes(type="category", fixedrange=True, showgrid=False)
    plot.update_yaxes(title={"text": "after layer", "font": {"size": 13}}, row=1, col=1)
    plot.update_xaxes(showgrid=False)
    rows = [
        ["norm", names[token], layers[layer], values[layer, token], ratios[layer, token],
         "yes" if outliers[layer, token] else "no"]
        for layer, token in np.ndindex(*values.shape)
    ]  # fmt: skip
    columns = ["series", "token", "layer", "norm", "norm / median", "outlier"]
    height = 110 + 20 * len(layers)
    return Figure(apply_layout(plot, height, l=60, r=8, t=8, b=52 if first else 30), table(columns, rows))


def shares(groups: dict[str, tuple[np.ndarray, np.ndarray]], tokens: int) -> Figure:
    """Draw the share of attention that groups of tokens receive in each layer, and that of uniform attention.

    `groups` has, by name, a group's share [layers] and its number of tokens [layers], of `tokens` in total.
    The first group is that for which uniform attention is drawn.
    """
    styles = [(MARK, "solid"), (theme.hue("vit"), "dash"), (theme.OTHER, "dashdot")]
    plot, rows = go.Figure(), []
    for number, (name, (share, count)) in enumerate(groups.items()):
        x, (color, dash) = list(range(1, len(share) + 1)), styles[number]
        lines = [(name, share, dash, 2.5)]
        if not number:
            lines.append((f"{name}, if attention were uniform", count / tokens, "dot", 1.5))
        for title, values, shape, width in lines:
            plot.add_scatter(
                x=x,
                y=100 * values,
                customdata=count,
                name=title,
                mode="lines+markers" if width > 2 else "lines",
                line={"color": color, "dash": shape, "width": width},
                hovertemplate=f"{title}, %{{customdata}} tokens: %{{y:.2f}} %<extra></extra>",
            )
            rows += point_rows([title], x, 100 * values, count)
    plot.update_xaxes(title={"text": "layer", "font": {"size": 13}}, fixedrange=True, showgrid=False)
    plot.update_xaxes(tickformat="d", nticks=12)
    text = "share of attention, %"
    plot.update_yaxes(title={"text": text, "font": {"size": 13}}, rangemode="tozero", fixedrange=True)
    lines_of_legend = len(groups) + 1
    apply_layout(plot, 270 + 22 * lines_of_legend, l=46, r=8, t=8, b=50 + 22 * lines_of_legend)
    plot.update_layout(
        showlegend=True,
        hovermode="x unified",
        legend={"orientation": "v", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
    )
    return Figure(plot, table(["series", "layer", text, "tokens"], rows))
