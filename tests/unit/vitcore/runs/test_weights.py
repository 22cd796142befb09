"""The header of a weights file against the safetensors library, and damaged files."""

from __future__ import annotations

import random

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vitcore.errors import UserError
from vitcore.models import count_parameters, load_run
from vitcore.runs.folder import find_run
from vitcore.runs.weights import count_trainable, not_finite, read_header


@pytest.mark.parametrize("name", ["vit-cifar10", "resnet-cifar10"])
def test_header_and_number_of_parameters_equal_the_librarys_and_torchs(name):
    run = find_run(name)
    header = read_header(run.best)
    with safe_open(run.best, "pt") as file:
        assert {n: list(w.shape) for n, w in header.items()} == {
            n: file.get_slice(n).get_shape()
            for n in file.keys()  # noqa: SIM118 - it is no dictionary
        }
    assert count_trainable(header) == count_parameters(load_run(run))


def opens(path) -> bool:
    try:
        with safe_open(path, "pt"):
            return True
    except (SafetensorError, OSError):
        return False


def test_damage_that_the_library_refuses_is_a_sentence_with_the_files_name(tmp_path):
    draw, path = random.Random(0), tmp_path / "best.safetensors"
    save_file({"a": torch.ones(3, 4), "b": torch.zeros(5, dtype=torch.int64)}, path)
    whole, refused = path.read_bytes(), 0
    assert read_header(path)["b"].shape == (5,)
    cases = [whole[:n] for n in range(0, len(whole), 7)] + [whole + b"x", b"", b"\xff" * 100, b"[" * 5000]
    for _ in range(200):
        content = bytearray(whole)
        content[draw.randrange(len(content) - 88)] = draw.randrange(256)  # in the header
        cases.append(bytes(content))
    for content in cases:
        path.write_bytes(content)
        try:
            read_header(path)
        except UserError as error:
            assert "best.safetensors" in str(error)  # noqa: PT017
            refused += 1
        else:
            assert opens(path), content
    assert refused > 100


@pytest.mark.parametrize(
    "entry",
    [
        '"shape": [true], "data_offsets": [0, 4]',
        '"shape": ["1"], "data_offsets": [0, 4]',
        '"shape": [1.0], "data_offsets": [0, 4]',
        '"shape": [1], "data_offsets": [0.0, 4.0]',
        '"shape": [1], "data_offsets": [false, 4]',
        '"shape": [1, 1e999], "data_offsets": [0, 4]',
    ],
)
def test_header_whose_numbers_are_not_whole_numbers_is_damaged(entry, tmp_path):
    path, text = tmp_path / "best.safetensors", f'{{"a": {{"dtype": "F32", {entry}}}}}'.encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    assert not opens(path)
    with pytest.raises(UserError, match=r"best\.safetensors"):
        read_header(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensor_that_is_not_finite_is_found_without_torch(dtype, value, tmp_path):
    largest = torch.full((2, 3), torch.finfo(dtype).max, dtype=dtype)
    state = {"a": largest, "b": -largest, "c": torch.arange(4), "d": torch.zeros(3, dtype=dtype)}
    save_file(state, tmp_path / "good.safetensors")
    assert not_finite(tmp_path / "good.safetensors") is None
    state["d"][2] = value
    save_file(state, tmp_path / "bad.safetensors")
    assert not_finite(tmp_path / "bad.safetensors") == "d"


def test_offset_before_the_data_is_damage(tmp_path):
    header = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}'
    path = tmp_path / "best.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(UserError, match=r"best\.safetensors"):
        read_header(path)
