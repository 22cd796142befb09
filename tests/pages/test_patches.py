"""The Patches page for models whose tokens come from convolutions."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.models import build
from vitcore.paths import runs_dir

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 4}


def test_multiply_adds_of_a_model_with_a_stem_include_its_convolutions():
    run = make_run(runs_dir(), "stem", model="vit", conv_stem=True, **SMALL)
    shown, without = multiply_adds(run.id), multiply_adds("vit-cifar10")
    for size in ("2", "4", "8"):
        with torch.device("meta"):
            stem = build("vit", patch_size=int(size), conv_stem=True).eval().input_layer
            with FlopCounterMode(display=False) as counter, torch.inference_mode():
                stem(torch.zeros(1, 3, 32, 32))
        patches = (32 // int(size)) ** 2
        projection = patches * 3 * int(size) ** 2 * 256
        expected = without[size] + (counter.get_total_flops() / 2 - projection) / 1e6
        assert abs(shown[size] - expected) < 0.11  # both are rounded


def multiply_adds(run):
    """Return the millions in the table of the page by patch size."""
    table = open_app("patches", run=run).dataframe[0].value
    return table.set_index(table["patch size"].str.split().str[0])["multiply-adds, million"]


def test_link_to_a_cct_says_that_it_has_no_patches():
    run = make_run(runs_dir(), "tokenized", model="cct", **SMALL)
    (toast,) = open_app("patches", run=run.id).toast
    assert run.title in toast.value
    assert "has no patches" in toast.value
    assert "available" not in toast.value


def test_link_to_a_cnn_says_that_the_page_is_about_vits():
    run = make_run(runs_dir(), "cnn", model="resnet", c_hidden=[4, 4], num_blocks=[1, 1])
    (toast,) = open_app("patches", run=run.id).toast
    assert run.title in toast.value
    assert "ResNet" in toast.value
