"""What the view of token features sends and draws, against the model itself."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dashboard.attention import features, sink_figures, sinks
from dashboard.attention.scene import scene
from dashboard.components.features import message
from dashboard.shared.selection import SelectedImage
from dashboard.standalone import scene_file
from tests.made_runs import make_run
from vitcore.analysis.attention import capture, needs_attention
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.runs.folder import find_run

SMALL: dict[str, Any] = {
    "embed_dim": 32,
    "hidden_dim": 32,
    "num_heads": 2,
    "num_layers": 3,
    "patch_size": 8,
    "registers": 2,
}
LINK = {"view": "Token features", "run": "vit-cifar10", "query": "3.4"}


@pytest.fixture(scope="module")
def data():
    return load_dataset("cifar10-mini")


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path, "features", **SMALL)


def chosen_of(data, number=5):
    return SelectedImage(data.test.images[number], 3, "cat")


def unpacked(run, chosen, data, **address):
    """Return the header, and the arrays of a message: norms, unit features, colors."""
    header, arrays, _, image = features.prepare(run, chosen, data, address)
    text = message(header, image, arrays)
    (length,) = struct.unpack("<I", text[:4])
    header, body = json.loads(text[4 : 4 + length]), text[4 + length :]
    points, tokens, dim = header["layers"] + 2, header["tokens"], header["dim"]
    sent, patches = len(header["sent"]), header["side"] ** 2
    norms = np.frombuffer(body, "<f4", points * tokens).reshape(points, tokens)
    units = np.frombuffer(body, "<f2", sent * tokens * dim, 4 * norms.size)
    start = 4 * norms.size + 2 * units.size
    colors = np.frombuffer(body, np.uint8, 3 * sent * patches, start).reshape(sent, patches, 3)
    assert body[start + colors.size :] == image.transpose(1, 2, 0).tobytes()
    return header, norms, torch.from_numpy(units.reshape(sent, tokens, dim).astype(np.float32)), colors


def stream_of(run, image):
    """Return the tokens at all points by hooks on the blocks. [L + 2, T, D]"""
    model, seen = needs_attention(load_run(run)), []
    model.transformer[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for block in model.transformer:
        block.register_forward_hook(lambda module, given, output: seen.append(output))
    trace = capture(model, torch.from_numpy(image)[None])
    with torch.no_grad():
        return torch.cat([*seen, model.mlp_head[0](seen[-1].clone())]), trace.weights[0]


def test_sent_features_give_the_cosine_similarities_of_the_model(run, data):
    chosen = chosen_of(data)
    header, norms, units, colors = unpacked(run, chosen, data)
    stream, _ = stream_of(run, chosen.image)
    assert header["sent"] == [0, 1, 2, 3, 4]
    assert header["prefix"] == ["cls", "register1", "register2"]
    expected = F.cosine_similarity(stream[:, :, None], stream[:, None], dim=-1)
    assert ((units @ units.transpose(1, 2)) - expected).abs().max() < 1e-3
    np.testing.assert_allclose(norms, stream.norm(dim=-1), rtol=1e-5)
    for point in range(5):
        patches = stream[point, 3:]
        axes = torch.pca_lowrank(patches, q=16, niter=8)[2][:, :3]
        projected = (patches @ axes).numpy()
        for component in range(3):
            shades = projected[:, component] - projected[:, component].min()
            shades = 255 * shades / shades.max()
            # The sign is that of the analysis
            off = min(np.abs(colors[point, :, component] - one).max() for one in (shades, 255 - shades))
            assert off < 2


def test_large_features_are_sent_for_the_layer_of_the_link(run, data, monkeypatch):
    chosen = chosen_of(data, 6)
    _, _, every, colors = unpacked(run, chosen, data)
    monkeypatch.setattr(features, "MAX_SENT", 100)
    for address, point in (({}, 3), ({"layer": "2"}, 2), ({"point": "input"}, 0), ({"point": "norm"}, 4)):
        header, norms, units, shown = unpacked(run, chosen, data, **address)
        assert header["sent"] == [point]
        assert norms.shape == (5, 19)
        assert torch.equal(units[0], every[point])
        assert np.array_equal(shown[0], colors[point])
    assert features.prepare(run, chosen, data, {}, complete=True)[0]["sent"] == [0, 1, 2, 3, 4]


def test_features_that_are_too_many_are_refused(run, data, monkeypatch):
    monkeypatch.setattr(features, "MAX_KEPT", 100)
    with pytest.raises(UserError, match="larger patches"):
        features.found(run, data.test.images[0])


def test_painted_and_positions_only_change_the_features(run, data):
    chosen = chosen_of(data, 7)
    plain = features.prepare(run, chosen, data, {})
    blank = features.prepare(run, chosen, data, {"content": "positions"})
    assert plain[0]["key"] != blank[0]["key"]
    assert plain[0]["mode"] == ""
    assert "Positions only" in blank[0]["mode"]


def test_shares_of_attention_are_sums_over_the_maps(run, data):
    chosen = chosen_of(data, 8)
    found = features.found(run, chosen.image)
    _, weights = stream_of(run, chosen.image)
    marked = np.zeros((5, 19), bool)
    marked[0, [4, 9]] = marked[2, 1] = True
    found = features.TokenFeatures(found.key, found.units, found.norms, marked, found.received)
    groups = sinks.groups_of(found, ("cls", "register1", "register2"))
    mean = weights.mean(dim=(1, 2)).numpy()  # [layers, T]
    share, count = groups["outlier tokens"]
    np.testing.assert_allclose(share, [mean[0, 4] + mean[0, 9], 0, mean[2, 1]], rtol=1e-5)
    assert count.tolist() == [2, 0, 1]
    np.testing.assert_allclose(groups["CLS"][0], mean[:, 0], rtol=1e-5)
    np.testing.assert_allclose(groups["registers"][0], mean[:, 1] + mean[:, 2], rtol=1e-5)
    assert groups["registers"][1].tolist() == [2, 2, 2]
    assert "In layer 1, 2 of 19 tokens" in sinks.finding(groups, 19)
    assert "10.5 %" in sinks.finding(groups, 19)  # uniform attention: 2 of 19
    figure = sink_figures.shares(groups, 19)
    rows = {tuple(row[:2]): row[2:] for row in figure.rows[1:]}
    assert rows["outlier tokens", 3] == pytest.approx([100 * mean[2, 1], 1], rel=1e-5)
    assert rows["outlier tokens, if attention were uniform", 1] == pytest.approx([200 / 19, 2])
    assert len(rows) == len(figure.rows) - 1 == 4 * 3


def test_model_without_outliers_and_without_tokens_before_the_patches_is_described():
    groups = {"outlier tokens": (np.zeros(3), np.zeros(3, int))}
    assert "No token" in sinks.finding(groups, 16)
    norms = np.full((4, 16), 2.0)
    figure = sink_figures.norms(norms, norms > 5, ())
    assert {row[2] for row in figure.rows[1:]} == {"input", "1", "2", "3"}
    assert {row[1] for row in figure.rows[1:]} == {
        f"row {row}, column {column}" for row in range(1, 5) for column in range(1, 5)
    }


def test_rows_of_the_norms_name_each_token_and_its_outliers():
    norms = 1 + np.random.default_rng(0).random((4, 18))
    marked = np.zeros((4, 18), bool)
    marked[2, 1] = marked[3, 17] = True
    figure = sink_figures.norms(norms, marked, ("cls", "register1"))
    first, second = figure.plot.layout.xaxis, figure.plot.layout.xaxis2
    assert first.ticktext == ("CLS", "R1")
    assert second.tickvals == (1.5, 5.5, 9.5, 13.5)  # the middle of each row of four patches
    assert figure.rows[0] == ["series", "token", "layer", "norm", "norm / median", "outlier"]
    rows = {tuple(row[1:3]): row[3:] for row in figure.rows[1:]}
    assert len(rows) == 4 * 18
    assert rows["register 1", "2"][2] == rows["row 4, column 4", "3"][2] == "yes"
    assert sum(row[2] == "yes" for row in rows.values()) == 2
    value, ratio, _ = rows["row 1, column 2", "input"]
    assert value == pytest.approx(norms[0, 3])
    assert ratio == pytest.approx(norms[0, 3] / np.median(norms[0, 2:]))


def test_link_is_a_step_of_a_talk_and_a_file(monkeypatch):
    made = scene(LINK | {"feature": "components", "layer": "2"})
    assert isinstance(made, features.Features)
    text = scene_file.from_address(LINK)
    assert '"standalone": "explorer"' in text
    assert 'data-part="features"' in text
    monkeypatch.setattr(features, "MAX_IN_FILE", 100)
    with pytest.raises(UserError, match="larger patches"):
        scene_file.from_address(LINK)


@pytest.mark.parametrize("wrong", [{"query": "9.9"}, {"layer": "7"}, {"point": "middle"}, {"feature": "x"}])
def test_link_to_what_the_model_lacks_is_refused(wrong):
    run = find_run("vit-cifar10")
    (name, value), *_ = wrong.items()
    assert features.unavailable(run, LINK | wrong) == [name]
    with pytest.raises(UserError, match=value):
        scene(LINK | wrong)
