"""A training continues without torch.compile if the compiler fails, but not if the model fails."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_VIT
from vitcore.config import make_config
from vitcore.models import build_for
from vitcore.training.module import Classifier


def compiled(monkeypatch, backend):
    """Return the module of a tiny ViT that a backend of torch.compile compiles."""
    compile_with = torch.compile
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", lambda forward: compile_with(forward, backend=backend))
    config = make_config("quick", model="vit", compile=True, keep_patches=1.0, **TINY_VIT)
    return Classifier(build_for(config).eval(), config)


def runs_as(step):
    """Return a backend that compiles a model to the function `step`."""
    return lambda graph, inputs: step


def broken(graph, inputs):
    raise AssertionError("stable_topological_sort")


def out_of_memory(*inputs):
    raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")


def wrong_shape(*inputs):
    return torch.zeros(2, 3) @ torch.zeros(2, 3)


def test_step_runs_without_the_compiler_after_it_failed(monkeypatch, capsys):
    module, images = compiled(monkeypatch, broken), torch.zeros(2, 3, 32, 32)
    assert torch.equal(module._logits(images), module.model(images))
    assert module.compiled is None
    assert "BackendCompilerFailed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [(out_of_memory, torch.OutOfMemoryError, "20.00 GiB"), (wrong_shape, RuntimeError, "mat1 and mat2")],
)
def test_error_of_a_compiled_step_is_raised(step, error, words, monkeypatch, capsys):
    module = compiled(monkeypatch, runs_as(step))
    with pytest.raises(error, match=words):
        module._logits(torch.zeros(2, 3, 32, 32))
    assert module.compiled is not None
    assert not capsys.readouterr().out


def test_images_of_a_wrong_shape_are_an_error_of_the_model(monkeypatch, capsys):
    module = compiled(monkeypatch, "eager")
    with pytest.raises(RuntimeError, match=r"mat1 and mat2|shape|channels"):
        module._logits(torch.zeros(2, 1, 32, 32))
    assert module.compiled is not None
    assert not capsys.readouterr().out
