"""Models with registers and other heads on the pages: which tokens are patches, and what is not drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dashboard.attention import attributions, block, block_outputs, explorer, views
from dashboard.attention.attributions import Question
from dashboard.patches import stepper_data
from dashboard.shared import model_outputs, resources, selection
from dashboard.talk import scenes
from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.analysis import relevance
from vitcore.analysis.attention import capture
from vitcore.attribution import METHODS
from vitcore.config import dump_config
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.runs.folder import Run

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
    assert (found["cls"], found["others"]) == (True, 4)


def test_patches_page_of_a_vit_with_a_stem_says_what_does_not_apply(tmp_path):
    run, chosen, _ = made(tmp_path, conv_stem=True)
    found = stepper_data.prepare(run, chosen)
    assert (found["tokens"], found["positions"]) == (None, None)
    assert "convolutions" in found["note"]
    app = open_app("patches", run=run.id)
    assert not app.exception
    assert any("convolutions" in info.value for info in app.info)
    assert any("Cosine similarity" in caption.value for caption in app.caption)


def test_patches_page_of_rotary_positions_shows_none_and_says_where_they_are(tmp_path):
    run, chosen, _ = made(tmp_path, position="rotary")
    found = stepper_data.prepare(run, chosen)
    assert (found["position"], found["positions"].any()) == ("rotary", False)
    app = open_app("patches", run=run.id)
    assert not app.exception
    assert any("rotary positions" in info.value for info in app.info)
    assert not any("Cosine similarity" in caption.value for caption in app.caption)


def test_similarity_of_a_single_position_is_refused(tmp_path):
    run = make_run(tmp_path / "runs", "one patch", **SMALL | {"patch_size": 32})
    with pytest.raises(UserError, match="one patch"):
        scenes.scene("patches", {"run": run.id, "view": "similarity"})


@pytest.mark.parametrize("view", ["Inside a block", "Token features", "Class maps", ""])
def test_attention_page_takes_a_cct_as_a_vit(view, tmp_path):
    run = make_run(tmp_path / "runs", "small", model="cct", **SMALL)
    assert views.tokens_of(run) == (16, 4, 0)
    app = open_app("attention", run=run.id, **({"view": view} if view else {}))
    assert not app.exception
    assert not app.error
    assert not app.warning


def test_steps_of_a_block_of_a_cct_say_where_it_normalizes(tmp_path):
    run = make_run(tmp_path / "runs", "small", model="cct", **SMALL)
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "cat", 1)
    header = block_outputs.view(run, chosen.image, data, layer=1, query=0, units=False).header
    assert (header["norm"], header["head"]["reads"], header["head"]["norm_first"]) == (
        "cct",
        ["sequence"],
        True,
    )


@pytest.mark.parametrize(
    ("pixels", "own", "expected"),
    [(32, 4, [2, 4, 8, 16]), (224, 16, [4, 8, 16]), (518, 14, [14]), (224, 28, [4, 8, 16, 28])],
)
def test_patch_sizes_divide_the_image_and_leave_few_enough_patches(pixels, own, expected):
    assert stepper_data.sizes(pixels, own) == expected


def test_steps_of_a_block_with_registers_are_drawn(tmp_path):
    run, chosen, data = made(tmp_path, registers=4, layer_scale=0.5)
    header, _, _ = block.prepare(run, chosen, data, {"query": "1.1"})
    assert (header["first"], header["tokens"], header["query"]) == (5, 21, 5)


@pytest.mark.parametrize(
    ("options", "reads", "features"),
    [
        ({"distilled": True}, ["cls", "distillation"], 32),
        ({"pool": "cls_mean"}, ["cls", "mean"], 32),
        ({"pool": "patches", "registers": 2}, ["mean"], 16),
        ({"representation": 24}, ["cls"], 24),
        ({"projection": 12}, ["cls"], 12),
    ],
)
def test_step_of_the_head_has_what_the_head_reads(options, reads, features, tmp_path):
    run, chosen, data = made(tmp_path, **options)
    header, _, _ = block.prepare(run, chosen, data, {})
    assert (header["head"]["reads"], header["features"], header["outputs"]) == (reads, features, 10)
    assert header["listed"] == list(range(10))
    header, _, _ = block.prepare(make_features(run), chosen, data, {})
    assert (header["outputs"], header["listed"]) == (0, [])
    assert header["features"] == (16 if options.get("distilled") else features)


def test_step_of_the_head_lists_the_ten_largest_of_many_classes(tmp_path):
    classes = tuple(f"class {number}" for number in range(1000))
    run = make_run(tmp_path / "runs", "many", **SMALL, data="folder:/nowhere", classes=classes)
    data = resources.dataset_of(run)
    image = selection.find_image(data, "cat", 1)
    header, found, _ = block.prepare(run, image, data, {})
    logits = capture(load_run(run), torch.from_numpy(image.image[None].copy())).logits[0]
    assert header["listed"] == logits.topk(10).indices.tolist()
    np.testing.assert_allclose(np.frombuffer(found.floats, "<f4")[-1000:], logits.numpy(), atol=1e-5)
    of_tokens = 6 * 16 + 32 + 2 + 2 + 17  # with the attention that each gets, and what each contributes
    assert len(found.floats) < 4 * (1000 + 17 * of_tokens + 10 * 17 + 400)  # not the weights of all classes


@pytest.mark.parametrize(
    ("token", "index"), [("cls", 0), ("distillation", 1), ("register1", 2), ("register2", 3), ("1.2", 5)]
)
def test_link_names_a_token_before_the_patches(token, index, tmp_path):
    run, chosen, data = made(tmp_path, registers=2, distilled=True)
    assert explorer.read_request(run, chosen, {"query": token}).query == index
    assert explorer.read_request(run, chosen, {"query": "register3"}).query == 0
    header, _, _ = explorer.prepare(run, chosen, data, {"query": token})
    assert explorer.unavailable(header, {"query": token}) == []
    assert explorer.unavailable(header, {"query": "register3"}) == ["query"]
    assert block.unavailable(run, {"query": token}) == []


def test_model_without_a_classifier_has_no_class_maps(tmp_path):
    run, chosen, _ = made(tmp_path, registers=4)
    run = make_features(run)
    assert views.view(run, chosen.image).probabilities.shape == (0,)
    with pytest.raises(UserError, match="no classifier"):
        model_outputs.outputs(run, chosen.image)


def make_features(run: Run) -> Run:
    """Turn a run into one without a classifier, whose weights are the same otherwise."""
    config = run.config.model_copy(update={"classes": (), "recipe": "imported"})
    (run.path / "config.yaml").write_text(dump_config(config))
    save_file(
        {k: v for k, v in load_file(run.best).items() if "head.1" not in k and "distillation_head" not in k},
        run.best,
    )
    found = Run(run.path)
    assert not load_run(found).has_classifier
    return found


def test_attention_page_of_a_model_without_a_classifier_says_so(tmp_path):
    run, _, _ = made(tmp_path, registers=4)
    for view in ("Maps", "Class maps"):
        app = open_app("attention", run=make_features(run).id, view=view)
        assert any("no classifier" in text.value for text in app.info)
        assert not app.error


def test_map_of_one_class_that_needs_too_much_memory_is_refused(tmp_path, monkeypatch):
    run, chosen, _ = made(tmp_path)
    question = Question(run, chosen.image, target=3)
    weights = 4 * 2 * 2 * 17**2  # float32, layers, heads, tokens
    monkeypatch.setattr(attributions, "MAX_GRADIENTS", 2 * weights)
    assert attributions.values(question).shape == (4, 4)
    monkeypatch.setattr(attributions, "MAX_GRADIENTS", 2 * weights - 1)
    with pytest.raises(UserError, match="small"):
        attributions.values(question)
    rollout = METHODS["rollout"]  # needs no gradients
    attributions.values(replace(question, method=rollout, settings=tuple(rollout.complete().items())))


def test_maps_of_a_model_with_a_thousand_classes_are_computed_for_the_chosen_ones(tmp_path, monkeypatch):
    classes = tuple(f"class {number}" for number in range(1000))
    run = make_run(tmp_path / "runs", "many", **SMALL, data="folder:/nowhere", classes=classes)
    image = selection.find_image(resources.dataset_of(run), "cat", 1).image
    compute, asked = relevance.weights_and_gradients, []

    def noted(model, images, chosen):
        asked.append((len(images), *chosen.tolist()))
        return compute(model, images, chosen)

    monkeypatch.setattr(relevance, "weights_and_gradients", noted)
    assert model_outputs.outputs(run, image).probabilities.shape == (1000,)
    assert not asked
    found = attributions.values(Question(run, image, target=700, against=3))
    assert asked == [(1, 700), (1, 3)]
    net, pixels = load_run(run), torch.from_numpy(image[None].copy())
    maps = relevance.relevance(net, pixels.expand(2, -1, -1, -1), torch.tensor([700, 3]))[:, 0, 1:]
    maps /= maps.mean(dim=1, keepdim=True)
    np.testing.assert_allclose(found.ravel(), maps[0] - maps[1], atol=1e-3)


def test_link_to_a_number_of_a_cct_is_checked_as_that_of_a_vit(tmp_path):
    run = make_run(tmp_path / "runs", "small", model="cct", **SMALL)
    dim, head = run.config.options["embed_dim"], run.config.options["num_heads"]
    for step, most in ((1, dim), (3, dim // head), (8, run.config.options["hidden_dim"])):
        at = {"view": "Inside a block", "step": str(step)}
        assert block.unavailable(run, {**at, "number": str(most)}) == []
        assert block.unavailable(run, {**at, "number": str(most + 1)}) == ["number"]
