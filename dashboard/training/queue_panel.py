"""The devices and the queue of waiting runs, shown and edited on the Training page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import messages, resources
from dashboard.shared.labels import run_label, run_labels
from dashboard.training import announcements
from vitcore import numbers
from vitcore.paths import readonly, runs_dir
from vitcore.queue import launch as background
from vitcore.queue import order as queue
from vitcore.queue.devices import Device, occupied_devices
from vitcore.runs.folder import Run

ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


@dataclass(frozen=True)
class QueueState:
    """Active runs on this host, and waiting runs in queue order."""

    training: list[Run]
    waiting: list[Run]
    labels: dict[str, str]  # by the id of a run, unique among the user's runs

    def label(self, run: Run) -> str:
        """Return the label of a run. A run launched after the list was read gets a short label."""
        return self.labels.get(run.id) or run_label(run)


def read_queue(own: list[Run]) -> QueueState:
    """Return which runs train and which wait. Wake the supervisor if any wait."""
    training, waiting = [], False
    for run in own:
        status = run.stored_status()
        waiting = waiting or status.state == "queued"
        if status.state in ("running", "stopping") and queue.is_here(status):
            training.append(run)
    if waiting and not readonly():
        background.wake()
    living = [run for run in training if run.status().state in ("running", "stopping")]
    return QueueState(living, queue.waiting(runs_dir()) if waiting else [], run_labels(own))


def queue_position(run: Run) -> str:
    """Return "Next in the queue" or "3rd in the queue". A run on another host gets the name of the host."""
    order = queue.waiting(run.path.parent)
    if run not in order:
        status = run.stored_status()
        return "" if queue.is_here(status) else f"Waiting on {status.host}"
    position = order.index(run) + 1
    return "Next in the queue" if position == 1 else f"{ORDINALS.get(position, f'{position}th')} in the queue"


def waiting_note(here: QueueState) -> str:
    """Return a sentence if a run that is launched now would have to wait. Empty if it would start at once."""
    training, waiting = here.training, here.waiting
    if not training and not waiting:
        return ""
    devices = resources.devices()
    busy = {key for run in training for key in _occupied(run, devices)}
    if not waiting and len(busy) < len([d for d in devices if d.kind == devices[0].kind]):
        return ""
    return f"A new run would wait: {len(training)} in training, {len(waiting)} ahead of it in the queue."


def _occupied(run: Run, devices: list[Device]) -> list[str]:
    status = run.stored_status()
    return occupied_devices(status.slots, status.device, devices)


def control(here: QueueState) -> None:
    """Draw a popover with the devices and the queue. Its label shows how many runs wait."""
    training, waiting = here.training, here.waiting
    label = f"Devices and queue ({len(waiting)})" if waiting else "Devices and queue"
    with st.popover(label, icon=":material/memory:", width="stretch"):
        devices = resources.devices()
        for device in devices:
            _device(device, [here.label(run) for run in training if device.key in _occupied(run, devices)])
        if not waiting:
            st.caption("The queue is empty. Each device trains one run at a time.")
        for index, run in enumerate(waiting):
            _waiting_run(run, here.label(run), index, len(waiting))
        if problem := messages.take("queue"):
            st.error(sentence(problem))


def _device(device: Device, training: list[str]) -> None:
    """Draw a device with the labels of the runs that it trains."""
    parts = []
    if device.memory:
        parts.append(f"{(device.used or 0) / 1e9:.1f} of {device.memory / 1e9:.1f} GB in use")
    if device.load is not None:
        parts.append(f"load {numbers.percent(device.load, 0)}")
    names = ", ".join(training)
    kind = {"cuda": "GPU", "mps": "GPU", "cpu": "CPU"}[device.kind]
    st.markdown(f"**{kind}** {device.name}")
    st.text(f"{f'Trains {names}' if names else 'Free'}. {', '.join(parts)}")


def _waiting_run(run: Run, label: str, index: int, count: int) -> None:
    """Draw a waiting run with buttons that move it in the queue."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(f"{index + 1}. {label}", width="stretch")
        for to, name, title, disabled in (
            ("first", "First", "Move to the front of the queue", index == 0),
            ("up", "Up", "Move one position up", index == 0),
            ("down", "Down", "Move one position down", index == count - 1),
        ):
            st.button(
                name,
                key=f"{to}_{run.id}",
                help=title,
                type="tertiary",
                on_click=_move,
                args=(run, to),
                disabled=disabled or readonly(),
            )
        st.button(
            "Remove",
            key=f"remove_{run.id}",
            type="tertiary",
            on_click=_remove,
            args=(run, label),
            disabled=readonly(),
            help="Remove from the queue. The run is kept and can be resumed.",
        )


def _remove(run: Run, label: str) -> None:
    with messages.keep_error("queue"):
        state = run.status().state  # its training may have started since
        background.stop(run)
        messages.announce(announcements.of_stop(label, state))


def _move(run: Run, to: queue.Place) -> None:
    with messages.keep_error("queue"):
        queue.move(run, to)
