"""Listing and assigning devices, on made-up lists of devices."""

from __future__ import annotations

import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.queue import gpus
from vitcore.queue.devices import (
    Device,
    DeviceRequest,
    assign,
    device_request,
    environment,
    list_devices,
    occupied_devices,
)

CPU = Device("cpu", "cpu", "A processor", 16, 8)
GPUS = [Device("cuda:GPU-aa", "cuda", "H100", 80, 10), Device("cuda:GPU-bb", "cuda", "H100", 80, 0)]
MPS = Device("mps", "mps", "Apple GPU", 16, 8)


class Nvml(types.ModuleType):
    """A stand-in for pynvml on a machine with two GPUs."""

    class NVMLError(Exception):
        pass

    def __init__(self, broken=False):
        super().__init__("pynvml")
        self.broken = broken

    def nvmlInit(self):
        if self.broken:
            raise self.NVMLError

    def nvmlShutdown(self):
        pass

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, number):
        return number

    def nvmlDeviceGetUUID(self, number):
        return ("GPU-aa", b"GPU-bb")[number]

    def nvmlDeviceGetName(self, number):
        return b"NVIDIA H100"

    def nvmlDeviceGetMemoryInfo(self, number):
        return types.SimpleNamespace(total=80_000, used=1_000 * number)

    def nvmlDeviceGetUtilizationRates(self, number):
        if number:
            raise self.NVMLError  # some do not tell
        return types.SimpleNamespace(gpu=25)


@pytest.mark.parametrize(
    ("visible", "keys"),
    [
        (None, ["cuda:GPU-aa", "cuda:GPU-bb"]),
        ("1", ["cuda:GPU-bb"]),
        ("1,0", ["cuda:GPU-bb", "cuda:GPU-aa"]),
        ("GPU-b", ["cuda:GPU-bb"]),
        ("0,7,1", ["cuda:GPU-aa"]),  # CUDA stops at the first that there is not
        ("GPU-", []),  # of two
        ("", []),
    ],
)
def test_gpus_are_listed_by_uuid_in_cuda_order(monkeypatch, visible, keys):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setattr(gpus, "torch_build", lambda: "cuda")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    *found, cpu = list_devices()
    assert [d.key for d in found] == keys
    assert cpu.key == "cpu"
    assert cpu.memory > cpu.used > 0
    if keys[:1] == ["cuda:GPU-aa"]:
        first = found[0]
        assert (first.name, first.memory, first.used, first.load) == ("NVIDIA H100", 80_000, 0, 0.25)
    if keys[-1:] == ["cuda:GPU-bb"]:
        assert found[-1].load is None


def test_only_the_cpu_is_listed_without_nvml(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(broken=True))
    monkeypatch.setattr(gpus, "NVIDIA_SIGNS", ())
    assert [d.kind for d in list_devices()][-1] == "cpu"
    assert not [d for d in list_devices() if d.kind == "cuda"]


def test_cpu_build_of_torch_ignores_gpus(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = {}
    for build in ("cpu", "cuda"):
        monkeypatch.setattr(gpus, "torch_build", lambda build=build: build)
        found[build] = [d for d in list_devices() if d.kind == "cuda"]
    assert not found["cpu"]
    assert found["cuda"]


@pytest.mark.parametrize(
    ("device", "available", "kind"),
    [
        ("auto", [*GPUS, CPU], "cuda"),
        ("auto", [MPS, CPU], "mps"),
        ("auto", [CPU], "cpu"),
        ("cpu", [*GPUS, CPU], "cpu"),
        ("cuda", [*GPUS, CPU], "cuda"),
    ],
)
def test_auto_prefers_devices_like_lightning(device, available, kind):
    assert device_request("a", make_config(device=device), available).kind == kind


@pytest.mark.parametrize(
    ("config", "key", "words"),
    [
        ({"device": "mps"}, None, "no mps device"),
        ({"device": "cuda", "devices": 4}, None, "only 2 of kind cuda"),
        ({}, "cuda:GPU-zz", "choose one of cuda:GPU-aa, cuda:GPU-bb, cpu"),
        ({"device": "cpu"}, "cuda:GPU-aa", "device cpu .*cuda:GPU-aa"),
        ({"devices": 2}, "cuda:GPU-aa", "2 devices .*cuda:GPU-aa"),
    ],
)
def test_missing_device_is_rejected(config, key, words):
    with pytest.raises(UserError, match=words):
        device_request("a", make_config(**config), [*GPUS, CPU], key)


def test_two_gpus_train_two_runs_and_most_free_memory_is_assigned_first():
    requests = [
        DeviceRequest("a", "cuda"),
        DeviceRequest("b", "cuda"),
        DeviceRequest("c", "cuda"),
        DeviceRequest("d", "cpu"),
    ]
    given = assign(requests, [*GPUS, CPU], taken=())
    assert given == {"a": ["cuda:GPU-bb"], "b": ["cuda:GPU-aa"], "d": ["cpu"]}


def test_run_waiting_for_both_gpus_starts_before_later_runs():
    requests = [DeviceRequest("both", "cuda", 2), DeviceRequest("one", "cuda")]
    assert assign(requests, [*GPUS, CPU], taken=["cuda:GPU-aa"]) == {}
    assert assign(requests, [*GPUS, CPU], taken=()) == {"both": ["cuda:GPU-bb", "cuda:GPU-aa"]}


def test_run_waiting_for_a_specific_gpu_does_not_block_the_other():
    requests = [DeviceRequest("that", "cuda", 1, "cuda:GPU-aa"), DeviceRequest("any", "cuda")]
    assert assign(requests, [*GPUS, CPU], taken=["cuda:GPU-aa"]) == {"any": ["cuda:GPU-bb"]}


@st.composite
def queues(draw):
    devices = [
        Device(f"cuda:{i}", "cuda", "", 10, draw(st.integers(0, 10))) for i in range(draw(st.integers(1, 4)))
    ]
    keys = [d.key for d in devices]
    requests = []
    for i in range(draw(st.integers(1, 12))):
        if draw(st.booleans()):
            requests.append(DeviceRequest(str(i), "cpu", 1, "cpu"))
        elif draw(st.booleans()):
            requests.append(DeviceRequest(str(i), "cuda", 1, draw(st.sampled_from(keys))))
        else:
            requests.append(DeviceRequest(str(i), "cuda", draw(st.integers(1, len(keys)))))
    return [*devices, CPU], requests, draw(st.randoms(use_true_random=False))


@given(queues())
def test_queue_empties_in_order_and_no_device_is_assigned_twice(queue):
    devices, requests, chance = queue
    running, begun, left = {}, [], list(requests)
    for _ in range(200):
        new = assign(left, devices, [key for keys in running.values() for key in keys])
        running |= new
        begun += new
        left = [request for request in left if request.run not in new]
        held = [key for keys in running.values() for key in keys]
        assert len(held) == len(set(held))
        if not running:
            break
        running.pop(chance.choice(sorted(running)))
    assert not left, "a run waits forever"
    for alike in (
        {request.run for request in requests if request.kind == "cpu"},
        {request.run for request in requests if request.key is None},
    ):
        assert [r for r in begun if r in alike] == sorted(alike, key=int)


def test_process_is_restricted_to_its_gpus():
    assert environment(["cuda:GPU-bb", "cuda:GPU-aa"]) == {"CUDA_VISIBLE_DEVICES": "GPU-bb,GPU-aa"}
    assert environment(["cpu"]) == {}


@pytest.mark.parametrize(
    ("slots", "device", "keys"),
    [
        (["cuda:GPU-bb"], "cuda:0", ["cuda:GPU-bb"]),
        ([], "cuda:1", ["cuda:GPU-bb"]),
        ([], "cuda", ["cuda:GPU-aa"]),
        ([], "cpu", ["cpu"]),
        ([], None, ["cpu"]),
        ([], "cuda:9", []),
    ],
)
def test_foreground_training_occupies_its_device(slots, device, keys):
    assert occupied_devices(slots, device, [*GPUS, CPU]) == keys
