"""The figure of deletion and insertion: curves of maps, and of random orders. Pure functions."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from plotly.subplots import make_subplots

from dashboard.drawing.csv_rows import ERROR, point_rows, table
from dashboard.drawing.figures import Figure, apply_layout
from vitcore.attribution.checks import Curves, MapCheck

HEIGHT = 300
PANELS = {"deletion": "Deletion", "insertion": "Insertion"}


def curves(checks: list[tuple[str, str, MapCheck]], named: str) -> Figure:
    """Draw both curves of each map (title, color, checks), and the mean of random orders with its error.

    `named` is the class whose probability is drawn.
    """
    figure = make_subplots(1, 2, subplot_titles=list(PANELS.values()), horizontal_spacing=0.09)
    rows: list[list[Any]] = []
    for column, (field, panel) in enumerate(PANELS.items(), start=1):
        for title, color, check in checks:
            own, (mean, error) = getattr(check.curves, field), mean_curve(check.orders, field)
            x = 100 * np.linspace(0, 1, len(own))
            shade = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
            figure.add_scatter(
                x=[*x, *x[::-1]],
                y=[*100 * (mean + error), *100 * (mean - error)[::-1]],
                fill="toself",
                mode="lines",
                line={"width": 0},
                hoverinfo="skip",
                row=1,
                col=column,
                fillcolor=f"rgba({shade[0]},{shade[1]},{shade[2]},0.2)",
                showlegend=False,
            )
            for name, y, dash, width in (
                (title, own, "solid", 2.5),
                (f"{title}, random order", mean, "dot", 1.5),
            ):
                figure.add_scatter(
                    x=x,
                    y=100 * y,
                    mode="lines",
                    name=html.escape(name),
                    row=1,
                    col=column,
                    line={"color": color, "dash": dash, "width": width},
                    showlegend=column == 1,
                    hovertemplate=f"{html.escape(name)}: %{{y:.1f}} %<extra></extra>",
                )
            rows += point_rows([panel, title, "map"], x, 100 * own, np.full(len(x), np.nan))
            rows += point_rows([panel, title, "random orders"], x, 100 * mean, 100 * error)
        changed = "deleted" if field == "deletion" else "inserted"
        size = {"size": 13}
        figure.update_xaxes(
            title={"text": f"{changed} cells, %", "font": size}, fixedrange=True, row=1, col=column
        )
        figure.update_yaxes(range=[0, 102], fixedrange=True, zeroline=False, row=1, col=column)
    text = f"probability of {html.escape(named)}, %"
    figure.update_yaxes(title={"text": text, "font": {"size": 13}}, row=1, col=1)
    for column, title in enumerate(figure.select_annotations(), start=1):
        domain = f"x{'' if column == 1 else column} domain"
        title.update(x=0, xref=domain, xanchor="left", font={"size": 14})
    lines = 2 * len(checks)
    plot = apply_layout(figure, HEIGHT + 22 * lines, l=46, r=8, t=30, b=58 + 22 * lines)
    plot.update_layout(
        showlegend=True,
        hovermode="x unified",
        legend={"orientation": "v", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
    )
    columns = ["panel", "map", "order", "changed cells, %", f"probability of {named}, %", ERROR]
    return Figure(plot, table(columns, rows))


def mean_curve(orders: list[Curves], field: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean curve of random orders and its standard error. -> two arrays [points]"""
    found = np.stack([getattr(order, field) for order in orders])
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
