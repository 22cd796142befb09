"""The sweep form of the Training page: launches a group of trainings around the settings of the form."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared import bound, popovers, resources
from dashboard.shared.labels import run_labels
from dashboard.states.training import TrainingState
from dashboard.training import announcements, rehearsal
from dashboard.training.form import Form
from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, setting_title, text_of
from vitcore.errors import UserError
from vitcore.paths import readonly
from vitcore.reading import parse_yaml, short
from vitcore.recipes import FINE_TUNING
from vitcore.runs.folder import Run
from vitcore.runs.start import FIRST_RECIPE, can_start
from vitcore.runs.titles import data_title, variant_label
from vitcore.sweeps.estimate import (
    TRAINING_IMAGES,
    Speed,
    device_of,
    earlier_speed,
    measured_speed,
    seconds_of,
    work_of,
)
from vitcore.sweeps.plan import (
    SHARES,
    STEPS,
    Plan,
    plan_samples,
    plan_study,
    suggest,
)
from vitcore.sweeps.sweep import launch_sweep
from vitcore.sweeps.variants import SUGGESTED, parse_variant, settings_of
from vitcore.sweeps.wording import images_of, length_of, seeds_of

KINDS = {"samples": "Sample efficiency", "study": "One setting at a time"}
MAX_SEEDS = 10
LONG_S = 3600.0  # a longer sweep must be confirmed
SMALL_STEPS, SMALL_SHARES = 500, (10, 25, 100)  # what the form starts with on cifar10-mini; shares in percent


def control(form: Form, found: list[Run], dedupe_s: float) -> None:
    """Draw a popover that launches a sweep around the settings of the form, and then watches its first run.

    Launches of the same sweep within `dedupe_s` seconds count once. `found` are all runs.
    """
    with popovers.popover("Sweep", "sweep", icon=":material/stacked_line_chart:", width="stretch"):
        kind = st.segmented_control(
            "What to vary",
            list(KINDS),
            format_func=KINDS.__getitem__,
            default="samples",
            key="sweep_kind",
            required=True,
            label_visibility="collapsed",
        )
        try:
            base = form.config()
            plan = _samples(form, base, found) if kind == "samples" else _study(base)
        except UserError as error:
            st.error(sentence(error))
            return
        if plan is None:
            return
        estimate = _estimate(plan, form, found)
        seconds = estimate.seconds
        st.caption(f"{_description(plan)} {escape(_duration_note(estimate))}")
        sure = True
        with st.container(horizontal=True, vertical_alignment="center"):
            if seconds and seconds > LONG_S:
                sure = st.checkbox(
                    f"I know that this takes about {numbers.duration(seconds)}",
                    key=f"sweep_sure_{seconds:.0f}",
                )
            pressed = st.button(
                f"Launch {numbers.count(len(plan.entries), 'run')}",
                type="primary",
                key="launch_sweep",
                disabled=readonly() or not sure,
            )
        if pressed:
            _launch(plan, form.device, dedupe_s)


@dataclass(frozen=True)
class Estimate:
    """The seconds of a sweep, None if unknown, the speeds it follows from, and the models without one.

    `rehearsable` tells whether a rehearsal of the form would give all the missing speeds.
    """

    seconds: float | None
    speeds: dict[str, list[Speed]]  # by model
    unknown: list[str]  # models
    rehearsable: bool


def _estimate(plan: Plan, form: Form, found: list[Run]) -> Estimate:
    """Return how long a sweep takes, from trainings that are comparable to its runs."""
    base = form.config()
    rehearsed = rehearsal.speed(form, _training_images(base))
    known: dict[tuple[Any, ...], Speed | None] = {}
    speeds: dict[str, list[Speed]] = {}
    unknown: list[str] = []
    works = {work_of(entry.config): entry.config for entry in plan.entries if not entry.config.minutes}
    for work, config in works.items():
        device = device_of(config, resources.devices(), form.device)
        known[work] = rehearsed if work == work_of(base) else None
        if device:
            known[work] = (
                known[work]
                or earlier_speed(config, found, _training_images, device)
                or measured_speed(config, device)
            )
        if speed := known[work]:
            speeds.setdefault(config.model, []).append(speed)
        elif config.model not in unknown:
            unknown.append(config.model)
    missing = {work for work, speed in known.items() if speed is None}
    seconds = seconds_of(plan, lambda config: known[work_of(config)], _training_images)
    return Estimate(seconds, speeds, unknown, missing <= {work_of(base)})


def _training_images(config: Config) -> int | None:
    if config.folder:
        with contextlib.suppress(UserError):  # an earlier run's folder may be gone
            return sum(map(len, resources.listing(config.folder).train.values()))
    return TRAINING_IMAGES.get(config.data)


def _duration_note(estimate: Estimate) -> str:
    """Return how long a sweep takes on one device, and from which measurements this follows."""
    if estimate.seconds is None:
        labels = " and ".join(ARCHITECTURES[name].label for name in estimate.unknown) or "this training"
        advice = ": rehearse the form above" if estimate.rehearsable else ""
        return f"The time is not known, because no such training of {labels} was measured{advice}."
    by_source: dict[str, list[str]] = {}
    for name, speeds in estimate.speeds.items():
        for speed in speeds:
            texts = by_source.setdefault(speed.source, [])
            if (text := f"{ARCHITECTURES[name].label} {speed.images_per_s:,.0f} images/s") not in texts:
                texts.append(text)
    known = "; ".join(f"{', '.join(texts)} ({source})" for source, texts in by_source.items())
    return f"About {numbers.duration(estimate.seconds)} in all, one run after another" + (
        f": {known}." if known else "."
    )


def _samples(form: Form, base: Config, found: list[Run]) -> Plan | None:
    """Draw the fields of a sweep over shares of the training images. Return its plan, or None if incomplete.

    Data, recipe and batch size come from the form, and so do the options and the learning rate of its model.
    The weights of runs in `found` can be fine-tuned as further lines.
    """
    st.markdown("Trains models on nested shares of the training images, each for the same number of steps.")
    first = list(dict.fromkeys([form.model, "vit", "resnet"]))
    models = st.multiselect(
        "Models",
        [*ARCHITECTURES, *SUGGESTED],
        default=first[:2],
        format_func=_model_label,
        key=f"sweep_models_{form.model}",
        accept_new_options=True,
        help="Add a model with settings of its own by typing it, for example `vit+num_layers=4+sam_rho=0.1`.",
    )
    able = {run.id: run for run in found if can_start(run)}
    titles = run_labels(list(able.values()))
    starts = st.multiselect(
        "Also fine-tuned from",
        list(able),
        default=[base.start] if base.start in able else [],
        format_func=titles.__getitem__,
        key=f"sweep_starts_{base.start}",
        placeholder="No run: all models begin from scratch",
        help="The weights of these runs are trained on the same shares, as further lines of the figure.",
    )
    small = base.data == "cifar10-mini"
    percents = [round(100 * share) for share in SHARES]
    shares = st.pills(
        "Shares of the training images",
        percents,
        selection_mode="multi",
        default=SMALL_SHARES if small else percents,
        key=f"sweep_shares_{small}",
        format_func=lambda p: f"{p} %",
    )
    left, right = st.columns(2)
    steps = left.number_input(
        "Steps of each run",
        value=SMALL_STEPS if small else STEPS,
        step=500,
        key=f"sweep_steps_{small}",
        help="Split into ten epochs.",
    )
    seeds = _seeds(right, base, 1 if small else 2)
    # other starts bring their image size, and their options for models of their architecture
    size: dict[str, Any] = {"image_size": base.image_size} if base.start or not starts else {}
    alike = form.model in {able[name].config.model for name in starts}
    own = None if base.start else {form.model: {**({} if alike else base.options), "lr": base.lr}}
    if not (models or starts) or not shares:
        st.caption("Choose at least one model or start, and one share.")
        return None
    return plan_samples(
        models,
        data=base.data,
        shares=[p / 100 for p in shares],
        steps=int(steps or 0),
        seeds=seeds,
        recipe="quick" if base.start else form.recipe,
        own=own if form.model in {parse_variant(text)[0] for text in models} else None,
        starts=[able[name] for name in starts],
        start_recipe=form.recipe if form.recipe in FINE_TUNING else FIRST_RECIPE,
        batch_size=base.batch_size,
        device=base.device,
        **size,
    )


def _model_label(text: str) -> str:
    """Return how the menu names a model or a variant of it: as the figure does, if it can be read."""
    with contextlib.suppress(UserError):
        model, settings = parse_variant(text)
        if model in ARCHITECTURES:
            return variant_label(model, settings)
    return text


def _study(base: Config) -> Plan | None:
    """Draw the fields of a sweep over settings around the form's configuration. Return its plan, or None."""
    label = ARCHITECTURES[base.model].label
    st.markdown(f"Varies one setting at a time around the **{label}** of the form above.")
    known = settings_of(base)
    chosen = st.multiselect(
        "Settings",
        known,
        default=known[:0],
        format_func=lambda name: setting_title(base.model, name),
        key=f"sweep_settings_{base.model}",
        placeholder="Choose settings",
    )
    values: dict[str, list[Any]] = {}
    columns = st.columns(2)
    for i, name in enumerate(chosen):
        # The key contains the value of the form, so that a change there suggests other values.
        start = ", ".join(text_of(value) for value in suggest(base, name))
        text = columns[i % 2].text_input(
            setting_title(base.model, name),
            start,
            key=f"sweep_values_{base.model}_{name}_{start}",
            help="Separate values with commas. The value of the form is trained once for all settings.",
        )
        values[name] = _parsed(text, setting_title(base.model, name))
    seeds = _seeds(st.columns(2)[0], base, 1)
    if not any(values.values()):
        st.caption("Choose at least one setting.")
        return None
    return plan_study(base, values, seeds=seeds)


def _parsed(text: str, title: str) -> list[Any]:
    try:
        return parse_yaml(f"[{text}]", title) or []
    except UserError:
        raise UserError(
            f"{title}: {short(text)} is not a list of values: separate values with commas."
        ) from None


def _seeds(place: Any, base: Config, start: int) -> list[int]:
    count = place.number_input(
        "Seeds",
        1,
        MAX_SEEDS,
        start,
        key=f"sweep_seeds_{start}",
        help="Each configuration is trained with every seed.",
    )
    return list(range(base.seed, base.seed + int(count)))


def _description(plan: Plan) -> str:
    """Return a sentence of Markdown on what the sweep would train."""
    configs = [entry.config for entry in plan.entries]
    first = configs[0]
    base = ", including the base" if plan.kind == "study" else ""
    return (
        f"{numbers.count(len(configs), 'run')}{base}: "
        f"{length_of(first)} of {escape(data_title(first))} each, "
        f"recipe `{first.recipe}`, {seeds_of(configs)}. {images_of(configs)}"
    ).rstrip()


def _launch(plan: Plan, device: str | None, dedupe_s: float) -> None:
    began = time.time()
    try:
        sweep = launch_sweep(plan, device=device, dedupe_s=dedupe_s)
    except UserError as error:
        st.error(sentence(error))
        return
    bound.put(TrainingState, watch=sweep.runs[0].id)
    popovers.close("sweep", announcements.of_launch(sweep.runs, began))
    st.rerun()
