"""Which devices this machine has, seen without torch, and who gets which.

CUDA devices come from NVIDIA's management library (NVML) and are named by their UUID, which, unlike their
number, stays; a process is confined to its own by CUDA_VISIBLE_DEVICES. Apple's GPU and the CPU are one
device each. Everything else here is a pure function of a list of devices, so tests bring their own.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from vitcore.config import Config
from vitcore.errors import UserError
from vitcore.provenance import processor_name

KINDS = ("cuda", "mps", "cpu")  # in the order in which `auto` prefers them, as Lightning does


@dataclass(frozen=True)
class Device:
    """Something that trains one run at a time."""

    key: str  # cpu, mps, cuda:<UUID>
    kind: str  # cpu, mps, cuda
    name: str
    memory: int | None = None  # bytes
    used: int | None = None  # bytes, by anybody
    load: float | None = None  # share of the time that it computes, by anybody


@dataclass(frozen=True)
class DeviceRequest:
    """What a queued run asks for."""

    run: str  # its id
    kind: str  # cpu, mps, cuda
    count: int = 1
    key: str | None = None  # this very device


def list_devices() -> list[Device]:
    """The devices of this machine, the preferred kind first; the CPU is always the last."""
    found = _cuda() if _torch_has_cuda() else []
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        memory = psutil.virtual_memory()
        found.append(Device("mps", "mps", "Apple GPU", memory.total, memory.total - memory.available))
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    load = min(1.0, psutil.getloadavg()[0] / (psutil.cpu_count() or 1))  # of the last minute
    return [*found, Device("cpu", "cpu", processor_name(), memory.total, used, load)]


def _torch_has_cuda() -> bool:
    """False for PyTorch's CPU-only builds, which leave a GPU unused."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return not importlib.metadata.version("torch").endswith("+cpu")
    return True


def _cuda() -> list[Device]:
    import pynvml

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        signs = any(Path(p).exists() for p in ("/dev/nvidia0", "/dev/dxg"))
        numbers = visible.split(",") if visible is not None else ["0"]
        return [Device(f"cuda:{n}", "cuda", "CUDA device") for n in numbers if n.strip()] if signs else []
    try:
        found = {}
        for number in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(number)
            uuid, memory = _text(pynvml.nvmlDeviceGetUUID(handle)), pynvml.nvmlDeviceGetMemoryInfo(handle)
            try:
                load = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
            except pynvml.NVMLError:  # not every device tells
                load = None
            name = _text(pynvml.nvmlDeviceGetName(handle))
            found[str(number)] = Device(f"cuda:{uuid}", "cuda", name, memory.total, memory.used, load)
        if visible is None:
            return list(found.values())
        # as CUDA does: numbers or beginnings of UUIDs, in that order, up to the first that there is not
        chosen: list[Device] = []
        for word in filter(None, map(str.strip, visible.split(","))):
            matches = [d for n, d in found.items() if word == n or d.key.startswith(f"cuda:{word}")]
            if len(matches) != 1 or matches[0] in chosen:
                break
            chosen += matches
        return chosen
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def device_request(
    run: str, config: Config, devices: Sequence[Device], key: str | None = None
) -> DeviceRequest:
    """What a training of `config` asks for on a machine with these devices, or the very device `key`.

    Raises `UserError` when the machine does not have it.
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
                f"device {config.device} with {config.devices} devices does not fit the one device {key}: "
                "leave one of them out."
            )
        kind = found.kind
    if kind not in kinds:
        raise UserError(f"This machine has no {kind} device: choose --device auto or cpu.")
    if kind == "cpu":  # several processes share it
        return DeviceRequest(run, kind, 1, "cpu")
    if (there := kinds.count(kind)) < config.devices:
        raise UserError(
            f"devices is {config.devices} and this machine has {there} of kind {kind}: ask for at most that."
        )
    return DeviceRequest(run, kind, config.devices, key)


def assign(
    wishes: Iterable[DeviceRequest], devices: Sequence[Device], taken: Iterable[str]
) -> dict[str, list[str]]:
    """The keys that each run gets now, for those that can start: first come, first served on every device.

    A run that has to wait keeps what it waits for from those behind it, so that none waits for ever; runs for
    other devices pass it. Of free devices the one with the most free memory is given first.
    """
    taken, given = set(taken), {}
    room = {d.key: (d.memory or 0) - (d.used or 0) for d in devices}
    for asked in wishes:
        fitting = [d.key for d in devices if d.kind == asked.kind and asked.key in (None, d.key)]
        free = sorted((key for key in fitting if key not in taken), key=lambda key: -room[key])
        if len(free) >= asked.count:
            given[asked.run] = free[: asked.count]
            taken.update(given[asked.run])
        elif len(fitting) >= asked.count:  # it waits
            taken.update(free if asked.key is None else fitting)
    return given


def environment(keys: Sequence[str]) -> dict[str, str]:
    """What confines a process to its devices."""
    cuda = [key.removeprefix("cuda:") for key in keys if key.startswith("cuda:")]
    return {"CUDA_VISIBLE_DEVICES": ",".join(cuda)} if cuda else {}


def occupied_devices(slots: Sequence[str], device: str | None, devices: Sequence[Device]) -> list[str]:
    """The keys that a living run takes: those it was given, else (in the foreground) those of its `device`.

    `device` is torch's name, cpu or cuda:1, which counts the visible ones; unknown as yet is the CPU.
    """
    if slots:
        return list(slots)
    kind, _, number = (device or "cpu").partition(":")
    alike = [d.key for d in devices if d.kind == kind]
    return alike[int(number or 0) :][:1] if number.isdigit() or not number else alike[:1]


def as_row(device: Device) -> dict[str, Any]:
    """For the command line's JSON."""
    return {"key": device.key, "kind": device.kind, "name": device.name, "memory_bytes": device.memory,
            "used_bytes": device.used, "load": device.load}  # fmt: skip
