"""The numbers that the browser computes for the stepper through a block, against those of torch."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dashboard.attention import block, block_weights
from dashboard.attention.block_weights import RowRequest
from dashboard.components.block import rows_message
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
const names = ["received", "tokenNorms", "attentionInput", "sum1", "middle", "mlpInput", "active", "sum2",
  "output", "joined", "normalized", "pooled", "features", "logits", "classWeights", "classBias"];
const found = Object.fromEntries(names.map((name) => [name, Array.from(block[name])]));
for (const name of ["scores", "weights", "mixed", "contributions"]) {
  found[name] = rows.map((row) => row.map((one) => Array.from(one[name])));
}
console.log(JSON.stringify(found));
"""
SUMS = """
import { unpackBlock } from "./dashboard/components/block/data.js";
import { productsOf, sumOf, termRows } from "./dashboard/components/block/terms.js";
import { readRows, WeightRows } from "./dashboard/components/block/weights.js";
const block = unpackBlock(Deno.readFileSync(Deno.args[0])), weightRows = new WeightRows();
for (const path of Deno.args.slice(2)) {
  const { header, floats } = readRows(Deno.readFileSync(path));
  weightRows.add(header, floats);
}
const at = JSON.parse(Deno.args[1]);
console.log(JSON.stringify(at.map(({ step, part, j, token, head }) => {
  const shown = { query: token, key: token, token, head, klass: j };
  const view = { block, weightRows, step, summed: { part, j }, ...shown };
  const sum = sumOf(view), { scaled } = productsOf(sum), rows = termRows(sum, 5);
  const last = rows.findIndex(({ label }) => label === "sum");
  const terms = rows.slice(0, last).reduce((all, { value }) => all + value, 0);
  const turned = rows.find(({ label }) => label.startsWith("turned"));
  return { scaled, shown: sum.value, terms: terms * sum.scale, turned: turned?.value ?? null };
})));
"""
NORMS = """
import { unpackBlock } from "./dashboard/components/block/data.js";
import { headNorm, normalizedName, normOf } from "./dashboard/components/block/norms.js";
const block = unpackBlock(Deno.readFileSync(Deno.args[0])), { dim, tokens } = block.header;
const to = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const found = {};
for (const step of [0, 6, 8]) {
  const name = normalizedName(step, block);
  if (name) found[name] = to(tokens, (token) => to(dim, (j) => normOf({ block, step, token, j })));
}
const parts = to(block.pooled.length / dim, (n) => block.pooled.subarray(n * dim, (n + 1) * dim));
found.pooled = parts.map((values) => to(dim, (j) => headNorm(block, values, j)));
const output = (token) => block.output.subarray(token * dim, (token + 1) * dim);
found.outputs = to(tokens, (token) => to(dim, (j) => headNorm(block, output(token), j)));
console.log(JSON.stringify(found));
"""
FAMILIES = {
    "pre-norm, CLS": {},
    "post-norm, mean": {"norm": "post", "pool": "mean"},
    "registers, LayerScale": {"registers": 2, "layer_scale": 0.5, "norm_tokens": True},
    "distilled": {"distilled": True},
    "QuickGELU, projection": {"activation": "quick_gelu", "projection": 10, "embed_norm": True},
    "tanh GELU, no biases": {"activation": "gelu_tanh", "qkv_bias": False, "block_bias": False},
    "tanh layer": {"representation": 14},
    "CLS and mean": {"pool": "cls_mean"},
    "mean of normalized patches": {"pool": "patches", "norm_tokens": True},
    "rotary positions": {"position": "rotary", "registers": 1},
    "norm inside the stream, sequence pooling": {"model": "cct"},
}
QKV, JOIN, MLP, OUTPUT, HEAD = 1, 5, 7, 8, 9  # steps.js
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
            "received": steps.weights.sum(dim=1),
            "tokenNorms": without_each_token(model.blocks[layer], steps),
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


@torch.inference_mode()
def without_each_token(block, steps) -> torch.Tensor:
    """Return how far the output of attention moves if the values of a token are zero in all heads. [T, T]"""

    def output(values):
        joined = (steps.weights @ values).transpose(0, 1).flatten(1)
        projected = block.attn.out_proj(joined)
        return projected if block.layer_scale_1 is None else projected * block.layer_scale_1

    values = steps.v.double()
    steps = type(steps)(**{**vars(steps), "weights": steps.weights.double()})
    block = copy.deepcopy(block).double()
    moved = []
    for token in range(values.shape[1]):
        without = values.clone()
        without[:, token] = 0
        moved.append((output(values) - output(without)).norm(dim=1))
    return torch.stack(moved, dim=1).float()


def test_written_sums_equal_the_linear_layers_of_torch(run, tmp_path):
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "dog", 3)
    model, image = resources.model(run), torch.from_numpy(chosen.image[None].copy())
    layer = len(model.blocks) - 1
    header, view, _ = block.prepare(run, chosen, data, {"view": "Inside a block"})
    sent = tmp_path / "message"
    sent.write_bytes(message(header, chosen.image, view.floats, view.crops))
    steps, net = block_steps(model, image, layer), model.blocks[layer]
    head_of = head_steps(model, steps.output)
    dim, size, heads = header["dim"], header["dim"] // header["heads"], header["heads"]
    attention, (widen, narrow) = net.attn, (net.linear[0], net.linear[3])

    def scaled(values, scale):
        return values if scale is None else values * scale

    with torch.inference_mode():  # all numbers of each layer, by torch alone
        qkv = F.linear(steps.attention_input, attention.in_proj_weight, attention.in_proj_bias)
        projected = scaled(attention.out_proj(steps.joined), net.layer_scale_1)
        hidden, mlp = widen(steps.mlp_input), scaled(narrow(steps.active), net.layer_scale_2)
        between = model.pre_logits[0] if model.pre_logits is not None else model.projection
        features = None if between is None else between(head_of.normalized)
    token, head = header["tokens"] - 2, heads - 1
    asked, expected, turned, rows = [], [], {}, {}

    def ask(step, part, j, value, row=None):
        asked.append({"step": step, "part": part, "j": j, "token": token, "head": head})
        expected.append(float(value))
        if row:
            rows[row] = block_weights.neighbors(
                run, None, layer, RowRequest(header["key"], *row, weights_only=True)
            )

    for j in (0, size // 2, size - 1):
        for n, part in enumerate("qkv"):
            row = n * dim + head * size + j
            if header["rotary"] and part != "v":
                turned[len(asked)] = float(getattr(steps, part)[head, token, j])
            ask(QKV, part, j, qkv[token, row], ("qkv", row))
    for j in (0, dim // 3, dim - 1):
        ask(JOIN, "projected", j, projected[token, j], ("out", j))
        ask(OUTPUT, "mlp", j, mlp[token, j], ("narrow", j))
        ask(MLP, "hidden", j, hidden[token, j], ("widen", j))
    for j in range(header["outputs"]):
        ask(HEAD, "classes", j, head_of.logits[j])
    for j in range(0 if features is None else len(features)):
        ask(HEAD, "features", j, features[j], ("features", j))
    files = []
    for n, found in enumerate(rows.values()):
        header["sentWeights"], floats = block_weights.packed(found)
        files.append(tmp_path / f"rows {n}")
        files[-1].write_bytes(rows_message(header, floats, ""))
    found = computed(sent, json.dumps(asked), *map(str, files), script=SUMS)
    for part in ("scaled", "terms"):
        np.testing.assert_allclose([one[part] for one in found], expected, rtol=1e-5, atol=3e-6)
    assert {n: one["turned"] for n, one in enumerate(found) if one["turned"] is not None} == pytest.approx(
        turned, rel=1e-5, abs=1e-5
    )
    expected = [turned.get(n, value) for n, value in enumerate(expected)]
    shown = [
        math.atanh(one["shown"]) if between_is_tanh(header, at) else one["shown"]
        for one, at in zip(found, asked, strict=True)
    ]
    np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


# what the two layer norms of a block give
NORMALIZED = {
    "pre": ("attentionInput", "mlpInput"),
    "post": ("middle", "output"),
    "cct": ("attentionInput", "middle"),
}


def test_layer_norms_are_written_out_with_the_values_of_torchs_modules(run, tmp_path):
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "dog", 3)
    model, image = resources.model(run), torch.from_numpy(chosen.image[None].copy())
    layer = len(model.blocks) - 1
    net, head = model.blocks[layer], model.mlp_head[0]
    header, view, _ = block.prepare(run, chosen, data, {"view": "Inside a block"})
    sent = tmp_path / "message"
    sent.write_bytes(message(header, chosen.image, view.floats, view.crops))
    found = computed(sent, script=NORMS)
    seen = {}

    def hook(name):
        return lambda _, args, output: seen.update({name: (args[0], output)})

    first, second = NORMALIZED[net.norm]
    handles = [
        net.layer_norm_1.register_forward_hook(hook(first)),
        net.layer_norm_2.register_forward_hook(hook(second)),
    ]
    with torch.inference_mode():
        from vitcore.analysis.attention import as_input

        model.trace(as_input(image, model))  # of all tokens in every block
        for handle in handles:
            handle.remove()
        pooled = head_steps(model, block_steps(model, image, layer).output).pooled
        outputs = block_steps(model, image, layer).output
        modules = {name: (net.layer_norm_1, *values) for name, values in seen.items()}
        modules[second] = (net.layer_norm_2, *seen[second])
        for name, values in (("pooled", pooled.unflatten(0, (-1, header["dim"]))), ("outputs", outputs)):
            modules[name] = (head, values, head(values))
    assert set(found) == set(modules)
    for name, (module, inputs, expected) in modules.items():
        inputs, expected = (part.reshape(-1, header["dim"]).double().numpy() for part in (inputs, expected))
        parts = {
            key: np.array([[one[key] for one in row] for row in found[name]]) for key in found[name][0][0]
        }
        mean, variance = inputs.mean(axis=1, keepdims=True), inputs.var(axis=1, keepdims=True)
        scale, offset = (part.detach().double().numpy() for part in (module.weight, module.bias))
        by_hand = {"x": inputs, "mean": mean, "variance": variance, "scale": scale, "offset": offset}
        for key, value in by_hand.items():
            shown = np.broadcast_to(value, parts[key].shape)
            np.testing.assert_allclose(parts[key], shown, rtol=1e-5, atol=1e-5, err_msg=f"{key} of {name}")
        assert (parts["eps"] == module.eps).all()
        np.testing.assert_allclose(parts["value"], expected, rtol=1e-5, atol=1e-5, err_msg=name)
        again = (parts["x"] - parts["mean"]) / np.sqrt(parts["variance"] + parts["eps"])
        np.testing.assert_allclose(again * parts["scale"] + parts["offset"], expected, rtol=1e-5, atol=1e-5)


def between_is_tanh(header, at) -> bool:
    return at["part"] == "features" and header["head"]["layer"] == "tanh"


def computed(sent: Path, *more: str, script: str = SCRIPT) -> dict[str, list]:
    """Run the modules of the component on a message."""
    deno = Path(sysconfig.get_path("scripts")) / "deno"
    done = subprocess.run(
        [
            str(deno),
            "eval",
            "--quiet",
            script.replace("./dashboard", f"file://{ROOT}/dashboard"),
            str(sent),
            *more,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
