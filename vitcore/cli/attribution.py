"""The command that asks which regions of an image support a class: attribute."""

from __future__ import annotations

import csv
import sys
from typing import Annotated, Any

import typer

from vitcore.attribution import METHODS
from vitcore.cli import Json, RunName, RunsDir, app, to_json
from vitcore.cli.settings import parse_settings


@app.command(
    help="Compute which regions of a test image support a class, as CSV. Methods: "
    f"{', '.join(METHODS)}. With --check, compare with random weights and random orders of the regions."
)
def attribute(
    run: RunName,
    method: Annotated[
        str | None, typer.Option(help="The method.  [default: relevance for a ViT, else grad-cam]")
    ] = None,
    image: Annotated[
        int, typer.Option(help="The number of the image among all test images, from 1.", min=1)
    ] = 1,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The name of the class.  [default: the predicted one]")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the method, e.g. fusion=max. Repeatable."
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Also check the map, which takes longer.")] = False,
    as_json: Json = False,
    runs_dir: RunsDir = None,
) -> None:
    from vitcore.attribution.command import attribution
    from vitcore.runs.folder import find_run

    found = find_run(run, runs_dir)
    result = attribution(found, image - 1, class_name, method, parse_settings(settings), check=check)
    if as_json:
        print(to_json(result))
        return
    print(_heading(result), file=sys.stderr)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["row", "column", "value"])
    for row, values in enumerate(result["map"], start=1):
        rows.writerows([row, column, f"{value:.6g}"] for column, value in enumerate(values, start=1))


def _heading(result: dict[str, Any]) -> str:
    lines = [f"{result['title']} of {result['run']} for {result['class']}. {result['misleads']}"]
    if result["remark"]:
        lines.append(result["remark"])
    if check := result.get("check"):
        for name, (mean, error) in check["random"].items():
            own = f"{check['map'][name]:.3f}, random " if name in check["map"] else ""
            lines.append(f"{name}: {own}{mean:.3f} ± {error:.3f}")
    return "\n".join(lines)
