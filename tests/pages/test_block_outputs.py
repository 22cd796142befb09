"""The message of the stepper through a block: its numbers, its size, and what a link may name."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch

from dashboard.attention import block, block_outputs, convolution, explorer
from dashboard.attention.explorer import Explorer
from dashboard.components.inside import message
from dashboard.shared import resources, selection
from dashboard.talk.scenes import scene
from tests.apptests import open_app
from tests.bundled import VIT
from tests.made_runs import make_run
from vitcore.analysis.block_steps import block_steps
from vitcore.analysis.convolution_steps import convolution_steps
from vitcore.errors import UserError
from vitcore.runs.folder import find_run

LINK = {"view": "Inside a block"}


def bundled():
    run = find_run("vit-cifar10")
    data = resources.dataset_of(run)
    return run, selection.find_image(data, "cat", 1), data


def floats_of(view):
    return np.frombuffer(view.floats, "<f4")


def test_message_begins_with_the_results_of_the_model():
    run, chosen, data = bundled()
    header, view, _ = block.prepare(run, chosen, data, LINK | {"layer": "2"})
    steps = block_steps(resources.model(run), torch.from_numpy(chosen.image[None].copy()), 1)
    numbers, size = floats_of(view), 65 * 256
    assert (header["layer"], header["tokens"], header["heads"], header["norm"]) == (1, 65, 8, "pre")
    np.testing.assert_array_equal(numbers[:size], steps.input.flatten().numpy())
    q = steps.q.transpose(0, 1).flatten().numpy()  # the heads of a token next to each other
    np.testing.assert_array_equal(numbers[size : 2 * size], q)
    np.testing.assert_array_equal(numbers[2 * size : 3 * size], steps.projected.flatten().numpy())


def test_message_is_smaller_than_a_megabyte():
    run, chosen, data = bundled()
    for layer in ("1", "6"):
        header, view, _ = block.prepare(run, chosen, data, LINK | {"layer": layer}, units=True)
        assert 500_000 < len(message(header, chosen.image, view.floats, view.crops)) < 1_000_000


def test_units_come_with_the_patches_of_test_images_that_excite_them():
    run, chosen, data = bundled()
    header, view, _ = block.prepare(run, chosen, data, LINK | {"layer": "3"}, units=True)
    assert header["searched"] == 200
    crops = np.frombuffer(view.crops, np.uint8).reshape(len(header["units"]), 4, 12, 12, 3)
    model, unit = resources.model(run), header["units"][5]
    images = torch.from_numpy(data.test.images[:200].copy())
    active = torch.stack(
        [block_steps(model, images[i : i + 1], 2).active[1:, unit["unit"]] for i in range(200)]
    )
    image = int(active.max(dim=1).values.argmax())
    patch = int(active[image].argmax())
    assert unit["values"][0] == pytest.approx(float(active.max()), abs=1e-3)
    assert (unit["patches"][0], unit["labels"][0]) == (patch, int(data.test.labels[image]))
    row, column = (4 * part for part in divmod(patch, 8))
    pixels = data.test.images[image, :, row : row + 4, column : column + 4].transpose(1, 2, 0)
    np.testing.assert_array_equal(crops[5, 0, 4:8, 4:8], pixels)


@pytest.mark.parametrize("step", ["1", "8"])
def test_block_is_shown_before_the_search_for_exciting_patches(step, monkeypatch):
    def search(*_):
        raise AssertionError

    run, chosen, data = bundled()
    monkeypatch.setattr(block_outputs, "_excited", search)
    header, view, _ = block.prepare(run, chosen, data, LINK | {"step": step})
    assert (header["units"], header["searched"], view.crops) == ([], 0, b"")
    with pytest.raises(AssertionError):
        block.prepare(run, chosen, data, LINK | {"step": step}, units=True)
    with pytest.raises(AssertionError):  # a file without a server has all steps
        block.prepare_file(run, chosen, data, LINK | {"step": step})


def test_many_tokens_send_only_the_chosen_one(tmp_path, monkeypatch):
    monkeypatch.setattr(block_outputs, "MAX_ALL", 100_000)
    sizes = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 2, "patch_size": 2}
    run = make_run(tmp_path, "Many", **sizes)
    data = resources.dataset_of(run)
    chosen = selection.find_image(data, "ship", 2)
    header, view, _ = block.prepare(run, chosen, data, LINK | {"query": "3.4"})
    token = 1 + 2 * 16 + 3
    assert header["only"] == header["query"] == token
    steps = block_steps(resources.model(run), torch.from_numpy(chosen.image[None].copy()), 1)
    np.testing.assert_array_equal(floats_of(view)[:32], steps.input[token].numpy())
    per_token = 2 * 32 + 4 + 1  # key and value, the sum of the weights in each head, and the norm added
    assert len(view.floats) < 4 * (257 * per_token + 2000)
    monkeypatch.setattr(block_outputs, "MAX_ONE", 60_000)
    with pytest.raises(UserError, match=r"257 tokens.*larger patches"):
        block.prepare(run, chosen, data, LINK)


def test_positions_only_and_a_painted_image_change_the_input():
    run, chosen, data = bundled()
    inputs = [
        floats_of(block.prepare(run, chosen, data, LINK | more)[1])[: 65 * 256]
        for more in ({}, {"content": "positions"})
    ]
    model = resources.model(run)
    with torch.inference_mode():
        blank = model.embed(torch.zeros(1, 3, 32, 32))
        for layer in model.blocks[:-1]:
            blank = layer(blank)
    np.testing.assert_allclose(inputs[1], blank.flatten().numpy(), atol=1e-5)
    assert np.abs(inputs[0] - inputs[1]).max() > 0.1


def painted(image):
    """Return the parameter for the upper half of an image, and the mask."""
    mask = np.zeros((32, 32), bool)
    mask[:16] = True
    text = base64.urlsafe_b64encode(np.packbits(mask).tobytes()).decode().rstrip("=")
    return {"mask": f"{explorer.image_key(image)}.{text}"}, mask


def test_painted_image_is_drawn_and_named_as_it_is_computed():
    run, chosen, data = bundled()
    link, mask = painted(chosen.image)
    header, view, image = block.prepare(run, chosen, data, LINK | link)
    mean = run.config.preprocessing.mean_color()[:, None, None]
    np.testing.assert_array_equal(image, np.where(mask, mean, chosen.image))
    steps = block_steps(resources.model(run), torch.from_numpy(image[None].copy()), 5)
    np.testing.assert_array_equal(floats_of(view)[: 65 * 256], steps.input.flatten().numpy())
    assert "painted" in header["mode"]
    assert block.prepare(run, chosen, data, LINK)[0]["mode"] == ""


def test_positions_only_are_drawn_as_the_mean_color_and_snapshots_are_named(tmp_path):
    run, chosen, data = bundled()
    header, _, image = block.prepare(run, chosen, data, LINK | {"content": "positions"})
    assert (image == run.config.preprocessing.mean_color()[:, None, None]).all()
    assert "ositions" in header["mode"]
    made = make_run(tmp_path, "Steps", embed_dim=32, hidden_dim=48, num_heads=4, num_layers=1)
    assert made.weights is not None
    (made.checkpoints / "step-10.safetensors").write_bytes(made.weights.read_bytes())
    chosen = selection.find_image(resources.dataset_of(made), "cat", 1)
    header, _, _ = block.prepare(made, chosen, data, LINK | {"snapshot": "10"})
    assert "step 10" in header["mode"]


def test_file_and_convolution_next_to_the_block_have_the_painted_image(monkeypatch):
    run, chosen, data = bundled()
    link, mask = painted(chosen.image)
    sent = []
    for module in (block, convolution):
        monkeypatch.setattr(module, "message", lambda header, image, *_: sent.append((header, image)) or b"")
    other = find_run("resnet-cifar10")
    block.Block(run, chosen, data, other).pieces(LINK | link, talk=False)
    assert [header["mode"] for header, _ in sent] == 2 * ["Input: the image, painted with the mean color."]
    for _, image in sent:
        assert (image[:, ~mask] == chosen.image[:, ~mask]).all()
        assert np.ptp(image[:, mask], axis=1).max() == 0
    _, view, image = convolution.prepare(other, chosen, data, LINK | link, step=convolution.STEP_OF_TWO)
    steps = convolution_steps(resources.model(other), torch.from_numpy(image[None].copy()), 0)
    np.testing.assert_array_equal(floats_of(view)[: 3 * 32 * 32], steps.input.flatten().numpy())
    assert (convolution.prepare(other, chosen, data, LINK | link)[2] == chosen.image).all()


def test_scene_of_the_view_is_the_stepper():
    assert isinstance(
        scene("attention", LINK | {"step": "4", "layer": "2", "temperature": "0.5"}), block.Block
    )
    assert isinstance(scene("attention", {"step": "4"}), Explorer)


@pytest.mark.parametrize(("step", "count"), [(1, 256), (2, 32), (5, 32), (6, 256), (8, 512), (9, 256)])
def test_links_name_each_number_of_a_step(step, count):
    link = LINK | {"step": str(step), "token": "8.8", "array": "sum1-row"}
    assert isinstance(scene("attention", link | {"number": str(count)}), block.Block)
    with pytest.raises(UserError, match=f"number={count + 1}"):
        scene("attention", link | {"number": str(count + 1)})


def test_steps_of_talks_and_files_open_on_the_number_of_the_link(monkeypatch):
    run, chosen, data = bundled()
    sent = []
    monkeypatch.setattr(block, "message", lambda header, *_: sent.append(header) or b"")
    pinned = {"step": "7", "array": "mlpInput", "token": "2.3", "number": "17"}
    for talk in (True, False):
        block.Block(run, chosen, data).pieces(LINK | pinned, talk=talk)
    monkeypatch.setattr(block, "block", lambda *_, **__: None)
    block.show(run, chosen, data, key="pinned", at=LINK | pinned)
    for header in sent:
        assert dict(parse_qsl(header["address"])) == LINK | pinned


@pytest.mark.parametrize(
    "wrong",
    [
        "step=11",
        "layer=7",
        "head=9",
        "query=9.1",
        "temperature=40",
        "token=9.1",
        "number=257",
        "array=a%20b",
    ],
)
def test_links_that_the_stepper_cannot_show_are_refused(wrong):
    name, value = wrong.split("=")
    with pytest.raises(UserError, match=wrong.replace(".", r"\.")):
        scene("attention", LINK | {name: value})


def test_classifier_is_a_step_of_the_last_block_only():
    assert isinstance(scene("attention", LINK | {"layer": "6", "step": "10"}), block.Block)
    with pytest.raises(UserError, match="step=10"):
        scene("attention", LINK | {"layer": "5", "step": "10"})


def test_unknown_view_is_refused_with_the_choices():
    with pytest.raises(UserError, match=r"view=block.*view=Inside a block"):
        scene("attention", {"view": "block"})


def test_patches_leads_to_the_same_image_in_the_first_block():
    app = open_app("patches", **{"class": "ship", "image": "3"})
    (link,) = [link.proto for link in app.get("page_link")]
    query = dict(parse_qsl(link.query_string))
    assert query == {"run": VIT, "class": "ship", "image": "3", "layer": "1", **LINK}
