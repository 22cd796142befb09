"""Sweeps: groups of ordinary runs that are launched, found, stopped and deleted together. No torch.

A `Plan` (`vitcore.sweeps.plan`) defines the runs of a sweep. They are linked in meta.json (`Meta.sweep`).
`vitcore.sweeps.results` computes the results.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from vitcore.config import Config, setting_title
from vitcore.data.datasets import resolve
from vitcore.errors import UserError
from vitcore.paths import check_allowed, runs_dir
from vitcore.preprocessing import Preprocessing
from vitcore.queue import launch as background
from vitcore.queue import order
from vitcore.runs import edit
from vitcore.runs.files import writing
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.start import resolve_start
from vitcore.runs.status import ACTIVE, SweepLink
from vitcore.runs.titles import data_title
from vitcore.sweeps.pair import withdraw
from vitcore.sweeps.plan import Kind, Plan
from vitcore.sweeps.variants import is_setting
from vitcore.sweeps.wording import line_label, steps_of


@dataclass(frozen=True)
class Sweep:
    """The runs of a sweep, in the order in which they were queued."""

    name: str
    kind: Kind
    runs: tuple[Run, ...]

    @property
    def bundled(self) -> bool:
        return self.runs[0].bundled

    @property
    def title(self) -> str:
        """A description of the comparison. Two sweeps of the same settings have the same title."""
        first = self.runs[0].config
        data, samples = data_title(first), self.kind == "samples"
        *others, last = dict.fromkeys(
            line_label(run.config, run.meta.varied if samples else ()) for run in self.runs
        )
        labels = f"{', '.join(others)} and {last}" if others else last
        if samples:
            return f"Sample efficiency of {labels} on {data}"
        names = dict.fromkeys(n for run in self.runs for n in run.meta.varied if is_setting(run.config, n))
        words = ", ".join(setting_title(first.model, name).lower() for name in names)
        return f"Study of {labels} on {data}: {words or 'only the base'}"


def launch_sweep(
    plan: Plan, root: str | Path | None = None, *, device: str | None = None, dedupe_s: float = 0.0
) -> Sweep:
    """Queue all runs of a plan and return at once. If one cannot be launched, remove the others.

    Return an identical sweep launched within the last `dedupe_s` seconds instead of launching a second one
    (see `vitcore.queue.launch.launch`). `device` is the key of a specific device to wait for. Raise
    `UserError` when a launch fails.
    """
    check_allowed()
    home = runs_dir(root)
    data = {_data_key(e.config): e.config for e in plan.entries}
    known = {key: resolve(config) for key, config in data.items()}  # read each dataset only once
    configs = []
    for entry in plan.entries:
        resolved = known[_data_key(entry.config)]
        config = resolve_start(entry.config, home)
        configs.append(config.model_copy(update={"data": resolved.data, "classes": resolved.classes}))
    with order.lock(home):  # raises UserError if the folder is not writable
        pass
    with writing(home), FileLock(home / ".sweep.lock"):
        if dedupe_s and (recent := _launched_within(dedupe_s, plan.kind, configs, home)):
            return recent
        name = f"{plan.kind}-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        runs: list[Run] = []
        try:
            for entry, config in zip(plan.entries, configs, strict=True):
                link = SweepLink(name=name, kind=plan.kind, varied=entry.varied)
                run = background.launch(
                    config, home, title=entry.title, device=device, sweep=link, checked=True
                )
                runs.append(run)
        except (UserError, OSError):
            for run in reversed(runs):  # last in the queue first, so that none of them starts in the meantime
                withdraw(run, home)
            raise
    return Sweep(name, plan.kind, tuple(runs))


def _data_key(config: Config) -> tuple[str, int, bool, Preprocessing]:
    return config.data, config.image_size, config.skip_broken, config.preprocessing


def _launched_within(seconds: float, kind: Kind, configs: list[Config], home: Path) -> Sweep | None:
    """Return an identical sweep launched within the last `seconds`, or None."""
    wanted = sorted(map(repr, configs))
    for sweep in find_sweeps(list_runs(home, bundled=False)):
        if sweep.kind != kind or len(sweep.runs) != len(configs):
            continue
        age = time.time() - min(run.stored_status().created for run in sweep.runs)
        if age <= seconds and sorted(repr(run.config) for run in sweep.runs) == wanted:
            return sweep
    return None


def find_sweeps(runs: Iterable[Run]) -> list[Sweep]:
    """Return the sweeps of these runs: the user's, newest first, then the bundled ones by kind, oldest first.

    If the user has runs of a sweep with the name of a bundled one, omit the bundled copy, so that no run
    counts twice.
    """
    groups: dict[str, list[tuple[float, Run, SweepLink]]] = {}
    for run in runs:
        link = run.meta.sweep
        if link is not None and _readable(run):
            groups.setdefault(link.name, []).append((run.stored_status().created, run, link))
    found = []
    for name, members in groups.items():
        kept = [m for m in members if not m[1].bundled] or members
        kept.sort(key=lambda m: (m[0], m[1].id))
        found.append((kept[0][0], Sweep(name, kept[0][2].kind, tuple(m[1] for m in kept))))

    def order(entry: tuple[float, Sweep]) -> tuple[bool, str, float, str]:
        created, sweep = entry
        return (True, sweep.kind, created, sweep.name) if sweep.bundled else (False, "", -created, sweep.name)

    return [sweep for _, sweep in sorted(found, key=order)]


def _readable(run: Run) -> bool:
    try:
        return bool(run.config)
    except UserError:
        return False


def find_sweep(name: str, root: str | Path | None = None) -> Sweep:
    """Return the sweep with this name, the user's before a bundled one. Raise `UserError` if none exists."""
    sweeps = {sweep.name: sweep for sweep in find_sweeps(list_runs(root))}
    if name not in sweeps:
        advice = f"choose one of {', '.join(sweeps)}" if sweeps else "launch one first"
        raise UserError(f"There is no sweep {name!r}: {advice}.")
    return sweeps[name]


def stop_sweep(sweep: Sweep) -> int:
    """Take queued runs off the queue, ask running ones to save and exit, and return how many there were.

    Raise `UserError` in read-only mode, or when one cannot be stopped.
    """
    return len(background.stop_all(sweep.runs))


def resume_sweep(sweep: Sweep) -> int:
    """Queue stopped, failed and lost runs again, in their order, and return how many there were.

    Raise `UserError` when one cannot be resumed.
    """
    check_allowed()
    waiting = [run for run in sweep.runs if run.status().state not in (*ACTIVE, "finished")]
    for run in waiting:
        background.resume(run)
    return len(waiting)


def delete_sweep(sweep: Sweep, root: str | Path | None = None) -> None:
    """Delete all runs of a sweep permanently.

    Raise `UserError` before anything is deleted if a run is still active.
    """
    check_allowed()
    if active := [run.id for run in sweep.runs if run.status().state in ACTIVE]:
        raise UserError(
            f"{len(active)} runs of sweep {sweep.name} are still active: stop it before you delete it."
        )
    for run in sweep.runs:
        edit.delete(run, root)


def link_runs(runs: Sequence[Run], name: str) -> Sweep:
    """Combine runs that were launched separately, or elsewhere, into a sweep of kind `samples`.

    Raise `UserError` when they cannot be combined.
    """
    check_allowed()
    for run in runs:
        if run.bundled:
            raise UserError(f"Run {run.id} is bundled and cannot be changed: choose runs of your own.")
        if (existing := run.meta.sweep) and existing.name != name:
            raise UserError(f"Run {run.id} already belongs to the sweep {existing.name}: leave it out.")
        if steps_of(run.config) is None:
            raise UserError(
                f"Run {run.id} has no steps_per_epoch, so that its number of steps is unknown: leave it out."
            )
    try:
        links = [SweepLink(name=name, kind="samples", varied=run.meta.varied) for run in runs]
    except ValueError:
        raise UserError(
            f"{name!r} is not a valid name of a sweep: use at most 80 letters, digits, dots and dashes."
        ) from None
    if len({(run.config.data, steps_of(run.config)) for run in runs}) > 1:
        raise UserError("The runs differ in data or in the number of steps: choose runs that agree in both.")
    for run, link in zip(runs, links, strict=True):
        with writing(run.path):
            run.write_meta(run.meta.model_copy(update={"sweep": link}))
    return Sweep(name, "samples", tuple(runs))
