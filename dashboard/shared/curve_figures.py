"""Training curves as one Plotly figure, with accuracy on the left and cross-entropy on the right."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.figures import apply_layout, in_percent
from dashboard.shared import run_curves
from vitcore.errors import UserError
from vitcore.runs.folder import Run

LOG_TICKS = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5)]


def figure(runs: Sequence[Run], look: run_curves.CurveStyle) -> go.Figure:
    """Draw the main curves of runs. Raise `UserError` if the first run has none over the chosen axis."""
    made = make_subplots(1, 2, horizontal_spacing=0.1)
    for column, tags in enumerate(run_curves.MAIN, start=1):
        drawing = run_curves.collect(runs, tags, look, dark=True)  # visible on light backgrounds, too
        if column == 1 and not any(item["x"] for item in drawing.items):
            raise UserError(f"{runs[0].title} has no curves over this axis: choose another axis.")
        for item in drawing.items:
            y = [in_percent(share) for share in item["y"]] if column == 1 else item["y"]
            made.add_trace(
                go.Scatter(
                    x=item["x"] or [None], y=y or [None],
                    name=html.escape(item["name"]), legendgroup=item["group"],
                    mode="lines+markers" if item["markers"] else "lines",
                    line={"color": _plain(item["color"]), "dash": item["dash"], "width": 2},
                    showlegend=item["legend"] and column == 1,
                ),
                1,
                column,
            )  # fmt: skip
        quantity = tags[-1].rsplit("_", 1)[-1]
        made.update_xaxes(title_text=run_curves.AXES[look.axis], col=column)
        made.update_yaxes(title_text=run_curves.TITLES[quantity], col=column)
    made.update_yaxes(ticksuffix=" %", col=1)
    if look.log:
        made.update_yaxes(type="log", tickvals=LOG_TICKS, col=2)  # Plotly's own ticks would label 0.5 as 5
    made = apply_layout(made, 400, l=60, b=50, t=30)
    return made.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})


def _plain(color: str) -> str:
    """Convert `#rrggbbaa` to a color that Plotly accepts in Python."""
    if len(color) != 9:
        return color
    red, green, blue, opacity = (int(color[i : i + 2], 16) for i in (1, 3, 5, 7))
    return f"rgba({red},{green},{blue},{opacity / 255:.2f})"
