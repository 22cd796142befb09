"""Models of the Hugging Face Hub: downloads from a local server with its protocol, cache and refusals.

The library reads HF_ENDPOINT and HF_HOME when it is imported, so each download is a child process.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save

from tests.command_line import check_refused, run_process
from tests.hub_server import COMMIT, hub
from vitcore.models import load_run
from vitcore.runs.folder import Run

NAME = "timm/vit_small.test"
CARD = b"---\nlicense: apache-2.0\ntags:\n- vit\n---\n# A model\n"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=8, num_classes=7).eval()


@pytest.fixture(scope="module")
def files(model):
    about = {"architecture": "vit_tiny_patch16_224", "num_classes": 7, "pretrained_cfg": {"mean": [0.5] * 3}}
    return {
        "model.safetensors": save(model.state_dict()),
        "config.json": json.dumps(about).encode(),
        "README.md": CARD,
    }


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)


def test_model_of_the_hub_becomes_a_run_and_is_cached(model, files, monkeypatch):
    with hub({NAME: files}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        done = run_process("import", NAME)
        assert done.returncode == 0, done.stderr
        assert "MB" in done.stderr
        loaded = [path.rpartition("/")[2] for method, path, _ in server.requests if method == "GET"]
        assert {"model.safetensors", "config.json", "README.md"} <= {*loaded}
    run = Run(Path(done.stdout.strip()))
    reason = run.status().reason
    assert NAME in reason
    assert COMMIT[:7] in reason
    assert "apache-2.0" in reason
    image = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(load_run(run)(image), model(image), atol=1e-5)
    for offline in ("0", "1"):  # the server is gone
        monkeypatch.setenv("HF_HUB_OFFLINE", offline)
        again = run_process("import", NAME)
        assert again.returncode == 0, again.stderr
        assert again.stdout == done.stdout


@pytest.mark.slow
def test_broken_download_continues_where_it_stopped(files, monkeypatch):
    with hub({NAME: files}, breaks=True) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        done = run_process("import", NAME)
        assert done.returncode == 0, done.stderr
        assert any(asked.startswith("bytes=") and asked != "bytes=0-" for _, _, asked in server.requests)


@pytest.mark.slow
def test_missing_gated_and_empty_repositories_are_refused_in_one_sentence(files, monkeypatch, tmp_path):
    with hub({NAME: files, "a/gated": files, "a/empty": {"config.json": b"{}"}}, ("a/gated",)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        check_refused(run_process("import", "a/missing"), "a/missing", "name")
        check_refused(run_process("import", "a/gated"), "a/gated", "HF_TOKEN")
        check_refused(run_process("import", "a/empty"), "a/empty", "model.safetensors")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_variable_that_forbids_the_download_is_named(variable, monkeypatch):
    monkeypatch.setenv(variable, "1")
    done = run_process("import", NAME)
    check_refused(done, NAME, "cache", variable)
    assert "internet" not in done.stderr


def test_without_a_network_the_refusal_says_what_to_do(monkeypatch):
    with hub({}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)  # the address of a server that is gone
    check_refused(run_process("import", NAME), NAME, "internet")
