"""GPUs that the driver describes badly or not at all, and what torch's build says."""

from __future__ import annotations

import importlib.util
import sys
import types

import pytest

from vitcore.queue import gpus
from vitcore.queue.devices import list_devices
from vitcore.queue.gpus import list_gpus, torch_build
from vitcore.runs.process import processors


class Nvml(types.ModuleType):
    """NVML of a machine whose GPUs do not support the questions in `silent`."""

    class NVMLError(Exception):
        pass

    def __init__(self, silent=()):
        super().__init__("pynvml")
        self.silent = silent

    def __getattr__(self, name):
        if not name.startswith("nvml"):
            raise AttributeError(name)
        answers = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
            "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}{handle}",
            "nvmlDeviceGetName": lambda handle: (
                "NVIDIA GB10" if isinstance(handle, int) else "H100 MIG 1g.10gb"
            ),
            "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(total=100, used=10),
            "nvmlDeviceGetUtilizationRates": lambda handle: types.SimpleNamespace(gpu=50),
        }

        def answer(*given):
            if name in self.silent:
                raise self.NVMLError
            return answers[name](*given)

        return answer


@pytest.fixture
def nvml(monkeypatch):
    monkeypatch.setattr(gpus, "torch_build", lambda: "cuda")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    made = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


QUESTIONS = [
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
]


@pytest.mark.parametrize("silent", [*[(q,) for q in QUESTIONS], QUESTIONS, ["nvmlShutdown"]], ids=str)
def test_a_gpu_is_listed_whatever_nvml_does_not_support(nvml, silent):
    nvml.silent = silent
    *found, cpu = list_devices()
    assert [d.kind for d in found] == ["cuda", "cuda"]
    assert cpu.kind == "cpu"
    if "nvmlDeviceGetMemoryInfo" in silent:
        assert found[0].memory is None
    if "nvmlDeviceGetUUID" in silent:
        assert [d.key for d in found] == ["cuda:0", "cuda:1"]


def test_slices_of_a_gpu_are_devices_of_their_own(nvml, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1234-5678,MIG-aaaa")
    assert [(g.id, g.name, g.memory) for g in list_gpus()] == [
        ("MIG-1234-5678", "H100 MIG 1g.10gb", 100),
        ("MIG-aaaa", "H100 MIG 1g.10gb", 100),
    ]
    nvml.silent = ["nvmlDeviceGetHandleByUUID", *QUESTIONS]
    assert [g.id for g in list_gpus()] == ["MIG-1234-5678", "MIG-aaaa"]


def version(tmp_path, monkeypatch, text):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "version.py").write_text(text)
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path / "torch")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    return torch_build()


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("__version__ = '2.9.0'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", "cpu"),  # Windows
        ("__version__ = '2.9.0+cpu'\ncuda = None\nhip = None\n", "cpu"),
        ("__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "cuda"),
        ("__version__ = '2.9.0'\ncuda: Optional[str] = None\nhip: Optional[str] = '6.4.1'\n", "rocm"),
    ],
)
def test_torchs_build_is_read_from_its_version_file(tmp_path, monkeypatch, text, build):
    assert version(tmp_path, monkeypatch, text) == build


def test_torchs_build_is_what_torch_itself_says():
    import torch

    assert torch_build() == ("rocm" if torch.version.hip else "cuda" if torch.version.cuda else "cpu")


def test_amd_gpus_are_cuda_devices_for_torch(tmp_path, monkeypatch):
    monkeypatch.setattr(gpus, "torch_build", lambda: "rocm")
    monkeypatch.setattr(gpus, "KFD", tmp_path)
    for number, simd in enumerate([0, 304, 304]):  # the first node is the processor
        memory = tmp_path / str(number) / "mem_banks" / "0"
        memory.mkdir(parents=True)
        (tmp_path / str(number) / "properties").write_text(f"cpu_cores_count 0\nsimd_count {simd}\n")
        (tmp_path / str(number) / "mem_banks" / "0" / "properties").write_text(
            "heap_type 1\nsize_in_bytes 192\n"
        )
    *found, _ = list_devices()
    assert [(d.key, d.kind, d.memory) for d in found] == [("cuda:0", "cuda", 192), ("cuda:1", "cuda", 192)]
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "1")
    assert [g.id for g in list_gpus()] == ["1"]


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu.max": "150000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 10**6),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 10**6),
        ({"cpu.max": "nonsense\n"}, 10**6),
        ({}, 10**6),
    ],
)
def test_a_containers_quota_limits_the_processors(tmp_path, monkeypatch, files, most):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors(tmp_path) == min(8, most)
