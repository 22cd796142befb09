"""The command line: `python -m vitcore --help`. Results go to stdout, everything else to stderr.

A wrong input ends with one sentence on stderr and exit code 2. Commands import torch only when they need it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError

UsageError: type[Exception] = typer.BadParameter.__base__  # click's, which newer typers carry inside

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
Model = Annotated[str | None, typer.Option(help=f"{', '.join(ARCHITECTURES)}.  [default: vit]")]
Data = Annotated[
    str | None, typer.Option(help="cifar10-mini, cifar10 or folder:PATH.  [default: cifar10-mini]")
]
Recipe = Annotated[str | None, typer.Option(help="quick, modern or tutorial.  [default: quick]")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training images.  [default: the recipe's]")]
BatchSize = Annotated[int | None, typer.Option(help="Images per step.  [default: the recipe's]")]
Rate = Annotated[float | None, typer.Option("--lr", help="Peak learning rate.  [default: the recipe's]")]
Seed = Annotated[int | None, typer.Option(help="Of initial weights, order and augmentation.  [default: 0]")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.  [default: auto]")]
Devices = Annotated[
    int | None, typer.Option(help="Devices on each machine that share every batch.  [default: 1]")
]
Nodes = Annotated[int | None, typer.Option(help="Machines that train together, see README.  [default: 1]")]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting, e.g. --set patch_size=8. Repeatable."
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A config.yaml to repeat; other options override it.")
]
Resume = Annotated[
    str | None, typer.Option(metavar="RUN", help="Go on with this run; it keeps its settings.")
]
Title = Annotated[str, typer.Option(help="What to call the run.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _config(file: Path | None, settings: list[str] | None, **options: Any) -> Any:
    """A checked configuration out of command-line options; None means not given."""
    from vitcore.config import build_config, make_config, read_config

    given = {name: value for name, value in options.items() if value is not None}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set needs NAME=VALUE, not {setting!r}.")
        try:
            given[name.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--set {name}: {value!r} is not a value that YAML understands.") from None
    if file is None:
        return make_config(**given)
    values = read_config(file).model_dump()
    if "recipe" in given or given.get("model", values["model"]) != values["model"]:
        raise UserError("--config already names the recipe and the model: leave out --recipe and --model.")
    inner = ARCHITECTURES[values["model"]].options
    for name, value in given.items():
        (values["options"] if name in inner.model_fields else values)[name] = value
    return build_config(**{**values, "classes": None})


def _training_command(
    start: Callable[[Any, str | None, Path | None, str], Path | None],
) -> Callable[..., None]:
    """A command with all options of a training; `train` and `launch` differ only in what starts it."""

    def command(
        model: Model = None,
        data: Data = None,
        recipe: Recipe = None,
        epochs: Epochs = None,
        batch_size: BatchSize = None,
        lr: Rate = None,
        seed: Seed = None,
        device: Device = None,
        devices: Devices = None,
        nodes: Nodes = None,
        settings: Setting = None,
        config: ConfigFile = None,
        title: Title = "",
        resume: Resume = None,
        runs_dir: RunsDir = None,
    ) -> None:
        options = dict(model=model, data=data, recipe=recipe, epochs=epochs)
        options |= dict(batch_size=batch_size, lr=lr, seed=seed, device=device)
        options |= dict(devices=devices, nodes=nodes)
        if resume and (config or settings or title or any(v is not None for v in options.values())):
            raise UserError("--resume keeps the run's settings: leave out the other options.")
        chosen = None if resume else _config(config, settings, **options)
        if path := start(chosen, resume, runs_dir, title):  # none on the ranks after the first
            print(path)

    return command


def _train(config: Any, resume: str | None, runs_dir: Path | None, title: str) -> Path | None:
    from vitcore.training import train

    with contextlib.redirect_stdout(sys.stderr):
        run = train(config, resume=resume, runs_dir=runs_dir, title=title)
    if run is None:
        return None
    status = run.status()
    if status.state == "finished":
        accuracy, count = 100 * status.result["test_acc"], status.result["n_test"]
        print(f"test accuracy {accuracy:.2f} % (n = {count:,})", file=sys.stderr)
    else:
        print(f"{status.state}: --resume {run.id} goes on", file=sys.stderr)
    return run.path


def _launch(config: Any, resume: str | None, runs_dir: Path | None, title: str) -> Path:
    from vitcore.runs import launch
    from vitcore.runs.folder import find_run

    run = (
        launch.resume(find_run(resume, runs_dir)) if resume else launch.launch(config, runs_dir, title=title)
    )
    return run.path


app.command(
    "train", help="Train here, with a progress bar; prints the run folder last. Ctrl-C saves and stops."
)(_training_command(_train))
app.command("launch", help="Queue a training in the background and return at once; prints the run folder.")(
    _training_command(_launch)
)


@app.command()
def stop(run: RunName, runs_dir: RunsDir = None) -> None:
    """Ask a queued or running training to save and end."""
    from vitcore.runs import launch as background
    from vitcore.runs.folder import find_run

    background.stop(find_run(run, runs_dir))


@app.command()
def describe(
    run: RunName,
    title: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    note: Annotated[str | None, typer.Option(help="What to remember about it.")] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Change a run's title or note."""
    from vitcore.runs import manage
    from vitcore.runs.folder import find_run

    if title is None and note is None:
        raise UserError("Nothing to change: give --title or --note.")
    manage.describe(find_run(run, runs_dir), title, note)


@app.command()
def delete(run: RunName, runs_dir: RunsDir = None) -> None:
    """Remove a run that is over, for good."""
    from vitcore.runs import manage
    from vitcore.runs.folder import find_run

    manage.delete(find_run(run, runs_dir), runs_dir)


@app.command()
def evaluate(run: RunName, data: Data = None, as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """Print the accuracy of a run's weights on the test images of its dataset, or of another."""
    from vitcore.models.evaluate import evaluate_run
    from vitcore.runs.folder import find_run

    with contextlib.redirect_stdout(sys.stderr):
        found = find_run(run, runs_dir)
        name = data or found.config.data
        score = evaluate_run(found, name)
    if as_json:
        print(
            json.dumps(
                {
                    "run": found.id,
                    "data": name,
                    "accuracy": score.accuracy,
                    "loss": score.loss,
                    "n": score.count,
                }
            )
        )
    else:
        print(f"{100 * score.accuracy:.2f} %, n = {score.count:,} test images of {name}")


@app.command()
def runs(as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """List the bundled and your own runs."""
    from vitcore.runs.listing import as_rows, print_table

    rows = as_rows(runs_dir)
    if as_json:
        print(json.dumps(rows))
    else:
        print_table(rows)


@app.command()
def data(name: Annotated[str, typer.Argument(help="cifar10, cifar10-mini or folder:PATH")]) -> None:
    """Check a dataset, downloading cifar10 where it is missing; prints its counts."""
    from vitcore.data import load_dataset

    with contextlib.redirect_stdout(sys.stderr):
        found = load_dataset(name)
        counts = len(found.train), len(found.test), len(found.classes)
    print(f"{name}: {counts[0]:,} training and {counts[1]:,} test images in {counts[2]} classes")


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="PATH_OR_URL", help="A published checkpoint, or `tutorial` for all five.")
    ],
    events: Annotated[
        str | None,
        typer.Option(metavar="PATH_OR_URL", help="Its TensorBoard event file.  [default: beside it]"),
    ] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Turn a checkpoint of the tutorial into a run; prints its folder last."""
    from vitcore.models.published import import_checkpoint, import_tutorial

    if source == "tutorial":
        runs = import_tutorial(runs_dir, _show_progress)
    else:
        runs = [import_checkpoint(source, runs_dir, events=events, progress=_show_progress)]
    for run in runs:
        print(run.path)


def _show_progress(done: int, total: int | None) -> None:
    end = f"of {total / 1e6:.1f} MB" if total else "MB"
    print(f"\r{done / 1e6:.1f} {end}", end="\n" if done == total else "", file=sys.stderr, flush=True)


@app.command()
def export(
    run: RunName,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write the new run folder.")],
    snapshots: Annotated[int, typer.Option(help="How many snapshots along the way, log-spaced.", min=0)] = 0,
    weights: Annotated[bool, typer.Option(help="With the weights, or the curves and results alone.")] = True,
    runs_dir: RunsDir = None,
) -> None:
    """Copy a finished run for sharing: half-precision weights, tested again, curves, no resume checkpoint."""
    from vitcore.models.export import export_run
    from vitcore.runs.folder import find_run

    with contextlib.redirect_stdout(sys.stderr):
        exported = export_run(find_run(run, runs_dir), out, snapshots=snapshots, weights=weights)
    print(exported.path)


@app.command()
def probe(
    name: Annotated[str, typer.Argument(help="first-look: the maps that the first page shows")],
    run_names: Annotated[list[str], typer.Option("--runs", metavar="RUN", help="Repeatable.")],
    runs_dir: RunsDir = None,
) -> None:
    """Measure something on trained models and store it in their run folders."""
    from vitcore.analysis.first_look import measure
    from vitcore.runs.folder import find_run

    if name != "first-look":
        raise UserError(f"Unknown probe {name!r}: choose first-look.")
    for run in run_names:
        print(measure(find_run(run, runs_dir)))


def main() -> None:
    """Run the command line; every expected error is one sentence and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except UsageError as error:
        print(f"{error.format_message().rstrip('.')}: --help lists what there is.", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a path that cannot be read or written, a full disk
        where = f" ({error.filename})" if error.filename else ""
        print(f"{error.strerror or error}{where}.", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
