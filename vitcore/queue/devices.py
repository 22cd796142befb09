"""List the devices of this machine without torch, and assign them to queued runs.

CUDA devices come from `vitcore.queue.gpus`. They are identified by UUID because, unlike the number, the
UUID is stable. CUDA_VISIBLE_DEVICES restricts a process to its assigned devices. Apple's GPU and the CPU
count as one device each. Everything else here is a pure function of a list of devices, so tests can
pass their own list.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.provenance import processor_name
from vitcore.queue.gpus import list_gpus
from vitcore.runs import process

KINDS = ("cuda", "mps", "cpu")  # the order of preference of `auto`, as in Lightning


@dataclass(frozen=True)
class Device:
    """A device that trains one run at a time."""

    key: str  # cpu, mps, cuda:<UUID>
    kind: str  # cpu, mps, cuda
    name: str
    memory: int | None = None  # bytes
    used: int | None = None  # bytes in use by all processes
    load: float | None = None  # utilization by all processes, 0 to 1


@dataclass(frozen=True)
class DeviceRequest:
    """The devices that a queued run requests."""

    run: str  # the run's id
    kind: str  # cpu, mps, cuda
    count: int = 1
    key: str | None = None  # a specific device, or None for any of this kind


def list_devices() -> list[Device]:
    """Return the devices of this machine in order of preference. The CPU is always last."""
    found = [
        Device(f"cuda:{gpu.id}", "cuda", gpu.name, gpu.memory, gpu.used, gpu.load) for gpu in list_gpus()
    ]
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        memory = psutil.virtual_memory()
        found.append(Device("mps", "mps", "Apple GPU", memory.total, memory.total - memory.available))
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    load = min(1.0, psutil.getloadavg()[0] / process.processors())  # average of the last minute
    return [*found, Device("cpu", "cpu", processor_name(), memory.total, used, load)]


def device_request(
    run: str, config: Config, devices: Sequence[Device], key: str | None = None
) -> DeviceRequest:
    """Return the device request of a training with `config` on a machine with these devices.

    `key` requests a specific device. Raise `UserError` when the machine does not have the requested devices.
    """
    kinds = [d.kind for d in devices]
    kind = config.device if config.device != "auto" else next(k for k in KINDS if k in kinds)
    if key is not None:
        found = next((d for d in devices if d.key == key), None)
        if found is None:
            names = ", ".join(d.key for d in devices)
            raise UserError(f"This machine has no device {key}: choose one of {names}.")
        if config.device not in ("auto", found.kind) or config.devices > 1:
            raise UserError(
                f"device {config.device} with {config.devices} devices contradicts the single device {key}: "
                "leave out one of the two."
            )
        kind = found.kind
    if kind not in kinds:
        raise UserError(f"This machine has no {kind} device: choose --device auto or cpu.")
    if kind == "cpu":  # all processes of the run share it
        return DeviceRequest(run, kind, 1, "cpu")
    if (count := kinds.count(kind)) < config.devices:
        raise UserError(
            f"devices is {config.devices}, but only {count} of kind {kind} exist here: choose at most "
            f"{count}."
        )
    return DeviceRequest(run, kind, config.devices, key)


def assign(
    requests: Iterable[DeviceRequest], devices: Sequence[Device], taken: Iterable[str]
) -> dict[str, list[str]]:
    """Return the device keys of each run that can start now: first come, first served on every device.

    A run that has to wait reserves the devices it waits for, so that runs behind it cannot starve it. Runs
    that request other devices can overtake it. Among free devices, those with the most free memory are
    assigned first.
    """
    taken, given = set(taken), {}
    room = {d.key: (d.memory or 0) - (d.used or 0) for d in devices}
    for request in requests:
        fitting = [d.key for d in devices if d.kind == request.kind and request.key in (None, d.key)]
        free = sorted((key for key in fitting if key not in taken), key=lambda key: -room[key])
        if len(free) >= request.count:
            given[request.run] = free[: request.count]
            taken.update(given[request.run])
        elif len(fitting) >= request.count:  # the run waits: reserve the devices
            taken.update(free if request.key is None else fitting)
    return given


def environment(keys: Sequence[str]) -> dict[str, str]:
    """Return the environment variables that restrict a process to its devices."""
    cuda = [key.removeprefix("cuda:") for key in keys if key.startswith("cuda:")]
    return {"CUDA_VISIBLE_DEVICES": ",".join(cuda)} if cuda else {}


def occupied_devices(slots: Sequence[str], device: str | None, devices: Sequence[Device]) -> list[str]:
    """Return the keys of the devices that a live run occupies.

    These are its assigned `slots`. A foreground run has none: use its `device` instead. `device` is torch's
    name, such as cpu or cuda:1, where the index counts the visible devices. None (not known yet) means the
    CPU.
    """
    if slots:
        return list(slots)
    kind, _, number = (device or "cpu").partition(":")
    same_kind = [d.key for d in devices if d.kind == kind]
    return same_kind[int(number or 0) :][:1] if number.isdigit() or not number else same_kind[:1]


def as_row(device: Device) -> dict[str, Any]:
    """Return the device as a row of the command line's JSON output."""
    return {
        "key": device.key,
        "kind": device.kind,
        "name": device.name,
        "memory_bytes": device.memory,
        "used_bytes": device.used,
        "load": device.load,
    }
