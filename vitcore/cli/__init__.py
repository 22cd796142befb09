"""The commands of the command line, one module per subject. Commands import torch only when they need it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="ViT Lab without the browser: train, launch, watch and evaluate. RUN is a run's id or its folder.",
)

RunsDir = Annotated[
    Path | None,
    typer.Option("--runs-dir", help="The folder of your runs.  [default: $VITLAB_RUNS, else runs/]"),
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the path of its folder.")]
RunNames = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Ids of runs, or paths of their folders.")
]
Data = Annotated[
    str | None, typer.Option(help="cifar10-mini, cifar10 or folder:PATH.  [default: cifar10-mini]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def to_json(value: Any) -> str:
    """Return the text that `--json` prints. NaN and infinity, which JSON does not have, become null."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
