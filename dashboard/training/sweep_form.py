"""The sweep form of the Training page: launches a group of trainings around the settings of the form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import bound
from dashboard.states.training import TrainingState
from dashboard.sweeps import links
from dashboard.training.form import Form
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.paths import readonly
from vitcore.reading import parse_yaml, short
from vitcore.sweeps.plan import (
    SHARES,
    STEPS,
    Plan,
    data_name,
    plan_samples,
    plan_study,
    setting_title,
    settings_of,
    suggest,
    text_of,
)
from vitcore.sweeps.sweep import launch_sweep

KINDS = {"samples": "Sample efficiency", "study": "One setting at a time"}
MAX_SEEDS = 10


def control(form: Form, dedupe_s: float) -> bool:
    """Draw a popover that launches a sweep around the settings of the form. Return whether it just did.

    Launches of the same sweep within `dedupe_s` seconds count once.
    """
    with st.popover("Sweep", icon=":material/stacked_line_chart:", width="stretch"):
        kind = st.segmented_control(
            "What to vary", list(KINDS), format_func=KINDS.__getitem__, default="samples", key="sweep_kind",
            required=True, label_visibility="collapsed",
        )  # fmt: skip
        try:
            base = form.config()
            plan = _samples(form, base) if kind == "samples" else _study(base)
        except UserError as error:
            st.error(sentence(error))
            return False
        if plan is None:
            return False
        st.caption(_description(plan))
        pressed = st.button(
            f"Launch {len(plan.entries)} runs", type="primary", key="launch_sweep", disabled=readonly()
        )
        done = pressed and _launch(plan, form.device, dedupe_s)
        if launched := st.session_state.get("sweep_launched"):
            links.open_results(*launched)
        return done


def _samples(form: Form, base: Config) -> Plan | None:
    """Draw the fields of a sweep over shares of the training images. Return its plan, or None if incomplete.

    Data, recipe and batch size come from the form, and so do the options and the learning rate of its model.
    """
    st.markdown("Trains models on nested shares of the training images, each for the same number of steps.")
    first = list(dict.fromkeys([form.model, "vit", "resnet"]))
    models = st.multiselect(
        "Models", list(ARCHITECTURES), default=first[:2], format_func=lambda name: ARCHITECTURES[name].label,
        key=f"sweep_models_{form.model}",
    )  # fmt: skip
    percents = [round(100 * share) for share in SHARES]
    shares = st.pills(
        "Shares of the training images", percents, selection_mode="multi", default=percents,
        key="sweep_shares", format_func=lambda p: f"{p} %",
    )  # fmt: skip
    left, right = st.columns(2)
    steps = left.number_input(
        "Steps of each run", value=STEPS, step=500, key="sweep_steps", help="Split into ten epochs."
    )
    seeds = _seeds(right, base, 2)
    own = {**base.options, "lr": base.lr}
    if not models or not shares:
        st.caption("Choose at least one model and one share.")
        return None
    return plan_samples(
        models, data=base.data, shares=[p / 100 for p in shares], steps=int(steps or 0), seeds=seeds,
        recipe=form.recipe, own={form.model: own} if form.model in models else None,
        batch_size=base.batch_size, device=base.device, image_size=base.image_size,
    )  # fmt: skip


def _study(base: Config) -> Plan | None:
    """Draw the fields of a sweep over settings around the form's configuration. Return its plan, or None."""
    label = ARCHITECTURES[base.model].label
    st.markdown(f"Varies one setting at a time around the **{label}** of the form above.")
    known = settings_of(base)
    chosen = st.multiselect(
        "Settings", known, default=known[:0], format_func=lambda name: setting_title(base.model, name),
        key=f"sweep_settings_{base.model}", placeholder="Choose settings",
    )  # fmt: skip
    values: dict[str, list[Any]] = {}
    columns = st.columns(2)
    for i, name in enumerate(chosen):
        start = ", ".join(text_of(value) for value in suggest(base, name))
        text = columns[i % 2].text_input(
            setting_title(base.model, name), start, key=f"sweep_values_{base.model}_{name}",
            help="Separate values with commas. The value of the form is trained once for all settings.",
        )  # fmt: skip
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
    """Return a sentence on what the sweep would train."""
    configs = [entry.config for entry in plan.entries]
    seeds = sorted({config.seed for config in configs})
    first = configs[0]
    steps = first.epochs * (first.steps_per_epoch or 0)
    length = f"{steps:,} steps" if steps else links.epochs_of(first)
    length = f"{first.minutes:g} minutes" if first.minutes else length
    base = ", including the base" if plan.kind == "study" else ""
    number = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    return (
        f"{len(configs)} runs{base}: {length} of {data_name(first)} each, recipe `{first.recipe}`, {number}. "
        "They wait in the queue like other runs. To predict how long one takes, rehearse the form above."
    )


def _launch(plan: Plan, device: str | None, dedupe_s: float) -> bool:
    try:
        sweep = launch_sweep(plan, device=device, dedupe_s=dedupe_s)
    except UserError as error:
        st.error(sentence(error))
        return False
    bound.put(TrainingState, watch=sweep.runs[0].id)
    st.session_state.sweep_launched = (sweep.name, len(sweep.runs))
    return True
