"""Training curves as one Plotly figure: accuracy and cross-entropy, or else the first other metrics."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.figures import apply_layout, in_percent
from dashboard.shared import curve_axes, run_curves
from vitcore import numbers
from vitcore.errors import UserError
from vitcore.runs.folder import Run

LOG_TICKS = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5)]
PANELS = len(run_curves.MAIN)


def figure(runs: Sequence[Run], look: run_curves.CurveStyle) -> go.Figure:
    """Draw the main curves of runs, or their first other metrics if there are no main ones.

    Raise `UserError` if there is no point to draw.
    """
    panels = _panels(runs, run_curves.MAIN, look)
    panels = panels or _panels(runs, [(tag,) for tag in run_curves.other_tags(runs)], look)[:PANELS]
    if not panels:
        names = " and ".join(run.title for run in runs)
        raise UserError(
            f"There are no finite values of {names} over this axis: choose another axis, or other runs."
        )
    made = make_subplots(1, len(panels), horizontal_spacing=0.1)
    named: set[tuple[str, str]] = set()  # the entries of the legend
    for column, (tags, drawing) in enumerate(panels, start=1):
        quantity = tags[-1].rsplit("_", 1)[-1]
        for item in drawing.items:
            entry = item["group"], item["name"]
            in_legend = item["legend"] and entry not in named
            named |= {entry} if in_legend else set()
            y = [in_percent(share) for share in item["y"]] if quantity == "acc" else item["y"]
            made.add_trace(
                go.Scatter(
                    x=item["x"] or [None],
                    y=y or [None],
                    name=html.escape(item["name"]),
                    legendgroup=item["group"],
                    mode="lines+markers" if item["markers"] else "lines",
                    line={"color": _plain(item["color"]), "dash": item["dash"], "width": 2},
                    showlegend=in_legend,
                ),
                1,
                column,
            )
        title = run_curves.TITLES.get(quantity, html.escape(run_curves.readable(tags[-1])))
        made.update_xaxes(title_text=_axis_title(look.axis, drawing), col=column)
        made.update_yaxes(title_text=title, col=column)
        if quantity == "acc":
            made.update_yaxes(ticksuffix=" %", col=column)
        if look.log and quantity == "loss":
            # Plotly's own ticks would label 0.5 as 5
            made.update_yaxes(type="log", tickvals=LOG_TICKS, col=column)
    made = apply_layout(made, 400, l=60, b=50, t=30)
    return made.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})


def _panels(
    runs: Sequence[Run], metrics: Sequence[Sequence[str]], look: run_curves.CurveStyle
) -> list[tuple[Sequence[str], run_curves.Drawing]]:
    """Return the tags and the curves of each panel. Empty if no panel has a point."""
    # colors for dark backgrounds are visible on light ones, too
    drawn = [(tags, run_curves.collect(runs, tags, look, dark=True)) for tags in metrics]
    return [] if all(drawing.empty for _, drawing in drawn) else drawn


def _axis_title(axis: str, drawing: run_curves.Drawing) -> str:
    left_out = sum(drawing.far.values()) + sum(drawing.large.values())
    without = f", without {numbers.count(left_out, 'point')} far beyond the others" if left_out else ""
    return f"{curve_axes.AXES[axis]}{without}"


def _plain(color: str) -> str:
    """Convert `#rrggbbaa` to a color that Plotly accepts in Python."""
    if len(color) != 9:
        return color
    red, green, blue, opacity = (int(color[i : i + 2], 16) for i in (1, 3, 5, 7))
    return f"rgba({red},{green},{blue},{opacity / 255:.2f})"
