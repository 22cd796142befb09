"""What pages show of models against direct computations: packing, masks, classes, many visitors, memory."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import vitcore
from dashboard.attention import attributions, explorer, views
from dashboard.attention.attributions import Question
from dashboard.components.explorer import message
from dashboard.drawing import pictures
from dashboard.patches import costs
from dashboard.shared import model_outputs
from dashboard.shared.selection import SelectedImage
from tests.made_runs import make_run
from vitcore.analysis.attention import capture, rollout
from vitcore.analysis.attribution import grad_cam
from vitcore.analysis.relevance import relevance
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import build
from vitcore.runs.folder import find_run


@pytest.fixture(scope="module")
def data():
    return load_dataset("cifar10-mini")


@pytest.fixture(scope="module")
def vit():
    return find_run("vit-cifar10")


def floats(view):
    count = view.layers * view.heads * view.tokens**2
    values = np.frombuffer(view.packed, np.float16).astype(np.float32)
    shape = (view.layers, view.heads, view.tokens, view.tokens)
    return values[:count].reshape(shape), values[count:].reshape(view.tokens, view.tokens)


def test_sent_weights_equal_those_of_the_model_in_half_precision(vit, data):
    image = data.test.images[5]
    view = views.view(vit, image)
    trace = capture(vitcore.load("vit-cifar10"), torch.from_numpy(image[None]))
    weights, rolled = floats(view)
    assert np.allclose(weights, trace.weights[0], atol=3e-4)
    assert np.allclose(rolled, rollout(trace.weights)[0], atol=3e-4)
    assert np.allclose(view.probabilities, trace.logits.softmax(dim=1)[0], atol=1e-6)
    assert np.allclose(view.lens[-1], view.probabilities, atol=1e-5)


def test_downloaded_arrays_are_exact(vit, data):
    image = data.test.images[6]
    found = np.load(io.BytesIO(views.arrays(vit, image, None)))
    trace = capture(vitcore.load("vit-cifar10"), torch.from_numpy(image[None]))
    assert found["weights"].dtype == np.float32
    assert np.array_equal(found["weights"], trace.weights[0].numpy())
    assert np.array_equal(found["image"], image)
    assert found["logit_lens"].shape == (7, 10)


def test_snapshot_is_read_and_a_missing_one_is_reported(vit, data):
    image = data.test.images[7]
    early, late = (views.view(vit, image, path) for path in (vit.snapshots[0], vit.snapshots[-1]))
    assert len({early.key, late.key, views.view(vit, image).key}) == 3
    assert not np.allclose(floats(early)[0], floats(late)[0], atol=0.01)
    found = model_outputs.outputs(vit, image, vit.snapshots[0])
    assert np.allclose(found.probabilities, early.probabilities, atol=1e-5)
    with pytest.raises(UserError, match="snapshot step-0000009"):
        views.view(vit, image, vit.checkpoints / "step-0000009.safetensors")


def test_weights_of_many_tokens_are_sent_for_one_token(tmp_path, data, monkeypatch):
    run = make_run(tmp_path, "small", embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2, patch_size=4)
    image = data.test.images[0]
    whole, _ = floats(views.view(run, image))
    monkeypatch.setattr(views, "MAX_SENT", 10_000)
    one = views.view(run, image, query=9)
    assert one.only == 9
    sent = np.frombuffer(one.packed, np.float16).reshape(2, 2, 2, 65)
    assert np.allclose(sent[:, :, 0], whole[:, :, 9], atol=1e-3)
    assert np.allclose(sent[:, :, 1], whole[:, :, :, 9], atol=1e-3)
    monkeypatch.setattr(views, "MAX_COMPUTED", 10_000)
    with pytest.raises(UserError, match="65 tokens"):
        views.view(run, image)


def test_another_token_of_many_needs_no_other_forward_pass(tmp_path, data, monkeypatch):
    run = make_run(tmp_path, "Many", patch_size=8, embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2)
    monkeypatch.setattr(views, "MAX_SENT", 1)
    image, found = data.test.images[5], []

    def counted(model, images):
        found.append(capture(model, images))
        return found[-1]

    monkeypatch.setattr("vitcore.analysis.attention.capture", counted)
    for token in (0, 7, 16):
        view = views.view(run, image, query=token)
        lines = np.frombuffer(view.packed, np.float16).reshape(2, 2, 2, 17)
        weights = found[0].weights[0].numpy()
        assert view.only == token
        np.testing.assert_allclose(lines[:, :, 0], weights[:, :, token], atol=1e-3)
        np.testing.assert_allclose(lines[:, :, 1], weights[:, :, :, token], atol=1e-3)
    assert len(found) == 1


def test_visitors_who_ask_for_the_same_large_image_at_once_share_one_forward_pass(
    tmp_path, data, monkeypatch
):
    run = make_run(tmp_path, "Shared", patch_size=8, embed_dim=16, hidden_dim=16, num_heads=2, num_layers=2)
    monkeypatch.setattr(views, "MAX_SENT", 1)
    monkeypatch.setattr(views, "_last_views", views._LastViews())
    captured, began, original = [], threading.Barrier(2, timeout=20), views._capture
    second = threading.Event()

    def counted(*args):
        captured.append(args)
        if len(captured) > 1:
            second.set()
        second.wait(0.5)  # for a second capture, which must not come
        return original(*args)

    def visit(token):
        began.wait()
        return views.view(run, data.test.images[5], query=token)

    monkeypatch.setattr(views, "_capture", counted)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(visit, (3, 7)))
    assert [view.only for view in found] == [3, 7]
    assert len(captured) == 1
    assert not views._last_views._capturing


def test_painted_pixels_are_zero_after_normalization(vit, data):
    from vitcore.data.augment import normalize

    image = data.test.images[8]
    masked = np.zeros((32, 32), dtype=bool)
    masked[4:9, 10:20] = True
    blank = views.masked_image(vit, image, masked)
    assert np.array_equal(blank[:, ~masked], image[:, ~masked])
    assert normalize(torch.from_numpy(blank[None]))[0][:, masked].abs().max() < 0.01
    assert views.view(vit, image, masked=masked).key != views.view(vit, image).key


def test_mask_in_the_address_belongs_to_its_image(data):
    first, second = data.test.images[:2]
    bits = np.zeros((32, 32), dtype=np.uint8)
    bits[3, 5] = bits[31, 31] = 1
    packed = base64.urlsafe_b64encode(np.packbits(bits).tobytes()).decode().rstrip("=")
    text = f"{explorer.image_key(first)}.{packed}"
    assert np.array_equal(explorer._mask(text, first), bits.astype(bool))
    assert explorer._mask(text, second) is None
    for nonsense in (
        "",
        "x",
        f"{explorer.image_key(first)}.",
        f"{explorer.image_key(first)}.%%%%",
        text[:20],
    ):
        assert explorer._mask(nonsense, first) is None


def test_stage_maps_are_grad_cam_of_each_stage_divided_by_its_mean(data):
    image = torch.from_numpy(data.test.images[9][None])
    question = Question(find_run("resnet-cifar10"), data.test.images[9], target=2)
    resnet = vitcore.load("resnet-cifar10")
    found = attributions.stage_maps(question)
    assert len(found) == question.outputs.stages == 3
    for stage, mine in enumerate(found):
        direct = grad_cam(resnet, image, torch.tensor([2]), stage)[0]
        assert np.allclose(mine, direct / direct.mean(), rtol=1e-3, atol=1e-6)


def test_vit_has_no_stage_maps(vit, data):
    question = Question(vit, data.test.images[9], target=2)
    assert (question.outputs.stages, attributions.stage_maps(question)) == (0, [])


def test_map_is_divided_by_its_mean():
    values = np.random.default_rng(0).random((3, 4, 4))
    found = attributions.share_of_even(values)
    assert np.allclose(found.mean(axis=(1, 2)), 1)
    assert np.array_equal(attributions.share_of_even(np.zeros((2, 2))), np.zeros((2, 2)))


def test_color_scale_of_class_maps_ignores_a_few_extreme_pixels_but_no_patch():
    pixels, patches = np.full((32, 32), -1.0), np.ones((8, 8))
    pixels[0, :20], patches[0, 0] = 50.0, 3.0  # 20 of 1,024 pixels are less than 2 %
    assert attributions.scale_end([pixels]) == 1.0
    assert attributions.scale_end([patches]) == attributions.scale_end([pixels, patches]) == 3.0
    assert attributions.scale_end([np.zeros((8, 8))]) > 0


def test_concurrent_visitors_get_their_images_and_leave_no_gradients(vit, data):
    images = data.test.images[100:108]
    model = vitcore.load("vit-cifar10")
    expected = [capture(model, torch.from_numpy(i[None])).logits.softmax(dim=1)[0].numpy() for i in images]

    def visit(image):
        found = attributions.values(Question(vit, image, target=0))
        return views.view(vit, image).probabilities, found, torch.is_grad_enabled()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(visit, images))
    for (probabilities, mine, grads), truth, image in zip(found, expected, images, strict=True):
        assert np.allclose(probabilities, truth, atol=1e-5)
        row = relevance(model, torch.from_numpy(image[None]), torch.tensor([0]))[0, 0, 1:].view(8, 8)
        assert np.allclose(mine, row / row.mean(), atol=1e-3)
        assert grads
    from dashboard.shared import resources

    assert all(p.grad is None for p in resources.model(vit).parameters())


def test_packed_message_has_header_image_and_weights():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    data = message({"key": "k", "name": "a café"}, image, b"1234")
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    assert (header["key"], header["name"], header["has"]) == ("k", "a café", True)
    pixels = np.frombuffer(data[4 + length : 4 + length + 48], np.uint8).reshape(4, 4, 3)
    assert np.array_equal(pixels, image.transpose(1, 2, 0))
    assert data[-4:] == b"1234"
    assert pictures.SIGNED.shape == pictures.CIVIDIS.shape == (256, 3)


def test_diverged_model_is_refused_with_the_name_of_its_weights(tmp_path, data):
    from safetensors.torch import load_file, save_file

    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(tmp_path, "diverged", model="vit", **small)
    save_file({name: value * 1e30 for name, value in load_file(run.best).items()}, run.best)
    with pytest.raises(UserError, match=rf"best.safetensors of run {run.id} are so large"):
        views.view(run, data.test.images[0])


def test_costs_of_patch_sizes_are_counted_for_the_image_size():
    rows = costs.patch_costs([6, 24], 24, 48)
    assert [row["patch size"] for row in rows] == ["6 x 6", "24 x 24  (shown)"]
    for size, row in zip((6, 24), rows, strict=True):
        with torch.device("meta"):
            net = build("vit", image_size=48, patch_size=size)
        tokens = net.pos_embedding.shape[1]
        assert row["tokens with CLS"] == tokens
        assert row["attention weights"] == 6 * 8 * tokens**2
        blocks = sum(p.numel() for p in net.transformer.parameters())
        assert round(blocks / 1e6, 1) == 3.2  # as the page says


@pytest.mark.parametrize(
    ("query", "index"),
    [("2.3", 1 + 8 * 1 + 2), ("8.1", 1 + 8 * 7), ("cls", 0), (None, 0), ("9.1", 0)],
)
def test_token_in_a_link_is_its_row_and_column(vit, data, query, index):
    chosen = SelectedImage(data.test.images[0], None, "")
    at = {"query": query} if query else {}
    assert explorer.read_request(vit, chosen, at).query == index  # CLS, then 8 x 8 patches row by row


@pytest.mark.parametrize(("step", "index"), [("0", 0), ("7", 1), ("8", None), (None, None)])
def test_snapshot_in_a_link_is_that_step_of_the_run(data, tmp_path, step, index):
    small = {"patch_size": 8, "num_layers": 1, "num_heads": 1, "embed_dim": 16, "hidden_dim": 16}
    run = make_run(tmp_path, "early", model="vit", steps=(0, 7), **small)
    chosen = SelectedImage(data.test.images[0], None, "")
    snapshot = explorer.read_request(run, chosen, {"snapshot": step} if step else {}).snapshot
    assert snapshot == (None if index is None else run.snapshots[index])


def test_requests_that_differ_in_more_than_the_token_change_the_rest_of_the_page(vit, data):
    image = data.test.images[0]
    chosen = SelectedImage(image, 3, "cat")
    bits = base64.urlsafe_b64encode(np.packbits(np.eye(32, dtype=np.uint8)).tobytes()).decode().rstrip("=")
    mask = f"{explorer.image_key(image)}.{bits}"

    def asked(**address):
        return explorer.read_request(vit, chosen, address)

    plain, painted = asked(query="1.1"), asked(query="1.1", mask=mask)
    assert plain.differs_in_token_only(asked(query="2.2"))
    assert painted.differs_in_token_only(asked(query="2.2", mask=mask))
    for other in ({"content": "positions"}, {"over": "test"}, {"order": "entropy"}, {"mask": mask}):
        assert not plain.differs_in_token_only(asked(query="1.1", **other))
