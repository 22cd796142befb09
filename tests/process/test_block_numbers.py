"""The numbers that the browser computes for the stepper through a block, against those of torch."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch

from dashboard.attention import block
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.analysis.block_steps import block_steps, head_steps
from vitcore.runs.folder import find_run

SCRIPT = """
import { attentionRow, unpackBlock } from "./dashboard/components/block/data.js";
const block = unpackBlock(Deno.readFileSync(Deno.args[0]));
const { tokens, heads } = block.header;
const to = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const rows = to(tokens, (t) => to(heads, (h) => attentionRow(block, t, h)));
const names = ["attentionInput", "sum1", "middle", "mlpInput", "active", "sum2", "output", "joined",
  "normalized", "pooled", "features", "logits", "classWeights", "classBias"];
const found = Object.fromEntries(names.map((name) => [name, Array.from(block[name])]));
for (const name of ["scores", "weights", "mixed", "contributions"]) {
  found[name] = rows.map((row) => row.map((one) => Array.from(one[name])));
}
console.log(JSON.stringify(found));
"""
FAMILIES = {
    "post-norm, mean": {"norm": "post", "pool": "mean"},
    "registers, LayerScale": {"registers": 2, "layer_scale": 0.5, "norm_tokens": True},
    "distilled": {"distilled": True},
    "QuickGELU, projection": {"activation": "quick_gelu", "projection": 10, "embed_norm": True},
    "tanh GELU, no biases": {"activation": "gelu_tanh", "qkv_bias": False, "block_bias": False},
    "tanh layer": {"representation": 14},
    "CLS and mean": {"pool": "cls_mean"},
    "mean of normalized patches": {"pool": "patches", "norm_tokens": True},
}
SIZES = {"embed_dim": 24, "hidden_dim": 40, "num_heads": 3, "num_layers": 2, "patch_size": 8}


@pytest.fixture(params=["bundled", *FAMILIES])
def run(request, tmp_path):
    """A run, whose weights and offsets of the layer norms are not the ones and zeros of a new model."""
    if request.param == "bundled":
        return find_run("vit-cifar10")
    made = make_run(tmp_path, "Made", **FAMILIES[request.param], **SIZES)
    from safetensors.torch import load_file, save_file

    weights = load_file(made.best)
    for name, values in weights.items():
        if "norm" in name or "bias" in name or "scale" in name:
            weights[name] = values + 0.3 * torch.randn_like(values)
    save_file(weights, made.best)
    return made


def test_numbers_of_the_browser_equal_those_of_torch(run, tmp_path):
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "dog", 3)
    model, image = resources.model(run), torch.from_numpy(chosen.image[None].copy())
    for layer in (0, len(model.blocks) - 1):
        header, view, _ = block.prepare(
            run, chosen, data, {"view": "Inside a block", "layer": str(layer + 1)}
        )
        sent = tmp_path / "message"
        sent.write_bytes(message(header, chosen.image, view.floats, view.crops))
        found = computed(sent)
        steps = block_steps(model, image, layer)
        head = head_steps(model, steps.output)
        expected = {
            "attentionInput": steps.attention_input,
            "sum1": steps.sum_1,
            "middle": steps.middle,
            "mlpInput": steps.mlp_input,
            "active": steps.active,
            "sum2": steps.sum_2,
            "output": steps.output,
            "joined": steps.joined,
            "pooled": head.pooled,
            "normalized": head.normalized,
            "features": head.features,
            "logits": head.logits,
            "scores": steps.scores.transpose(0, 1),
            "weights": steps.weights.transpose(0, 1),
            "mixed": steps.mixed.transpose(0, 1),
            "contributions": (steps.weights * steps.v.norm(dim=-1)[:, None]).transpose(0, 1),
        }
        for name, values in expected.items():
            shown = np.array(found[name], np.float32).reshape(values.shape)
            np.testing.assert_allclose(shown, values.numpy(), rtol=1e-5, atol=1e-5, err_msg=name)
    with torch.inference_mode():
        from vitcore.analysis.attention import as_input

        logits = model(as_input(image, model))[0]
    np.testing.assert_allclose(found["logits"], logits.numpy(), rtol=1e-5, atol=1e-5)
    products = np.reshape(found["classWeights"], (10, -1)) @ found["features"] + found["classBias"]
    np.testing.assert_allclose(products, logits.numpy(), rtol=1e-4, atol=1e-4)


def computed(sent: Path) -> dict[str, list]:
    """Run the modules of the component on a message."""
    deno = Path(sysconfig.get_path("scripts")) / "deno"
    done = subprocess.run(
        [str(deno), "eval", "--quiet", SCRIPT.replace("./dashboard", f"file://{ROOT}/dashboard"), str(sent)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
