"""ONNX files of every architecture give torch's logits in onnxruntime, and a wrong file is removed."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

import vitcore
import vitcore.exchange.onnx as exporter
from tests.conftest import ROOT
from tests.made_runs import make_run
from tests.unit.vitcore.models.test_architectures import SMALL
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError
from vitcore.exchange.onnx import export_onnx
from vitcore.models import build_for, load_run, weights_of
from vitcore.preprocessing import Preprocessing
from vitcore.runs.folder import find_run

# of CIFAR-10's training images, as the tutorial states them
MEAN = np.array([0.49139968, 0.48215841, 0.44653091], np.float32).reshape(3, 1, 1)
STD = np.array([0.24703223, 0.24348513, 0.26158784], np.float32).reshape(3, 1, 1)
VITS = [
    {"norm": "post"},
    {"pool": "mean"},
    {"position": "sincos"},
    {"position": "none"},
    {"position": "rotary", "registers": 2},
    {"pool": "mean", "position": "none", "norm": "post"},
    {"num_layers": 1},
    {"image_size": 64},
    {"dropout": 0.2, "drop_path": 0.2},
    {"distilled": True, "registers": 3, "qkv_bias": False},
    {"activation": "quick_gelu", "embed_norm": True, "projection": 12, "patch_bias": False},
    {"pool": "cls_mean", "layer_scale": 0.5, "representation": 16, "activation": "gelu_tanh"},
]
CASES = [
    *(pytest.param(n, {}, id=n, marks=[] if n in ("vit", "resnet") else pytest.mark.slow) for n in SMALL),
    *(
        pytest.param("vit", o, id="vit-" + "-".join(map(str, o.values())), marks=pytest.mark.slow)
        for o in VITS
    ),
    pytest.param(
        "resnet",
        {"stem": "7x7", "block": "bottleneck", "shortcut": "conv_norm", "norm_eps": 1e-3},
        id="resnet-bottleneck",
    ),
    pytest.param("densenet", {"image_size": 64}, id="densenet-64", marks=pytest.mark.slow),
]


def used_run(home, name, **options):
    """A run whose batch normalizations have seen images, so that their running statistics matter."""
    run = make_run(home, name, model=name, **SMALL[name] | options)
    config = run.config
    torch.manual_seed(1)
    model = build_for(config).train()
    for _ in range(5):
        model(1 + 2 * torch.randn(16, 3, config.image_size, config.image_size))
    save_file(weights_of(model), run.best)
    return run


@pytest.mark.parametrize(("name", "options"), CASES)
def test_onnx_file_gives_the_logits_of_torch_for_any_batch_size(name, options, tmp_path, colors):
    if "image_size" in options:  # the check's images come from there
        options = {**options, "data": f"folder:{colors}", "classes": ("blue", "red")}
    run = used_run(tmp_path / "runs", name, **options)
    report = export_onnx(run, tmp_path / "model.onnx")
    model, side = load_run(run), run.config.image_size
    onnx.checker.check_model(str(report.path), full_check=True)
    session = onnxruntime.InferenceSession(str(report.path), providers=["CPUExecutionProvider"])
    for count in (1, 2, 3, 17):
        color = np.random.default_rng(count).random((count, 3, side, side), np.float32)
        with torch.inference_mode():
            wanted = model(torch.from_numpy((color - MEAN) / STD))
        logits, shares = session.run(["logits", "probabilities"], {"images": color})
        scale = float(wanted.abs().max())
        assert np.abs(logits - wanted.numpy()).max() < 2e-5 * scale
        assert np.allclose(shares, wanted.softmax(dim=1).numpy(), atol=1e-5)
    assert report.difference < 2e-5 * report.scale
    assert report.images == (100 if "data" not in options else 12)


def test_model_that_opens_with_the_photographs_is_exported(tmp_path):
    """The photographs have no labels, and the comparison needs none."""
    classes = tuple(f"bird {number}" for number in range(10))
    run = make_run(tmp_path, "Birds", model="resnet", data="photos", classes=classes, **SMALL["resnet"])
    report = export_onnx(run, tmp_path / "model.onnx")
    assert report.data == "photos"
    assert report.difference < 2e-5 * report.scale


def test_every_architecture_is_covered():
    assert set(SMALL) == set(ARCHITECTURES)


def test_metadata_describes_the_model_and_not_this_machine(tmp_path):
    run, file = find_run("resnet-cifar10"), tmp_path / "new" / "model.onnx"
    report = export_onnx(run, file)
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]
    assert (report.images, report.data) == (100, "cifar10-mini")
    assert report.difference <= 1e-4 * report.scale
    for shown in ("100 test images of cifar10-mini", f"{report.difference:.1e}", f"{report.scale:.1f}"):
        assert shown in str(report)
    proto = onnx.load(file)
    about = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(about["classes"]) == list(run.config.classes)
    assert (about["run"], about["architecture"], about["data"]) == ("resnet-cifar10", "resnet", "cifar10")
    assert json.loads(about["normalization"])["mean"] == pytest.approx(MEAN.ravel())
    assert vitcore.__version__ in about["source"]
    assert "RGB, 0 to 1" in proto.doc_string
    content = file.read_bytes()
    assert not [w for w in (ROOT, sys.prefix, "site-packages", ".py", "/tmp") if str(w).encode() in content]
    with pytest.raises(UserError, match="exists"):
        export_onnx(run, file)
    assert file.read_bytes() == content


@pytest.mark.parametrize("wrong", ["normalization", "one image", "not finite"])
def test_wrong_onnx_file_is_rejected_and_removed(wrong, tmp_path, monkeypatch):
    run = used_run(tmp_path / "runs", "resnet")
    if wrong == "normalization":
        rounded = Preprocessing(mean=(0.492, 0.482, 0.447))
        monkeypatch.setattr(exporter, "preprocessing_of", lambda model: rounded)
        words = "of 100 predictions"
    elif wrong == "one image":
        true = load_run(run)

        class Counting(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.true, self.zero = true, torch.nn.Parameter(torch.zeros(1, 10))

            def forward(self, x):
                return self.true(x) + self.zero.expand(len(x), -1)

        monkeypatch.setattr(exporter, "load_run", lambda run: Counting().eval())
        words = "number of images"
    else:
        state = weights_of(load_run(run))
        save_file({k: v * float("nan") if v.is_floating_point() else v for k, v in state.items()}, run.best)
        words = "not finite"
    with pytest.raises(UserError, match=words):
        export_onnx(run, tmp_path / "out" / "model.onnx")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_library_is_reported(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"{name}.*`pip install"):
        export_onnx(find_run("resnet-cifar10"), tmp_path / "model.onnx")
    assert not list(tmp_path.glob("*.onnx"))


def test_run_without_weights_is_rejected(tmp_path):
    with pytest.raises(UserError, match="vit-equal-time has no weights"):
        export_onnx(find_run("vit-equal-time"), tmp_path / "model.onnx")
