"""The command that measures trained models: probe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vitcore.cli import Json, RunsDir, app, to_json
from vitcore.cli.settings import parse_settings
from vitcore.errors import UserError
from vitcore.probes import EVERY, HEADS, IMAGES, PROBES, SPEED, TEST, Probe, find_probe
from vitcore.probes.store import Result, Subject, check_needs, find, images_of

Names = Annotated[list[str], typer.Option("--runs", metavar="RUN [RUN ...]", help="The runs to measure.")]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='A setting, e.g. --set "place=top left". Repeatable.'),
]


@app.command(
    help=f"Run an experiment on trained models: {', '.join(EVERY)}; or first-look, the maps of the "
    "Overview page. Results are stored and reused."
)
def probe(
    name: Annotated[str, typer.Argument(help=f"{', '.join(EVERY)}, all, first-look")],
    run_names: Names,
    more: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", hidden=True)] = None,
    images: Annotated[
        int | None,
        typer.Option(
            help=f"Number of test images, balanced over the classes.  [default: {IMAGES}; for test: "
            f"{TEST.images:,}; for heads: {HEADS.images}; for landscape: {PROBES['landscape'].images}]",
            min=1,
        ),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Measure the models before any training, as a baseline.")
    ] = False,
    settings: Setting = None,
    with_run: Annotated[
        bool, typer.Option("--with-run", help="Store the result in the run's own folder, to share it.")
    ] = False,
    as_json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print every value, such as all positions of a landscape.")
    ] = False,
    runs_dir: RunsDir = None,
) -> None:
    from vitcore.runs.folder import find_run

    runs = [find_run(run, runs_dir) for run in (*run_names, *(more or []))]
    if name == "first-look":
        from vitcore.analysis.first_look import measure as measure_first_look

        for run in runs:
            print(measure_first_look(run))
        return
    every = [one for one in PROBES.values() if not one.excluded_from_all]
    wanted = every if name == "all" else [find_probe(name)]
    for one in list(wanted):  # before the measurements, because they can take minutes
        try:
            check_needs(one, runs)
        except UserError as error:
            if name != "all":
                raise
            wanted.remove(one)
            print(f"Left out: {one.name}. {error}", file=sys.stderr)
    given, results, baselines = parse_settings(settings), [], []
    for found in wanted:
        chosen = found.settings(given)
        for group in _groups(found, [Subject(run, untrained) for run in runs]):
            result = _run(found, group, images or found.images, chosen, runs_dir, with_run)
            results.append(result)
            baselines.append(_baseline(found, group, result, runs_dir))
    if as_json:
        print("[" + ",\n".join(to_json(result.model_dump(mode="json")) for result in results) + "]")
        return
    from vitcore.probes.table import as_text

    texts = (as_text(one, base, verbose=verbose) for one, base in zip(results, baselines, strict=True))
    print("\n\n".join(texts))


def _groups(probe: Probe, subjects: list[Subject]) -> list[list[Subject]]:
    """Return the groups of subjects that are measured together."""
    if not probe.pair:
        return [[subject] for subject in subjects]
    if len(subjects) > 2:
        raise UserError(f"{probe.name} compares two models: give two runs.")
    return [subjects * 2 if len(subjects) == 1 else subjects]  # a single run is compared with itself


def _run(
    probe: Probe, subjects: list[Subject], images: int, settings: dict, root: Path | None, with_run: bool
) -> Result:
    """Run the measurement, with a progress line on stderr if it is a terminal."""
    from vitcore.probes.measure import measure

    names = " and ".join(dict.fromkeys(s.name for s in subjects))
    result, available = None, 0
    for part in measure(probe, subjects, images, settings, root, with_run=with_run):
        result, available = part.result, part.total
        if sys.stderr.isatty():
            end = "\n" if result else ""
            print(f"\r{probe.title}, {names}: {part.done} of {part.total} images", end=end, file=sys.stderr)
    assert result is not None, "the last item of a measurement has the result"
    if absent := list(dict.fromkeys(s.run.id for s in subjects if not s.can_be_measured)):
        print(
            f"Stored result of {result.date} (revision {result.commit or 'unknown'}): the weights of "
            f"{' and '.join(absent)} are not here, so that it cannot be measured again.",
            file=sys.stderr,
        )
    if probe.custom:  # its steps count other images, too
        available = result.images
    if probe is not SPEED and available < probe.count(images):  # the speed probe uses random pixels
        print(f"Only {available:,} images are available for {names}.", file=sys.stderr)
    if probe.leaves_out and result.images < available:
        print(
            f"{probe.name} measured {result.images:,} of {available:,} images: {probe.leaves_out}.",
            file=sys.stderr,
        )
    return result


def _baseline(probe: Probe, subjects: list[Subject], result: Result, root: Path | None) -> Result | None:
    """Return the stored result of trained models with random weights, for the sentence about theirs."""
    if probe.custom or any(subject.untrained for subject in subjects):
        return None
    images = images_of(probe, [subject.run for subject in subjects], result.images)
    return find(probe, [Subject(s.run, untrained=True) for s in subjects], images, result.settings, root)
