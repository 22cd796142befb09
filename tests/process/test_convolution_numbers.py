"""The numbers that the browser computes for the stepper through a convolution, against those of torch."""

from __future__ import annotations

import json
import subprocess
import sysconfig

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from dashboard.attention import convolution
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.analysis.attention import as_input
from vitcore.analysis.convolution_steps import convolution_steps, window
from vitcore.runs.folder import find_run

SCRIPT = """
import { unpackConvolutions, windowAt } from "./dashboard/components/convolution/data.js";
const block = unpackConvolutions(Deno.readFileSync(Deno.args[0]));
const places = JSON.parse(Deno.args[1]);
console.log(JSON.stringify({
  reads: block.convolutions.map((one) => Array.from(one.reads)),
  windows: block.convolutions.map((_, index) => places.map(([k, r, c]) => {
    const { values, kernel, products, sums, total } = windowAt(block, index, k, r, c);
    return [values, kernel, products, sums, [total]].map((part) => Array.from(part));
  })),
  sum: block.sum && Array.from(block.sum),
  output: Array.from(block.output),
  logits: block.logits && Array.from(block.logits),
}));
"""
PLACES = [(0, 0, 0), (5, 0, 3), (3, 3, 3), (2, 1, 2)]  # channel, row, column


IMAGENET = {"stem": "7x7", "c_stem": 6, "block": "bottleneck", "shortcut": "conv_norm"}


@pytest.fixture(params=["bundled", "pre-activation", "bottlenecks"])
def run(request, tmp_path):
    """A run, whose batch norms do not have the numbers of a new model."""
    if request.param == "bundled":
        return find_run("resnet-cifar10")
    stages = {"c_hidden": (6, 8), "num_blocks": (1, 2)}
    if request.param == "bottlenecks":
        made = make_run(tmp_path, "Bottlenecks", model="resnet", **stages, **IMAGENET)
    else:
        made = make_run(tmp_path, "Pre", model="preactresnet", **stages)
    weights = load_file(made.best)
    for name, values in weights.items():
        if values.dim() == 1 and values.is_floating_point():
            noise = 0.3 * torch.randn_like(values)
            weights[name] = values + (noise.abs() if name.endswith("var") else noise)
    save_file(weights, made.best)
    return made


def test_numbers_of_the_browser_equal_those_of_torch(run, tmp_path):
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "dog", 3)
    model, image = resources.model(run), torch.from_numpy(chosen.image[None].copy())
    last = len(model.blocks)
    for block in (0, 1, last - 1, last):
        header, view, _ = convolution.prepare(run, chosen, data, {"block": str(block) if block else "input"})
        sent = tmp_path / "message"
        sent.write_bytes(message(header, chosen.image, view.floats))
        found = computed(sent)
        steps = convolution_steps(model, image, block)
        for index, one in enumerate(steps.convolutions):
            close(found["reads"][index], one.input)
            for place, parts in zip(PLACES, found["windows"][index], strict=True):
                at = window(one, *place)
                for shown, values in zip(
                    parts, (at.values, at.kernel, at.products, at.sums, at.total), strict=True
                ):
                    close(shown, values)
                close(parts[4], one.output[place])
        output = torch.tensor(found["output"]).view(-1, *steps.convolutions[-1].output.shape[1:])
        close(F.max_pool2d(output, 3, 2, 1) if steps.pooled else output, steps.output)
        if block:
            close(found["sum"], steps.sum)
    with torch.inference_mode():
        close(found["logits"], model(as_input(image, model))[0])


def close(shown, expected) -> None:
    """Assert that numbers of the browser equal a tensor."""
    values = np.array(shown, np.float32).reshape(expected.shape)
    np.testing.assert_allclose(values, expected.numpy(), rtol=1e-5, atol=1e-5)


def computed(sent) -> dict:
    """Run the modules of the component on a message."""
    script = SCRIPT.replace("./dashboard", f"file://{ROOT}/dashboard")
    deno = f"{sysconfig.get_path('scripts')}/deno"
    done = subprocess.run(
        [deno, "eval", "--quiet", script, str(sent), json.dumps(PLACES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
