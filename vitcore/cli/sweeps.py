"""Commands about sweeps: groups of runs that are launched and analyzed together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vitcore import numbers
from vitcore.cli import Data, Json, RunsDir, app, to_json
from vitcore.cli.settings import parse_settings, parse_value_lists
from vitcore.cli.training import BatchSize, Device, Epochs, Minutes, Recipe, Setting, config_of, print_report
from vitcore.errors import UserError
from vitcore.reading import short

sweep = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Groups of runs: models on shares of the training images, or one setting at a time.",
)
app.add_typer(sweep, name="sweep")

Seeds = Annotated[
    str, typer.Option(metavar="N,N", help="Train every configuration with each of these seeds.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the runs without launching them.")]
SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="The name of a sweep, see `sweep list`.")]


def _numbers(text: str, option: str, kind: type) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        example = "0,1" if kind is int else "5,10,25"
        raise UserError(
            f"{option} needs numbers separated by commas, such as {example}, not {short(text)}."
        ) from None


def _launch(plan: Any, runs_dir: Path | None, device: str | None, dry_run: bool) -> None:
    from vitcore.runs.listing import print_aligned
    from vitcore.sweeps.sweep import launch_sweep
    from vitcore.sweeps.wording import images_of, length_of

    print_report(plan.entries[0].config)  # all runs of a sweep have the same data
    if words := images_of([entry.config for entry in plan.entries]):
        print(words, file=sys.stderr)
    if dry_run:
        lines = [("run", "recipe", "data", "length", "seed")]
        for entry in plan.entries:
            config = entry.config
            lines.append((entry.title, config.recipe, config.data, length_of(config), str(config.seed)))
        print_aligned(lines, 3)
        print(f"{numbers.count(len(plan.entries), 'run')}; nothing was launched.", file=sys.stderr)
        return
    launched = launch_sweep(plan, runs_dir, device=device)
    print(f"Sweep {launched.name}: {len(launched.runs)} runs are queued.", file=sys.stderr)
    for run in launched.runs:
        print(run.path)


@sweep.command()
def samples(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="From scratch, for example: vit vit+conv_stem resnet"),
    ] = None,
    starts: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="RUN", help="Also fine-tune the weights of this run. Repeatable."),
    ] = None,
    start_recipe: Annotated[
        str, typer.Option(help="How the runs of --from are trained: finetune or linear-probe.")
    ] = "finetune",
    data: Data = None,
    shares: Annotated[
        str, typer.Option(metavar="PERCENT,...", help="Shares of the training images of each class, nested.")
    ] = "5,10,25,50,100",
    steps: Annotated[int, typer.Option(help="Optimizer steps of every run, regardless of its share.")] = 3500,
    seeds: Seeds = "0,1",
    recipe: Recipe = None,
    batch_size: BatchSize = None,
    device: Device = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of all models, e.g. augment=trivial, or of one: vit.num_layers=4. Repeatable.",
        ),
    ] = None,
    dry_run: DryRun = False,
    runs_dir: RunsDir = None,
) -> None:
    """Queue models on nested shares of the training images, with equal steps; prints the run folders."""
    from vitcore.runs.folder import find_run
    from vitcore.sweeps.plan import plan_samples

    kind, _, number = (device or "").partition(":")
    shared: dict[str, Any] = {"batch_size": batch_size, "device": kind or None}
    shared = {name: value for name, value in shared.items() if value is not None}
    own: dict[str, dict[str, Any]] = {}
    for name, value in parse_settings(settings).items():
        model, dot, inner = name.rpartition(".")
        (own.setdefault(model, {}) if dot else shared)[inner] = value
    plan = plan_samples(
        models or [],
        data=data or "cifar10-mini",
        shares=[p / 100 for p in _numbers(shares, "--shares", float)],
        steps=steps,
        seeds=_numbers(seeds, "--seeds", int),
        recipe=recipe or "quick",
        own=own,
        starts=[find_run(name, runs_dir) for name in starts or ()],
        start_recipe=start_recipe,
        root=runs_dir,
        **shared,
    )
    _launch(plan, runs_dir, device if number else None, dry_run)


@sweep.command()
def study(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="NAME=VALUE,...",
            help="Values of one setting that replace the base's, e.g. patch_size=2,4,8. Repeatable.",
        ),
    ],
    data: Data = None,
    recipe: Recipe = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    batch_size: BatchSize = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N,N", help="Train every variant with each seed.  [default: the base's]"),
    ] = None,
    device: Device = None,
    settings: Setting = None,
    dry_run: DryRun = False,
    runs_dir: RunsDir = None,
) -> None:
    """Queue a base and variants of one setting at a time; prints the run folders."""
    from vitcore.sweeps.plan import plan_study

    kind, _, number = (device or "").partition(":")
    given: dict[str, Any] = dict(model=model, data=data, recipe=recipe, epochs=epochs)
    given |= dict(minutes=minutes, batch_size=batch_size)
    base = config_of(None, settings, **given, device=kind or None)
    plan = plan_study(base, parse_value_lists(vary), seeds=_numbers(seeds, "--seeds", int) if seeds else ())
    _launch(plan, runs_dir, device if number else None, dry_run)


@sweep.command("list")
def list_(as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """List the bundled sweeps and your own."""
    from vitcore.runs.folder import list_runs
    from vitcore.runs.listing import print_aligned
    from vitcore.sweeps.results import summarize_states
    from vitcore.sweeps.sweep import find_sweeps

    found = find_sweeps(list_runs(runs_dir))
    states = [summarize_states([run.status().state for run in s.runs]) for s in found]
    if as_json:
        rows = [
            {
                "name": s.name,
                "kind": s.kind,
                "title": s.title,
                "bundled": s.bundled,
                "state": state,
                "runs": [run.id for run in s.runs],
            }
            for s, state in zip(found, states, strict=True)
        ]
        print(to_json(rows))
        return
    lines = [("sweep", "what", "state", "runs")]
    lines += [(s.name, s.title, state, str(len(s.runs))) for s, state in zip(found, states, strict=True)]
    print_aligned(lines, 3)


@sweep.command()
def show(name: SweepName, as_json: Json = False, runs_dir: RunsDir = None) -> None:
    """Print the results of a sweep so far."""
    from vitcore.runs.listing import UNDECODED, print_aligned
    from vitcore.runs.status import printable
    from vitcore.sweeps.results import left_out, sample_curve, study_rows
    from vitcore.sweeps.sweep import find_sweep

    found = find_sweep(name, runs_dir)
    lines: list[tuple[str, ...]]
    if found.kind == "samples":
        rows = sample_curve(found.runs)
        lines = [("model", "share", "images", *RESULTS)]
        for row in rows:
            images = f"{row['images']:,}" if row["images"] else ""
            lines.append((row["label"], numbers.chosen_share(row["share"]), images, *_results(row)))
    else:
        rows = study_rows(found.runs)
        lines = [("setting", "value", "", *RESULTS)]
        for row in rows:
            lines.append((row["title"], row["text"], "base" if row["base"] else "", *_results(row)))
    if as_json:
        print(to_json({"name": found.name, "kind": found.kind, "title": found.title, "rows": rows}))
        return
    print_aligned(lines, 1)
    print(printable(found.title, also=UNDECODED), file=sys.stderr)
    if note := left_out(found.runs):
        print(note, file=sys.stderr)


RESULTS = ("test", "standard error", "validation", "seeds", "n", "minutes", "state")


def _results(row: Any) -> tuple[str, ...]:
    percent = [numbers.percent(v) if v is not None else "" for v in (row["mean"], row["validation"])]
    error = f"{numbers.points(row['error'])} over {row['error_of']}" if row["error"] is not None else ""
    minutes = f"{row['minutes']:.1f}" if row["minutes"] is not None else ""
    count = f"{row['n_test']:,}" if row["n_test"] else ""
    seeds = f"{len(row['seeds'])} of {row['planned']}"
    return percent[0], error, percent[1], seeds, count, minutes, row["state"]


@sweep.command()
def stop(name: SweepName, runs_dir: RunsDir = None) -> None:
    """Remove the queued runs of a sweep from the queue, and ask the running ones to save and stop."""
    from vitcore.sweeps.sweep import find_sweep, stop_sweep

    count = stop_sweep(find_sweep(name, runs_dir))
    print(
        f"{numbers.count(count, 'run')} stopped." if count else "All runs of the sweep had already ended.",
        file=sys.stderr,
    )


@sweep.command()
def resume(name: SweepName, runs_dir: RunsDir = None) -> None:
    """Queue the stopped, failed and lost runs of a sweep again."""
    from vitcore.sweeps.sweep import find_sweep, resume_sweep

    count = resume_sweep(find_sweep(name, runs_dir))
    print(
        f"{numbers.count(count, 'run')} queued again." if count else "There is nothing to resume.",
        file=sys.stderr,
    )


@sweep.command()
def delete(name: SweepName, runs_dir: RunsDir = None) -> None:
    """Delete all runs of a sweep that has ended, permanently."""
    from vitcore.sweeps.sweep import delete_sweep, find_sweep

    found = find_sweep(name, runs_dir)
    delete_sweep(found, runs_dir)
    print(f"{numbers.count(len(found.runs), 'run')} deleted.", file=sys.stderr)


@sweep.command()
@sweep.command("tie", hidden=True)  # the former name
def combine(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the sweep.")],
    runs: Annotated[list[str], typer.Argument(metavar="RUN...")],
    runs_dir: RunsDir = None,
) -> None:
    """Combine runs that were launched separately, or on several machines, into a sweep of samples."""
    from vitcore.runs.folder import find_run
    from vitcore.sweeps.sweep import link_runs

    linked = link_runs([find_run(run, runs_dir) for run in runs], name)
    print(f"{linked.title}: {numbers.count(len(linked.runs), 'run')}.", file=sys.stderr)
