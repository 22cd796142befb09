"""Files of weights from elsewhere: each is loaded as it is meant, or refused in one short sentence."""

from __future__ import annotations

import os
import shutil
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore.analysis.tokens import read_tokens
from vitcore.config import dump_config, make_config
from vitcore.errors import UserError
from vitcore.exchange.archive import pack_run
from vitcore.exchange.folder import export_run
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.probes.store import Subject
from vitcore.runs.folder import Run


def vit(steps=()) -> Run:
    return make_run(runs_dir(), "odd", model="vit", steps=steps, **TINY_VIT)


def changed(change) -> Run:
    """Return a run whose weights are changed: each floating-point tensor, or the dictionary of all."""
    run = vit()
    tensors = load_file(run.best)
    run.best.unlink()
    save_file(change(tensors), run.best)
    return run


def each(change):
    return lambda tensors: {name: change(value) for name, value in tensors.items()}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_in_any_floating_point_type_are_loaded(dtype):
    run = changed(each(lambda value: value.to(dtype)))
    assert all(value.dtype == torch.float32 for value in load_run(run).state_dict().values())


REFUSED = {
    "whole numbers": each(lambda value: value.to(torch.int8)),
    "truth values": each(lambda value: value > 0),
    "complex": each(lambda value: value.to(torch.complex64)),
    "nan": each(lambda value: value * float("nan")),
    "outputs that overflow": each(lambda value: value * 1e30),
    "none": lambda tensors: {},
    "one missing": lambda tensors: dict(list(tensors.items())[1:]),
    "one more": lambda tensors: {**tensors, "x": torch.ones(1)},
    "long name": lambda tensors: {**tensors, "x" * 100_000: torch.ones(1)},
    "many names": lambda tensors: {**tensors, **{f"layer.{i}": torch.ones(1) for i in range(5000)}},
    "prefixes": lambda tensors: {f"module.{name}": value for name, value in tensors.items()},
    "other shapes": each(lambda value: value[None].contiguous()),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_weights_that_do_not_fit_are_refused_in_a_short_sentence(change):
    run = changed(change)
    with pytest.raises(UserError) as error:
        load_run(run)
    assert run.id in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64, torch.bool])
def test_tokens_of_types_that_numpy_lacks_are_read_or_refused(dtype):
    run = changed(each(lambda value: value.to(dtype)))
    image = np.zeros((3, 32, 32), np.uint8)
    try:
        assert read_tokens(run.best, run.config.options, image)[0].dtype == np.float32
    except UserError as error:
        assert "best.safetensors" in str(error)  # noqa: PT017


def test_a_file_of_many_gigabytes_is_refused_without_being_read():
    run = vit()
    os.truncate(run.best, 30 * 2**30)
    image = np.zeros((3, 32, 32), np.uint8)
    tokens = lambda run: read_tokens(run.best, run.config.options, image)  # noqa: E731
    for read in (load_run, pack_run, lambda run: Subject(run).digest, tokens):
        with pytest.raises(UserError, match="MB"):
            read(run)


HUGE = {"embed_dim": 2048, "hidden_dim": 8192, "num_layers": 48, "num_heads": 8}  # 9.7 GB


@pytest.mark.parametrize(("model", "options"), [("vit", HUGE), ("resnet", {"c_hidden": [2048] * 3})])
def test_network_that_is_much_larger_than_its_weights_takes_no_memory(model, options, monkeypatch):
    run = vit()
    config = make_config("quick", model=model, **options)
    (run.path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    made = []
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda tensor, *_, **__: made.append(tensor.numel()))
    monkeypatch.setattr(torch.Tensor, "normal_", lambda tensor, *_, **__: made.append(tensor.numel()))
    with pytest.raises(UserError, match=f"{run.id}.*configuration"):
        load_run(Run(run.path))
    assert sum(made) < 30_000_000  # numbers that were written


def test_export_names_the_run_whose_weights_are_too_large_for_half_precision(tmp_path):
    run = changed(lambda tensors: {**tensors, "cls_token": tensors["cls_token"] * 0 + 1e6})
    with pytest.raises(UserError) as error:
        export_run(run, tmp_path / "out")
    assert run.id in str(error.value)
    assert not list(tmp_path.glob(".export-*"))


@pytest.mark.parametrize(
    "name",
    ["step-0000010 (1)", "step-0000010 copy", "step-abc", "step--1", "step-", "step-٣", "step-9999999999999"],
)
def test_copies_of_snapshots_by_file_managers_are_no_snapshots(name):
    run = vit(steps=(10,))
    shutil.copy(run.best, run.checkpoints / f"{name}.safetensors")
    (run.checkpoints / "step-0000020.safetensors").mkdir()
    assert [path.name for path in run.snapshots] == ["step-0000010.safetensors"]
    assert pack_run(run, snapshots=5)


def header(text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**62) + b"{}",
        header(b"{}"),
        header(b"[]"),
        header(b"{" * 10_000),
        header(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":1}', b"\0" * 8),
        header(b'{"a":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,0]}}'),
        header(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"\0" * 4),
        header(b'{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}', b"\0" * 4),
        b"PK\x03\x04" + b"\0" * 100,
    ],
)
def test_headers_of_others_are_refused(content):
    run = vit()
    run.best.write_bytes(content)
    for read in (
        load_run,
        lambda run: read_tokens(run.best, run.config.options, np.zeros((3, 32, 32), "u1")),
    ):
        with pytest.raises(UserError):
            read(run)
