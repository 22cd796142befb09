"""Models with registers and other heads on the pages: which tokens are patches, and what is not drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dashboard.attention import block, block_outputs, explorer, views
from dashboard.patches import stepper_data
from dashboard.shared import resources, selection
from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.errors import UserError
from vitcore.models import load_run

SMALL = {"embed_dim": 16, "hidden_dim": 32, "num_heads": 2, "num_layers": 2, "patch_size": 8}


def made(tmp_path, **options):
    run = make_run(tmp_path / "runs", "small", **SMALL, **options)
    data = resources.dataset_of(run)
    return run, selection.find_image(data, "cat", 1), data


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, 1),
        ({"pool": "mean"}, 0),
        ({"registers": 4}, 5),
        ({"distilled": True}, 2),
        ({"pool": "patches"}, 1),
    ],
)
def test_tokens_before_the_patches_are_counted_from_the_configuration(options, first, tmp_path):
    run, chosen, data = made(tmp_path, **options)
    assert views.tokens_of(run) == (16 + first, 4, first) == (16 + first, 4, load_run(run).prefix_tokens)
    header, view, _ = explorer.prepare(run, chosen, data, {"query": "2.3"})
    assert (header["first"], header["tokens"]) == (first, 16 + first)
    request = explorer.read_request(run, chosen, {"query": "2.3"})
    assert request.query == first + 4 + 2
    assert len(view.packed) == 2 * (2 * 2 + 1) * (16 + first) ** 2


def test_stepper_of_patches_leaves_out_registers(tmp_path):
    run, chosen, _ = made(tmp_path, registers=4)
    found = stepper_data.prepare(run, chosen)
    net, image = load_run(run), chosen.image[None].copy()
    hidden = capture(net, torch.from_numpy(image)).hidden[0, 0].numpy()
    np.testing.assert_allclose(found["tokens"] + found["positions"], hidden[[0, *range(5, 21)]], atol=1e-5)
    assert found["cls"] is True


def test_steps_of_a_block_with_registers_are_drawn(tmp_path):
    run, chosen, data = made(tmp_path, registers=4, layer_scale=0.5)
    header, _ = block.prepare(run, chosen, data, {"query": "1.1"})
    assert (header["first"], header["tokens"], header["query"]) == (5, 21, 5)


@pytest.mark.parametrize("options", [{"distilled": True}, {"activation": "quick_gelu"}, {"pool": "cls_mean"}])
def test_steps_of_a_block_that_the_browser_cannot_compute_are_refused(options, tmp_path):
    run, chosen, data = made(tmp_path, **options)
    with pytest.raises(UserError, match="small"):
        block_outputs.view(run, chosen.image, data, layer=0, query=0)
