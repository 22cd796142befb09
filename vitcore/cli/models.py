"""Commands about datasets and trained models: evaluate, import, export."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitcore.architectures import ARCHITECTURES
from vitcore.cli import Data, Json, RunName, RunsDir, app, to_json
from vitcore.cli.settings import parse_settings
from vitcore.errors import UserError

if TYPE_CHECKING:
    from vitcore.data import Dataset
    from vitcore.runs.folder import Run


@app.command()
def evaluate(run: RunName, data: Data = None, as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """Print the accuracy of a run's weights on the test images of its dataset, or of another."""
    from vitcore import numbers
    from vitcore.models.evaluate import evaluate_run
    from vitcore.runs.folder import find_run

    with contextlib.redirect_stdout(sys.stderr):
        found = find_run(run, runs_dir)
        name = data or found.config.data
        score = evaluate_run(found, name)
    if as_json:
        row = {"run": found.id, "data": name, "accuracy": score.accuracy, "loss": score.loss}
        print(to_json({**row, "n": score.count}))
    else:
        print(f"{numbers.percent(score.accuracy)}, {numbers.sample(score.count)} test images of {name}")


@app.command()
def data(
    name: Annotated[str, typer.Argument(help="cifar10, cifar10-mini, photos or folder:PATH")],
    as_json: Json = False,
) -> None:
    """Check a dataset, downloading cifar10 if it is missing; print what a training would use.

    With --json, images that cannot be read are part of the output and not an error.
    """
    from vitcore.data import folder, load_dataset

    with contextlib.redirect_stdout(sys.stderr):
        found = load_dataset(name)
    if as_json:
        print(to_json(_described(found)))
        return
    if found.listing:
        for line in found.listing.lines():
            print(line)
        plain: list[Path] = []
        unreadable = folder.check(found.listing, decode_all=True, plain=plain)
        if plain:
            print(folder.about_plain(found.listing, plain))
        if unreadable:
            for fault in unreadable:
                print(fault.reason)
            raise folder.refuse(found.listing, unreadable)
        return
    if found.names:
        print(f"{name}: {len(found.test)} photographs without labels")
        return
    counts = f"{len(found.train):,} training and {len(found.test):,} test images"
    print(f"{name}: {counts} in {len(found.classes)} classes")


def _described(found: Dataset) -> dict[str, Any]:
    """Return what `data --json` prints. Decodes all images of a folder and reports its progress."""
    from vitcore.child import report_progress
    from vitcore.data import folder
    from vitcore.data.images import shown_path

    row: dict[str, Any] = {"data": found.name, "classes": list(found.classes)}
    if found.names:
        return {**row, "images": len(found.test), "train": 0, "test": len(found.test), "unreadable": []}
    if not (listing := found.listing):
        train, test = len(found.train), len(found.test)
        return {**row, "images": train + test, "train": train, "test": test, "unreadable": []}
    total = len(listing.files)
    every = max(1, total // 200)

    def report(done: int) -> None:
        if done % every == 0 or done == total:
            report_progress(done, total)

    unreadable = [
        {"file": shown_path(fault.file.relative_to(listing.place)), "reason": fault.reason}
        for fault in folder.check(listing, decode_all=True, report=report)
    ]
    parts = {"train": listing.train, "validation": listing.validation, "test": listing.test}
    counts = {part: sum(map(len, files.values())) for part, files in parts.items()}
    return {**row, "images": listing.found, **counts, "report": listing.lines(), "unreadable": unreadable}


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A zip file from `export`, a checkpoint, a safetensors file, a folder with config.json and "
            "weights, the address of a file, a model of the Hugging Face Hub such as "
            "timm/deit_tiny_patch16_224.fb_in1k, or `tutorial` for the five published checkpoints.",
        ),
    ],
    events: Annotated[
        str | None,
        typer.Option(
            metavar="PATH_OR_URL",
            help="Its TensorBoard event file.  [default: the one next to it, or above checkpoints/]",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"The network of weights that do not say it: {', '.join(ARCHITECTURES)}. Its options are "
            "inferred from the shapes where possible."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another setting of the model, e.g. num_heads=8. Repeatable."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The dataset of its classes.  [default: cifar10 with --model, photos for a foreign model]"
        ),
    ] = None,
    as_json: Json = False,
    runs_dir: RunsDir = None,
) -> None:
    """Import a zip file from `export`, or a checkpoint, as a run; prints its folder last.

    A checkpoint of the UvA tutorials describes itself, and so do Vision Transformers of timm, transformers,
    torchvision, and of the authors of DINO, DINOv2, MAE, DeiT and CLIP, and ResNets of timm and torchvision.
    Any other PyTorch or safetensors file with the weights of a network of ViT Lab needs --model.
    """
    described = {"model": model, "data": data, "settings": parse_settings(settings)}
    zipped = source.lower().endswith(".zip") and Path(source).is_file()
    complete = source == "tutorial" or zipped
    existing = False
    if complete and any(described.values()):
        raise UserError(f"{source} is complete: leave out --model, --set and --data.")
    progress = _report if as_json else _show_progress
    if zipped:
        from vitcore.exchange.archive import unpack_run
        from vitcore.runs.status import printable

        runs = [unpack_run(Path(source), runs_dir)]
        print(f"Imported {printable(runs[0].title)}.", file=sys.stderr)
    elif source == "tutorial":
        from vitcore.exchange.published import import_tutorial

        runs = import_tutorial(runs_dir, progress)
    else:
        from vitcore.exchange.checkpoint import import_checkpoint
        from vitcore.runs.folder import list_runs
        from vitcore.runs.status import printable

        before = {run.id for run in list_runs(runs_dir, bundled=False)}
        runs = [import_checkpoint(source, runs_dir, events=events, progress=progress, **described)]
        existing = runs[0].id in before
        if existing and not as_json:
            print(f"These weights are already there: {printable(runs[0].title)}.", file=sys.stderr)
    if as_json:
        print(to_json({"runs": [_row(run, existing=existing) for run in runs]}))
        return
    for run in runs:
        if not zipped:
            print(run.stored_status().reason, file=sys.stderr)
        print(run.path)


def _row(run: Run, *, existing: bool) -> dict[str, Any]:
    """Return what `import --json` says about a run. `existing` ones had been imported before."""
    reason = run.stored_status().reason
    return {"run": run.id, "title": run.title, "path": str(run.path), "existing": existing, "reason": reason}


def _report(done: int, total: int | None) -> None:
    """Report the bytes of a download to the parent process."""
    from vitcore.child import report_progress

    if total:
        report_progress(done, total)


def _show_progress(done: int, total: int | None) -> None:
    end = f"of {total / 1e6:.1f} MB" if total else "MB"
    print(f"\r{done / 1e6:.1f} {end}", end="\n" if done == total else "", file=sys.stderr, flush=True)


LIKE_A_FILE = re.compile(r"\.[a-z][a-z0-9]{0,11}")  # a file extension; `my-run-v1.5` is a folder


@app.command()
def export(
    run: RunName,
    out: Annotated[
        Path, typer.Argument(metavar="PLACE", help="A new folder, or a new file *.zip or *.onnx.")
    ],
    snapshots: Annotated[int, typer.Option(help="Number of snapshots to include, log-spaced.", min=0)] = 0,
    weights: Annotated[
        bool, typer.Option(help="Include the weights, or only the curves and results.")
    ] = True,
    as_json: Json = False,
    runs_dir: RunsDir = None,
) -> None:
    """Export a run without its resume checkpoint and its log. The suffix of PLACE sets the format.

    A folder gets safetensors in half precision, tested again, and config.yaml. NAME.zip holds the unchanged
    weights and can be imported into any runs folder. NAME.onnx holds only the model, compared with torch on
    100 test images.
    """
    from vitcore.runs.folder import find_run
    from vitcore.runs.listing import size_of
    from vitcore.runs.status import printable

    found, kind, about = find_run(run, runs_dir), out.suffix.lower(), {}
    with contextlib.redirect_stdout(sys.stderr):
        if kind == ".onnx":
            if snapshots or not weights:
                raise UserError(
                    "An ONNX file holds only the best weights: leave out --snapshots and --no-weights."
                )
            from vitcore.exchange.onnx import export_onnx

            report = export_onnx(found, out)
            about = {name: getattr(report, name) for name in ("images", "data", "difference", "scale")}
            about["words"] = str(report)
        elif kind == ".zip":
            from vitcore.exchange.archive import pack_run, write_new

            write_new(out, pack_run(found, snapshots=snapshots, weights=weights))
        elif LIKE_A_FILE.fullmatch(kind):
            raise UserError(
                f"{kind} is not a format of export: name a folder (for best.safetensors and config.yaml), "
                "a file *.zip or a file *.onnx."
            )
        else:
            from vitcore.exchange.folder import export_run

            export_run(found, out, snapshots=snapshots, weights=weights)
    size = size_of(out) if out.is_dir() else out.stat().st_size
    print(f"Exported {printable(found.title)}, {size / 1e6:.1f} MB.", file=sys.stderr)
    if as_json:
        print(to_json({"run": found.id, "path": str(out.absolute()), **about}))
    else:
        print(*([about["words"]] if about else []), out, sep="\n")
