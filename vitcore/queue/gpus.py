"""List the GPUs that torch can use, without importing torch.

Torch's build decides whether there are any. The driver's library (NVML, or the topology of ROCm's kernel
driver) only describes them. Details that it does not report are unknown, and a GPU without a description is
still listed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

KFD = Path("/sys/class/kfd/kfd/topology/nodes")  # of ROCm's kernel driver
# dxg: Windows Subsystem for Linux; nvhost-gpu, nvgpu: Jetson
NVIDIA_SIGNS = ("/dev/nvidia0", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Gpu:
    """A GPU as CUDA_VISIBLE_DEVICES names it: by UUID where it is known, else by number."""

    id: str
    name: str
    memory: int | None = None  # bytes
    used: int | None = None  # bytes in use by all processes
    load: float | None = None  # utilization by all processes, 0 to 1


def torch_build() -> Literal["cuda", "rocm", "cpu"]:
    """Return what the installed torch was built for, from its version.py.

    The version number is not enough on Windows, where builds without CUDA have no suffix. Assume CUDA if
    torch is not installed or its version.py does not specify the build.
    """
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        with contextlib.suppress(OSError):
            text = (Path(folder) / "version.py").read_text(encoding="utf-8")
            built = dict(re.findall(r"^(cuda|hip)\b[^=\n]*=\s*(.+)$", text, re.M))
            if built:
                if built.get("hip", "None").strip() != "None":
                    return "rocm"
                return "cpu" if built.get("cuda", "None").strip() == "None" else "cuda"
    return "cuda"


def list_gpus() -> list[Gpu]:
    """Return the GPUs that a process started from here can use, in the order of their numbers."""
    build = torch_build()
    if build == "cuda":
        return _nvidia()
    return _rocm() if build == "rocm" else []


def _nvidia() -> list[Gpu]:
    import pynvml

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        if not any(Path(sign).exists() for sign in NVIDIA_SIGNS):
            return []
        return [Gpu(word, "CUDA device") for word in _words("0" if visible is None else visible)]
    try:
        count = _ask(pynvml, lambda: pynvml.nvmlDeviceGetCount()) or 0
        found = [gpu for number in range(count) if (gpu := _describe(pynvml, number))]
        return found if visible is None else _visible(pynvml, found, visible)
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _visible(pynvml: Any, found: list[Gpu], visible: str) -> list[Gpu]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES names, as CUDA reads it: up to the first invalid entry.

    An entry is a number, the beginning of a UUID, or a slice of a GPU (MIG).
    """
    chosen: list[Gpu] = []
    for word in _words(visible):
        if word.startswith("MIG-"):
            handle = _ask(pynvml, lambda word=word: pynvml.nvmlDeviceGetHandleByUUID(word.encode()))
            matches = [_described(pynvml, handle, word, "a slice of a GPU")]
        elif word.isdecimal():
            matches = found[int(word) :][:1]
        else:
            matches = [gpu for gpu in found if gpu.id.startswith(word)]
        if len(matches) != 1 or matches[0].id in {gpu.id for gpu in chosen}:
            break
        chosen += matches
    return chosen


def _describe(pynvml: Any, number: int) -> Gpu | None:
    handle = _ask(pynvml, lambda: pynvml.nvmlDeviceGetHandleByIndex(number))
    uuid = _ask(pynvml, lambda: pynvml.nvmlDeviceGetUUID(handle))
    return _described(pynvml, handle, _text(uuid) if uuid else str(number), "CUDA device")


def _described(pynvml: Any, handle: Any, key: str, name: str) -> Gpu:
    """Return a GPU with the details from NVML. Integrated GPUs have no memory of their own to report."""
    memory = _ask(pynvml, lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    load = _ask(pynvml, lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    given = _ask(pynvml, lambda: pynvml.nvmlDeviceGetName(handle))
    return Gpu(
        id=key,
        name=_text(given) if given else name,
        memory=memory.total if memory else None,
        used=memory.used if memory else None,
        load=load.gpu / 100 if load else None,
    )


def _ask(pynvml: Any, query: Callable[[], Value]) -> Value | None:
    """Return the result of a query to NVML, or None if the device or the driver does not support it."""
    try:
        return query()
    except (pynvml.NVMLError, AttributeError, TypeError, ValueError):
        return None


def _rocm() -> list[Gpu]:
    """Return AMD's GPUs: the nodes of the kernel driver's topology that have compute units."""
    found = []
    for node in sorted(KFD.glob("*"), key=lambda path: (len(path.name), path.name)) if KFD.is_dir() else []:
        with contextlib.suppress(OSError):
            lines = (node / "properties").read_text(encoding="utf-8").splitlines()
            properties = dict(line.split(maxsplit=1) for line in lines if " " in line)
            if properties.get("simd_count", "0") != "0":
                found.append(Gpu(str(len(found)), "AMD GPU", _rocm_memory(node)))
    for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        if (visible := os.environ.get(variable)) is not None:
            numbers = [int(word) for word in _words(visible) if word.isdecimal()]
            return [found[number] for number in numbers if number < len(found)]
    return found


def _rocm_memory(node: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for bank in node.glob("mem_banks/*/properties"):
            sizes = re.findall(r"^size_in_bytes (\d+)$", bank.read_text(encoding="utf-8"), re.M)
            if sizes and int(sizes[0]):
                return int(sizes[0])
    return None


def _words(visible: str) -> list[str]:
    return [word for word in map(str.strip, visible.split(",")) if word]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
