"""Commands that start a training."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.cli import Data, Json, RunsDir, app, to_json
from vitcore.cli.settings import parse_settings
from vitcore.errors import UserError

Model = Annotated[str | None, typer.Option(help=f"{', '.join(ARCHITECTURES)}.  [default: vit]")]
Recipe = Annotated[
    str | None,
    typer.Option(
        help="quick, modern, gpu, tutorial, or pretrain (a ViT without labels); with --from also finetune or "
        "linear-probe.  [default: quick; with --from: finetune]"
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="RUN", help="Start from the weights of this run, with a new head."),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training images.  [default: the recipe's]")]
Minutes = Annotated[
    float | None,
    typer.Option(help="Train this long instead; the learning rate follows the share of the time used."),
]
BatchSize = Annotated[int | None, typer.Option(help="Images per step.  [default: the recipe's]")]
Rate = Annotated[float | None, typer.Option("--lr", help="Peak learning rate.  [default: the recipe's]")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of initial weights, order and augmentation.  [default: 0]")
]
Device = Annotated[
    str | None,
    typer.Option(help="auto, cpu, cuda or mps; for launch also a key from `devices`.  [default: auto]"),
]
Devices = Annotated[
    int | None, typer.Option(help="Devices on each machine that share every batch.  [default: 1]")
]
Nodes = Annotated[int | None, typer.Option(help="Machines that train together.  [default: 1]")]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting, e.g. --set patch_size=8. Repeatable."
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A config.yaml to train again; other options override it.")
]
Resume = Annotated[str | None, typer.Option(metavar="RUN", help="Continue this run with its own settings.")]
Title = Annotated[str, typer.Option(help="The title of the run.")]


def config_of(
    file: Path | None, settings: list[str] | None, *, runs_dir: Path | None = None, **options: Any
) -> Any:
    """Return a validated configuration from command-line options, where None means not given.

    `runs_dir` is the folder with the run that a fine-tuning starts from.
    """
    from vitcore.config import build_config, make_config, read_config
    from vitcore.runs.start import check_start, fine_tuned

    given = {name: value for name, value in options.items() if value is not None}
    given |= parse_settings(settings)
    if file is None:
        if "start" in given:
            return fine_tuned(str(given.pop("start")), given.pop("recipe", None), root=runs_dir, **given)
        made = make_config(**given)
        check_start(made)
        return made
    values = read_config(file).model_dump()
    if "recipe" in given or given.get("model", values["model"]) != values["model"]:
        raise UserError("--config already names the recipe and the model: leave out --recipe and --model.")
    if "start" in given:
        raise UserError("--config already says what the training starts from: leave out --from.")
    inner = ARCHITECTURES[values["model"]].options
    for name, value in given.items():
        (values["options"] if name in inner.model_fields else values)[name] = value
    return build_config(**{**values, "classes": None})


def print_report(config: Any) -> None:
    """Print on stderr how the folder of images of a training is used, and what is left out.

    Raise `UserError` when the folder cannot be used.
    """
    from vitcore.data import dataset_for

    if config.folder is None:
        return
    if listing := dataset_for(config, download=False).listing:
        print(*listing.lines(), sep="\n", file=sys.stderr, flush=True)


def _training_command(
    start: Callable[..., Path | str | None], *, with_json: bool = False
) -> Callable[..., None]:
    """Return a command with all options of a training.

    `train` and `launch` differ only in `start`. `with_json` adds the option --json, for `rehearse`.
    """

    def command(
        model: Model = None,
        data: Data = None,
        recipe: Recipe = None,
        from_run: From = None,
        epochs: Epochs = None,
        minutes: Minutes = None,
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
        as_json: Json = False,
    ) -> None:
        kind, _, number = (device or "").partition(":")
        if device is not None and not kind:
            raise UserError(f"--device {device!r} names no device: choose auto, cpu, cuda or mps.")
        options = dict(model=model, data=data, recipe=recipe, epochs=epochs, minutes=minutes)
        options |= dict(batch_size=batch_size, lr=lr, seed=seed, device=kind or None)
        options |= dict(devices=devices, nodes=nodes, start=from_run)
        if resume is not None and (
            config or settings or title or any(v is not None for v in options.values())
        ):
            raise UserError("--resume keeps the run's settings: leave out the other options.")
        chosen = None if resume is not None else config_of(config, settings, runs_dir=runs_dir, **options)
        if number and start is not _launch:
            raise UserError(
                f"--device {device} works only with `launch`: set CUDA_VISIBLE_DEVICES, or choose {kind}."
            )
        more: dict[str, Any] = {"device": device} if number else {}
        if as_json:
            more["as_json"] = True
        if path := start(chosen, resume, runs_dir, title, **more):  # None on ranks other than 0
            print(path)

    signature = inspect.signature(command, eval_str=True)
    parameters = [p for name, p in signature.parameters.items() if with_json or name != "as_json"]
    command.__signature__ = signature.replace(parameters=parameters)
    return command


def _train(config: Any, resume: str | None, runs_dir: Path | None, title: str) -> Path | None:
    from vitcore.training import train
    from vitcore.training.ranks import rank_of

    if resume is None and not rank_of(config):
        print_report(config)
    with contextlib.redirect_stdout(sys.stderr):
        run = train(config, resume=resume, runs_dir=runs_dir, title=title)
    if run is None:
        return None
    status = run.status()
    if status.state == "finished":
        print(_scored(status.result), file=sys.stderr)
    else:
        does = "continues it" if run.last.is_file() else "starts it from the beginning"
        print(f"{status.state}: --resume {run.id} {does}", file=sys.stderr)
    return run.path


def _scored(result: Mapping[Any, Any]) -> str:
    """Return the score on the test images: an accuracy, or the loss of a training without labels."""
    if "test_acc" in result:
        return f"test accuracy {numbers.accuracy(result['test_acc'], result['n_test'])}"
    return f"test loss {result['test_loss']:.4f}, {numbers.sample(result['n_test'])}"


def _launch(
    config: Any, resume: str | None, runs_dir: Path | None, title: str, device: str | None = None
) -> Path:
    from vitcore.queue import launch
    from vitcore.runs.folder import find_run

    if resume is not None:
        run = launch.resume(find_run(resume, runs_dir))
        print(f"Queued again: {run.resume_note}.", file=sys.stderr)
    else:
        print_report(config)
        run = launch.launch(config, runs_dir, title=title, device=device)
        print("Queued; `runs` lists it, and `stop` saves and ends it.", file=sys.stderr)
    return run.path


app.command(
    "train", help="Train here, with a progress bar; prints the run folder last. Ctrl-C saves and stops."
)(_training_command(_train))
app.command("launch", help="Queue a training in the background and return at once; prints the run folder.")(
    _training_command(_launch)
)


def _rehearse(
    config: Any, resume: str | None, runs_dir: Path | None, title: str, as_json: bool = False
) -> str:
    from vitcore.child import report_progress
    from vitcore.training.rehearse import rehearse

    if resume is not None or title:
        raise UserError("A rehearsal estimates a new training: leave out --resume and --title.")
    print_report(config)
    with contextlib.redirect_stdout(sys.stderr):
        estimate = (
            rehearse(config, root=runs_dir, report=report_progress)
            if as_json
            else rehearse(config, root=runs_dir)
        )
    text = str(estimate)
    return to_json({**dataclasses.asdict(estimate), "words": text}) if as_json else text


app.command(
    "rehearse",
    help="Run about twenty steps to predict the minutes, memory and disk space of a training.",
)(_training_command(_rehearse, with_json=True))


@app.command()
def pair(
    first: Annotated[str, typer.Argument(metavar="MODEL")],
    second: Annotated[str, typer.Argument(metavar="MODEL")],
    data: Data = None,
    recipe: Recipe = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    device: Device = None,
    settings: Setting = None,
    runs_dir: RunsDir = None,
) -> None:
    """Queue two models on the same images in the same order with the same budget; prints both folders."""
    from vitcore.sweeps.pair import launch_pair, make_pair, policy

    given: dict[str, Any] = dict(model=first, data=data, recipe=recipe, epochs=epochs, minutes=minutes)
    config = config_of(None, settings, **given, batch_size=batch_size, seed=seed, device=device)
    print_report(config)
    both = make_pair(config, second)
    print(f"Both: {policy(both[0])}", file=sys.stderr)
    runs = launch_pair(*both, runs_dir)
    print(f"Queued {len(runs)} runs.", file=sys.stderr)
    for run in runs:
        print(run.path)
