"""The rows of weights that the stepper through a block gets: values, sizes, and those of a file."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import streamlit as st
import torch

from dashboard.attention import block, block_weights
from dashboard.attention.block_weights import MAX_REPLY, RowRequest, read_row_request
from dashboard.shared import resources, selection
from tests.made_runs import make_run
from vitcore.analysis.block_steps import block_steps
from vitcore.runs.folder import find_run

KEY = "0123456789abcdef"
SMALL = {"embed_dim": 24, "hidden_dim": 40, "num_heads": 3, "num_layers": 2, "patch_size": 8}


def bundled():
    run = find_run("vit-cifar10")
    data = resources.dataset_of(run)
    return run, selection.find_image(data, "cat", 1), data


def test_row_comes_with_its_neighbors_offsets_and_scales(tmp_path):
    run = make_run(tmp_path, "Scaled", layer_scale=0.5, **SMALL)
    net = resources.model(run).blocks[1]
    with torch.no_grad():
        net.linear[3].bias.uniform_(-1, 1)
    ((name, first, values),) = block_weights.neighbors(
        run, None, 1, RowRequest(KEY, "narrow", 7, weights_only=True)
    )
    assert (name, first, values.shape) == ("narrow", 0, (24, 42))
    np.testing.assert_array_equal(values[:, :-2], net.linear[3].weight.detach().numpy())
    np.testing.assert_array_equal(values[:, -2], net.linear[3].bias.detach().numpy())
    np.testing.assert_array_equal(values[:, -1], 0.5)


def test_layer_without_offsets_and_scale_has_zeros_and_ones(tmp_path):
    run = make_run(tmp_path, "Plain", qkv_bias=False, block_bias=False, **SMALL)
    for layer in ("qkv", "out", "widen", "narrow"):
        ((_, _, values),) = block_weights.neighbors(
            run, None, 0, RowRequest(KEY, layer, 0, weights_only=True)
        )
        assert (values[:, -2:] == (0, 1)).all()


@pytest.mark.parametrize(("layer", "row"), [("qkv", 767), ("out", 0), ("widen", 511), ("narrow", 255)])
def test_reply_is_bounded_and_has_the_row(layer, row):
    run, _, _ = bundled()
    ((_, first, values),) = block_weights.neighbors(
        run, None, 2, RowRequest(KEY, layer, row, weights_only=True)
    )
    assert values.nbytes <= MAX_REPLY
    assert first <= row < first + len(values)


def test_large_layer_is_sent_in_parts_that_do_not_overlap(monkeypatch):
    monkeypatch.setattr(block_weights, "MAX_REPLY", 10 * 4 * 258)
    run, _, _ = bundled()
    requests = [RowRequest(KEY, "out", row, weights_only=True) for row in (0, 9, 10, 255)]
    found = [block_weights.neighbors(run, None, 0, request)[0][1:] for request in requests]
    assert [(first, len(values)) for first, values in found] == [(0, 10), (0, 10), (10, 10), (250, 6)]


@pytest.mark.parametrize(("layer", "row"), [("out", 256), ("features", 0), ("other", 0)])
def test_row_that_does_not_exist_is_not_sent(layer, row):
    assert (
        block_weights.neighbors(bundled()[0], None, 0, RowRequest(KEY, layer, row, weights_only=True)) == []
    )


@pytest.mark.parametrize(
    "text", ["", "out 1", f"{KEY} out", f"{KEY} out -1", f"{KEY} OUT 1", f"{KEY} out 1 2"]
)
def test_text_that_is_no_request_is_ignored(text):
    assert read_row_request(text, weights_only=True) is None
    assert read_row_request(f"{KEY} out 17", weights_only=True) == RowRequest(
        KEY, "out", 17, weights_only=True
    )


def test_file_has_all_weights_of_a_small_model_and_the_rows_shown_first_of_a_large_one(monkeypatch):
    run, chosen, data = bundled()
    link = {"view": "Inside a block", "layer": "3", "head": "2", "query": "3.4"}
    header, floats, _, _ = block.prepare_file(run, chosen, data, link)
    assert [rows[:3] for rows in header["sentWeights"]] == [
        ("qkv", 0, 768),
        ("out", 0, 256),
        ("widen", 0, 512),
        ("narrow", 0, 256),
    ]
    monkeypatch.setattr(block_weights, "MAX_FILE", 1_000_000)
    small, fewer, _, _ = block.prepare_file(run, chosen, data, link)
    assert len(floats) - len(fewer) > 2_000_000
    steps = block_steps(resources.model(run), torch.from_numpy(chosen.image[None].copy()), 2)
    token = 1 + 2 * 8 + 3
    rows = {(layer, first) for layer, first, *_ in small["sentWeights"]}
    number = 32 + int(steps.mixed[1, token].abs().argmax())
    assert {("qkv", number), ("qkv", 256 + number), ("qkv", 512 + number)} <= rows
    assert ("out", int(steps.projected[token].abs().argmax())) in rows
    assert ("widen", int(steps.active[token].argmax())) in rows
    assert ("narrow", int(steps.output[token].abs().argmax())) in rows


@pytest.mark.parametrize(
    ("step", "array", "number", "expected"),
    [
        (2, "k-row", 5, ("qkv", 256 + 32 + 4)),
        (2, None, 5, ("qkv", 32 + 4)),
        (6, "projected", 200, ("out", 199)),
        (8, "units", 400, ("widen", 399)),
        (9, "mlp", 1, ("narrow", 0)),
    ],
)
def test_file_of_a_large_model_has_the_weights_of_the_number_that_its_link_names(
    monkeypatch, step, array, number, expected
):
    monkeypatch.setattr(block_weights, "MAX_FILE", 100_000)
    run, chosen, data = bundled()
    link = {"view": "Inside a block", "layer": "3", "head": "2", "step": str(step), "number": str(number)}
    link |= {"array": array} if array else {}
    header, _, _, _ = block.prepare_file(run, chosen, data, link)
    assert expected in {(layer, first) for layer, first, *_ in header["sentWeights"]}


def test_talk_has_the_weights_of_its_step_and_single_rows_of_the_others():
    run, chosen, data = bundled()
    link = {"view": "Inside a block", "layer": "3", "query": "3.4"}
    for step, layer, count in (
        ("2", "qkv", 768),
        ("6", "out", 256),
        ("8", "widen", 512),
        ("9", "narrow", 256),
    ):
        header, _, _, _ = block.prepare_file(run, chosen, data, link | {"step": step}, talk=True)
        assert [layer, 0, count] in [list(rows[:3]) for rows in header["sentWeights"]]
        assert {rows[2] for rows in header["sentWeights"] if rows[0] != layer} == {1}
        assert {rows[0] for rows in header["sentWeights"]} == {"qkv", "out", "widen", "narrow"}


def header_of(message):
    (length,) = struct.unpack("<I", message[:4])
    return json.loads(message[4 : 4 + length])


def test_browser_that_has_the_block_gets_only_the_row(monkeypatch):
    run, chosen, data = bundled()
    sent = []
    monkeypatch.setattr(block, "block", lambda message, **_: sent.append(message))
    at = {"view": "Inside a block", "layer": "3", "step": "6"}
    block.show(run, chosen, data, key="terms", at=at)
    whole = header_of(sent[0])
    st.session_state["terms_row"] = RowRequest(whole["key"], "out", 3, weights_only=True)
    block.show(run, chosen, data, key="terms", at=at)
    alone = header_of(sent[1])
    assert (alone["rowsAlone"], alone["key"], alone["weights"]) == (True, whole["key"], whole["weights"])
    assert alone["state"] == "layer=3&step=6"
    assert len(sent[1]) < MAX_REPLY + 10_000 < len(sent[0])
    # The browser does not have this block
    block.show(run, chosen, data, key="terms", at={**at, "layer": "4"})
    assert "tokens" in header_of(sent[2])
    assert header_of(sent[2])["sentWeights"] == []
    st.session_state["terms_row"] = RowRequest(whole["key"], "out", 3, weights_only=False)
    block.show(run, chosen, data, key="terms", at=at)
    assert len(sent[3]) > len(sent[0]) + 200_000
