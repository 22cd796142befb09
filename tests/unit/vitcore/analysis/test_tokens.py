"""Tokens computed from the weights file equal those of the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import vitcore
from tests.made_runs import make_run
from vitcore.analysis.attention import as_input
from vitcore.analysis.tokens import patch_rows, read_tokens
from vitcore.data.augment import normalize
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.networks.vit import to_patches
from vitcore.runs.folder import find_run

IMAGE = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)


def embedded(model):
    with torch.inference_mode():
        return model.embed(as_input(torch.from_numpy(IMAGE[None]), model))[0].numpy()


def test_tokens_of_the_bundled_model_equal_embed():
    run = find_run("vit-cifar10")
    tokens, positions = read_tokens(run.weights, run.config.options, IMAGE)
    assert tokens.shape == positions.shape == (65, 256)
    np.testing.assert_allclose(tokens + positions, embedded(vitcore.load("vit-cifar10")), atol=1e-5)


@pytest.mark.parametrize("pool", ["cls", "mean"])
@pytest.mark.parametrize("position", ["learned", "sincos", "rotary", "none"])
def test_tokens_for_every_kind_of_position_and_pooling(tmp_path, pool, position):
    sizes = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(tmp_path, "small", model="vit", position=position, pool=pool, **sizes)
    tokens, positions = read_tokens(run.weights, run.config.options, IMAGE)
    np.testing.assert_allclose(tokens + positions, embedded(load_run(run)), atol=1e-5)
    assert positions.any() == (position in ("learned", "sincos"))


@pytest.mark.parametrize("size", [2, 8, 16])
def test_patches_equal_those_of_the_model(size):
    expected = to_patches(normalize(torch.from_numpy(IMAGE[None])), size)[0].numpy()
    np.testing.assert_allclose(patch_rows(IMAGE, size), expected, atol=1e-6)


def test_invalid_weights_are_reported(tmp_path):
    options = find_run("vit-cifar10").config.options
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    for name in ("bad.safetensors", "absent.safetensors"):
        with pytest.raises(UserError, match=name):
            read_tokens(tmp_path / name, options, IMAGE)
    state = load_file(find_run("vit-cifar10").weights)
    save_file({**state, "cls_token": np.zeros((), np.float32)}, tmp_path / "flat.safetensors")
    with pytest.raises(UserError, match=r"flat\.safetensors"):
        read_tokens(tmp_path / "flat.safetensors", options, IMAGE)
    with pytest.raises(UserError, match="cannot be read"):  # an image of another size
        read_tokens(find_run("vit-cifar10").weights, options, np.zeros((3, 64, 64), np.uint8))
