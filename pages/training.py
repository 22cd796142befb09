"""The Training page: configure, launch, watch and stop trainings."""

import time

import streamlit as st

from dashboard.shared import bound, header, messages, page_runs, resources
from dashboard.states.training import TrainingState
from dashboard.sweeps import links
from dashboard.training import (
    announcements,
    fair_pair,
    form,
    queue_panel,
    rehearsal,
    run_panel,
    run_table,
    sweep_form,
)
from vitcore.architectures import ARCHITECTURES
from vitcore.paths import readonly
from vitcore.queue import launch as background

DEDUPE_S = 5.0  # merges identical launches within this time: a double click, or two users at once

header.title("training")

found = page_runs.offered("training")
chosen, (rehearse_place, button_place) = form.form(found)


def start() -> None:
    """Launch a run with the current settings. An error is shown until the settings change."""
    with messages.keep_error("launch", chosen.mark):
        began = time.time()
        run = background.launch(chosen.config(), title=chosen.title, device=chosen.device, dedupe_s=DEDUPE_S)
        bound.put(TrainingState, watch=run.id)
        messages.announce(announcements.of_launch([run], began))


with rehearse_place:
    rehearsal.button(chosen)
# This is no callback: if a double click interrupts the script, Streamlit restores the browser's previous
# choice of a run and does not call the callback again, but the button still reports that it was pressed.
pressed = button_place.button(
    "Launch training",
    type="primary",
    width="stretch",
    icon=":material/play_arrow:",
    disabled=readonly(),
    help="This ViT Lab is read-only." if readonly() else None,
)
if pressed:
    start()
    messages.show_announcements()
    found = page_runs.offered("training")

messages.show_errors(("launch", "rehearsal"), chosen.mark)  # both refuse the same settings
rehearsal.result(chosen)

note_place, pair_place, sweep_place = st.columns([5.65, 1.35, 1.35], vertical_alignment="center")
with pair_place:
    fair_pair.control(chosen, DEDUPE_S)
with sweep_place:
    sweep_form.control(chosen, found, DEDUPE_S)
own = [run for run in found if not run.bundled]
here = queue_panel.read_queue(own)
recipe = ARCHITECTURES[chosen.model]
measured = recipe.measured.get(chosen.recipe) or form.purpose(chosen)
note_place.caption(
    f"Recipe `{chosen.recipe}` for the {recipe.label}: {measured}. {queue_panel.waiting_note(here)}"
)

if not own:
    st.markdown(
        "You have no trainings yet. A `quick` run takes a few minutes, continues when you close the browser, "
        "and appears here with its curves. Below you see how the bundled models were trained."
    )
every = [*own, *(run for run in found if run.bundled)]
run_panel.panel(links.without_sweeps(every, TrainingState, "watch"), here)
run_table.control(every)
run_table.broken_runs(resources.broken())
