"""What a link shows, without a page around it: the one picture of a step, for a talk or for a file.

A scene is found from the page's name and the state in its address alone; nothing here draws. What takes long
is cached by what it is made of, so that a step can be prepared beforehand.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.attention import explorer
from dashboard.compare import disagreement, measured, sections, sweep_view, time_to_accuracy
from dashboard.compare import figures as compare_figures
from dashboard.components.replay import Frames
from dashboard.drawing import pictures
from dashboard.inductive_bias import experiments, live_image, sample_efficiency
from dashboard.overview import featured_image
from dashboard.patches import stepper_data
from dashboard.shared import model_outputs, resources, run_curves, run_table, selection
from dashboard.sweeps import figures as sweep_figures
from dashboard.sweeps import sample_curves
from dashboard.talk import curves
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.probes import PROBES
from vitcore.probes.store import images_for
from vitcore.runs.folder import Run
from vitcore.sweeps.pair import partner
from vitcore.sweeps.results import sample_curve, study_rows
from vitcore.sweeps.sweep import find_sweeps

State = Mapping[str, str]
COMPARED = {
    "Confusion": lambda shown: compare_figures.confusions(shown, difference=len(shown) == 2),
    "Classes": compare_figures.classes,
    "Calibration": compare_figures.calibration,
}
CHOICES = {  # of what else an address may say: another word would be drawn as if it were left out
    "patches": {"view": ("similarity",)},
    "compare": {
        "view": (sweep_view.RUNS, sweep_view.SWEEPS),
        "show": sections.SECTIONS,
        "who": disagreement.WHO,
    },
    "inductive_bias": {"view": ("curve",), "border": live_image.BORDERS},
}
PICTURED = 4  # images beside each other


@dataclass(frozen=True)
class Explorer:
    """The attention explorer on an image."""

    run: Run
    chosen: selection.Chosen
    data: Dataset


@dataclass(frozen=True)
class Stepper:
    """From image to tokens: the arguments of `dashboard.components.stepper`."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class Similarity:
    """How alike positions are, [N, N]."""

    values: np.ndarray


@dataclass(frozen=True)
class Replay:
    """One image changed in many ways, and what two models answer."""

    kind: str
    runs: list[Run]
    image: np.ndarray
    frames: Frames
    look: dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Plotly figures one below the other, each with what it shows in words."""

    parts: list[tuple[go.Figure, str]]


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side: (heading, PNG as a data address, words below)."""

    parts: list[tuple[str, str, str]]


Scene = Explorer | Stepper | Similarity | Replay | Figures | Pictures


def scene(page: str, state: State) -> Scene:
    """What the address of a page shows at large. Raises `UserError` where it names what is not here."""
    for name, options in CHOICES.get(page, {}).items():
        if (state.get(name) or options[0]) not in options:
            raise _no(f"{name}={state[name]}", f"it can say {', '.join(f'{name}={one}' for one in options)}")
    return MAKERS[page](state)


def _gone(sweep: str) -> UserError:
    return UserError(
        f"The link names the sweep {sweep[:80]!r}, which is not here: `python -m vitcore sweep list` lists "
        "those that are."
    )


def _no(said: str, instead: str) -> UserError:
    return UserError(f"The link says {said[:80]}, which cannot be shown: {instead}.")


def _run(state: State, key: str, found: list[Run], first: Run | None = None) -> Run:
    """The run that the address names, or the page's first."""
    wanted = state.get(key)
    run = next((run for run in found if run.id == wanted), None)
    if wanted and run is None:
        if any(one.id == wanted for one in resources.runs()):
            raise UserError(f"The link names the run {wanted}, which this view cannot show: name another.")
        raise UserError(
            f"The link names the run {wanted[:80]}, which is not here: `python -m vitcore runs` lists those "
            "that are, `import` brings one."
        )
    if run is None and not found:
        raise UserError("There is no trained model yet.")
    return run or first or found[0]


def _image(state: State, data: Dataset, run: Run | None = None) -> selection.Chosen:
    """The image that the address names, or the page's first."""
    kind = state.get("class") or ("cat" if "cat" in data.classes else data.classes[0])
    number = selection.whole(state.get("image", ""), 1)
    asked = (lambda: model_outputs.answers(run, data)) if run else None
    chosen = selection.pick(data, kind, number, asked)
    if chosen is None:
        raise UserError(f"The link names {kind[:40]}, test image {number}: {data.name} has none.")
    return chosen


def _overview(state: State) -> Scene:
    data, shelf = resources.dataset(), resources.bundled()
    kind = state.get("look", "cat")
    chosen = _image({"class": kind, "image": state.get("nth", "1")}, data)
    parts = [("The image", pictures.data_url(chosen.image), chosen.name)]
    for model, method in (("vit", "attention rollout"), ("resnet", "Grad-CAM")):
        run = shelf.get(model)
        if run is None:
            raise UserError("The bundled models are missing: get a complete copy of the project.")
        parts.append(_map(run, chosen, data, method))
    return Pictures(parts)


def _map(run: Run, chosen: selection.Chosen, data: Dataset, method: str) -> tuple[str, str, str]:
    where, chances = featured_image.reading(
        run, {}, featured_image.Shown(chosen.image, chosen.truth, chosen.name, None)
    )
    best = int(chances.argmax())
    said = f"says {data.classes[best]}, {100 * chances.max():.0f} % sure"
    name = ARCHITECTURES[run.config.model].label
    return f"{name}: {method}", pictures.encoded(pictures.overlay(chosen.image, where)), said


def _patches(state: State) -> Scene:
    run = _run(state, "run", resources.runs(trained=True, model="vit"))
    if state.get("view") == "similarity":
        learned = model_outputs.learned(run).similarity
        if not learned.any() or len(learned) > 1024:
            raise UserError(f"{run.title} has no position embeddings that can be drawn.")
        return Similarity(learned)
    data = resources.dataset_of(run)
    size = selection.whole(state.get("patch", ""), 0) or None
    if size and data.size % size:
        raise UserError(f"The link names patches of {size} pixels: an image of {data.size} has none such.")
    arguments = stepper_data.prepare(run, _image(state, data), size)
    return Stepper(arguments | {"step": selection.whole(state.get("step", ""), 1)})


def _attention(state: State) -> Scene:
    run = _run(state, "run", resources.runs(trained=True))
    data = resources.dataset_of(run)
    chosen = _image(state, data, run)
    if not ARCHITECTURES[run.config.model].attention:
        shown = _for(run, chosen, data, state.get("speaks", "")) or _map(run, chosen, data, "Grad-CAM")
        return Pictures([("The image", pictures.data_url(chosen.image), chosen.name), shown])
    header, _, _ = explorer.prepare(run, chosen, data, state)
    if wrong := explorer.wrong(header, state):
        sizes = "{layers} layers, {heads} heads, {side} x {side} patches".format(**header)
        raise _no(wrong[0], f"set it on Attention and copy the step again. {run.title} has {sizes}")
    return Explorer(run, chosen, data)


def _for(run: Run, chosen: selection.Chosen, data: Dataset, named: str) -> tuple[str, str, str] | None:
    """Grad-CAM for the class that the address names, as the page draws it; None for the answer."""
    if named in ("", "the answer"):
        return None
    if named not in data.classes:
        raise _no(f"speaks={named}", f"{data.name} has {', '.join(data.classes[:20])}")
    found = model_outputs.class_maps(run, chosen.image)
    if not found.stages:
        return None
    drawn = pictures.overlay(chosen.image, found.stages[-1][data.classes.index(named)])
    best = int(found.chances.argmax())
    said = f"says {data.classes[best]}, {100 * found.chances[best]:.0f} % sure"
    return f"{ARCHITECTURES[run.config.model].label}: Grad-CAM for {named}", pictures.encoded(drawn), said


def _training(state: State) -> Scene:
    found = resources.runs()
    run = _run(state, "watch", found)
    other = partner(run, found)
    both = [run, other] if other else [run]  # of a fair pair both, as on the page
    return Figures([(curves.figure(both, _look(state)), f"the training of {run.title}")])


def _look(state: State) -> run_curves.Look:
    """How the address has curves drawn; what it does not know is as a page draws it at first."""
    axis = state.get("x", "epoch")
    try:
        smooth = float(state.get("smooth", 0))
    except ValueError:
        smooth = 0.0
    smooth = smooth if 0 <= smooth <= 0.99 else 0.0
    return run_curves.Look(axis if axis in run_curves.AXES else "epoch", smooth, state.get("log") == "true")


def _compare(state: State) -> Scene:
    found = resources.runs()
    if state.get("view") == sweep_view.SWEEPS:
        sweeps = {sweep.name: sweep for sweep in find_sweeps(found)}
        name = state.get("sweep") or next(iter(sweeps), "")
        if name not in sweeps:
            raise _gone(name)
        return _sweep(sweeps[name])
    wanted = state.get("runs") or ",".join(run.id for run in run_table.first(found))
    runs = [_run({"run": run_id}, "run", found) for run_id in wanted.split(",")[: run_table.MOST]]
    section = state.get("show", "")
    if section == "Speed to accuracy":
        return Figures([time_to_accuracy.figure(runs, state.get("goal", ""), _look(state).axis)])
    if section not in (*COMPARED, "Disagreement"):
        names = ", ".join(run.title for run in runs)
        return Figures([(curves.figure(runs, _look(state)), f"the training of {names}")])
    count = measured.COMPLETE if state.get("tested") == str(measured.COMPLETE) else 1000
    fits, said = measured.alike(measured.look_up(runs, count))
    known = [item for item in fits if item.test][: 2 if section == "Confusion" else None]
    if not known:
        raise UserError(f"Not measured yet: open Compare, {section}, and measure it there. {said}")
    if section == "Disagreement":
        return _disagreement(known, state)
    names = " and ".join(item.name for item in known)
    return Figures([(COMPARED[section]([item.shown for item in known]), f"{section}: {names}")])


def _disagreement(known: list[measured.Item], state: State) -> Scene:
    parts = []
    for image, card in disagreement.first(known, state, PICTURED):
        said = ", ".join(f"{name}: {answer} {sure}" for answer, sure, _, _, name in card.said)
        parts.append((card.truth, pictures.data_url(image), said))
    return Pictures(parts)


def _sweep(sweep: Any) -> Scene:
    if sweep.kind == "samples":
        figure = sweep_figures.sample_efficiency(sample_curve(sweep.runs))
        return Figures([(figure, "test accuracy against training images")])
    return Figures([(sweep_figures.study_panels(study_rows(sweep.runs)), "test accuracy against settings")])


def _bias(state: State) -> Scene:
    title = state.get("probe", next(iter(PROBES.values())).title)
    if title == sample_efficiency.TITLE:
        sweeps = {sweep.name: sweep for sweep in sample_curves.sweeps()}
        if not sweeps:
            raise UserError("There is no sweep over shares of the training images yet.")
        name = state.get("samples") or next(iter(sweeps))
        if name not in sweeps:
            raise _gone(name)
        return _sweep(sweeps[name])
    probe = next((probe for probe in PROBES.values() if probe.title == title), None)
    if probe is None:
        raise UserError(f"The link names the experiment {title[:80]!r}: there is none.")
    found, shelf = resources.runs(trained=True), resources.bundled()
    runs = [
        _run(state, "run", found, shelf.get("vit")),
        _run(state, "against", found, shelf.get("resnet")),
    ]
    fill = state.get("border", "reflect")
    if probe.name in live_image.KINDS and state.get("view") != "curve":
        data = resources.dataset_of(runs[0])
        chosen = _image(state, data)
        frames, look = live_image.prepare(probe.name, runs, data.classes, chosen, fill)
        at = {name: state[name] for name in (probe.name, "painted") if name in state}
        return Replay(probe.name, runs, chosen.image, frames, {**look, "hint": "", "at": at})
    images = images_for(runs, selection.whole(state.get("n", ""), 500))
    settings = {name: state.get(f"set_{name}", options[0]) for name, options in probe.choices.items()}
    found = experiments.look_up(probe, runs, images, settings, untrained=state.get("untrained") != "false")
    known = [m for m in found if m.result]
    if not known:
        raise UserError(f"Not measured yet: open Inductive bias, {title}, and measure it there.")
    if probe.name == "receptive-field":  # one figure, and its colours by what is on it
        known = [m for m in known if not m.subjects[0].untrained] or known
    drawn = experiments.figures_of(probe, known, fill)[:1]
    return Figures([(d.figure, d.alt) for d in drawn])


MAKERS: dict[str, Callable[[State], Scene]] = {
    "overview": _overview,
    "patches": _patches,
    "attention": _attention,
    "training": _training,
    "compare": _compare,
    "inductive_bias": _bias,
}


def as_html(shown: Pictures) -> str:
    """Pictures in a row; the classes stand in talk.css."""
    cells = "".join(
        f'<figure><figcaption>{html.escape(head)}</figcaption><img src="{url}" alt="{html.escape(words)}">'
        f"<p>{html.escape(words).replace(' %', '&nbsp;%')}</p></figure>"
        for head, url, words in shown.parts
    )
    return f'<div class="talk-pictures">{cells}</div>'
