"""What is on both sides of "Side by side": links, weights, files, and what cannot be compared."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
import torch

from dashboard.attention import side_by_side, views
from dashboard.attention.side_by_side import SideBySide
from dashboard.components.packing import pack
from dashboard.standalone import scene_file
from dashboard.talk import scenes
from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import load_run

CLASSES = load_dataset("cifar10-mini").classes
SMALL = {
    "classes": CLASSES,
    "model": "vit",
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "embed_dim": 16,
    "hidden_dim": 16,
}
VIEW = {"view": "Side by side"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def data():
    return load_dataset("cifar10-mini")


def prepared(link):
    scene = scenes.scene("attention", VIEW | link)
    assert isinstance(scene, SideBySide)
    sides = side_by_side.sides_of(scene.run, scene.chosen, *scene.right, VIEW | link)
    return sides, *side_by_side.prepare(*sides, scene.data, VIEW | link)


def weights_of(view):
    count = view.layers * view.heads * view.tokens**2
    return np.frombuffer(view.packed, np.float16)[:count].reshape(view.layers, view.heads, view.tokens, -1)


def expected(run, image, path=None):
    return capture(load_run(run, path), torch.from_numpy(image[None].copy())).weights[0].numpy()


def test_two_images_are_those_of_the_link(home, data):
    run = make_run(home, "one", **SMALL)
    link = {"run": run.id, "class": "dog", "image": "3", "right_class": "ship", "right_image": "5"}
    (left, right), header, found = prepared(link)
    for side, view, label, number in ((left, found[0], 5, 3), (right, found[1], 8, 5)):
        image = data.test.images[np.flatnonzero(data.test.labels == label)[number - 1]]
        assert np.array_equal(side.chosen.image, image)
        np.testing.assert_allclose(weights_of(view), expected(run, image), atol=1e-3)
    assert [side["name"] for side in header["sides"]] == [left.chosen.name, right.chosen.name]
    default = prepared({"run": run.id})[0]
    assert [side.chosen.name for side in default] == ["cat, test image 1 of 100", "cat, test image 2 of 100"]


def test_two_models_see_the_same_image(home):
    one, other = make_run(home, "one", **SMALL), make_run(home, "other", seed=7, **SMALL | {"patch_size": 4})
    (left, right), header, found = prepared({"run": one.id, "versus": "models", "right_run": other.id})
    assert np.array_equal(left.chosen.image, right.chosen.image)
    for run, view in ((one, found[0]), (other, found[1])):
        np.testing.assert_allclose(weights_of(view), expected(run, left.chosen.image), atol=1e-3)
    assert [side["side"] for side in header["sides"]] == [4, 8]


def test_two_snapshots_are_the_first_one_and_the_best_weights_unless_the_link_names_others(home):
    run = make_run(home, "one", steps=(10, 20), **SMALL)
    link = {"run": run.id, "versus": "snapshots"}

    def paths(**more):
        return [side.snapshot for side in prepared(link | more)[0]]

    assert paths() == [None, run.snapshots[0]]
    assert paths(snapshot="10", right_snapshot="20") == list(run.snapshots)
    assert paths(snapshot="20", right_snapshot="best") == [run.snapshots[1], None]
    (_, right), _, found = prepared(link | {"right_snapshot": "20"})
    np.testing.assert_allclose(
        weights_of(found[1]), expected(run, right.chosen.image, run.snapshots[1]), atol=1e-3
    )
    images = prepared({"run": run.id, "snapshot": "20"})[0]  # both images with the same weights
    assert [side.snapshot for side in images] == [run.snapshots[1]] * 2


def test_weights_that_the_browser_has_are_not_sent_again(home):
    run = make_run(home, "one", **SMALL)
    sides, header, found = prepared({"run": run.id})
    both = len(side_by_side.packed(header, sides, found, {}))
    one = len(side_by_side.packed(header, sides, found, {found[1].key: None}))
    none = len(side_by_side.packed(header, sides, found, dict.fromkeys((found[0].key, found[1].key))))
    size = len(found[0].packed)
    assert [round((both - one) / size), round((one - none) / size)] == [1, 1]
    twice = prepared({"run": run.id, "right_image": "1"})  # the same image on both sides
    assert len(side_by_side.packed(*(twice[1], twice[0], twice[2]), {})) - none < 1.5 * size


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"versus": "weather"}, r"says versus=weather"),
        ({"versus": "snapshots"}, r"says versus=snapshots.*one has no snapshots"),
        ({"versus": "models", "right_run": "gone"}, r"names the run gone"),
        (
            {"versus": "models", "right_run": "resnet-cifar10-gpu"},
            r"resnet-cifar10-gpu, which this view can't",
        ),
        ({"right_class": "unicorn"}, r"names unicorn, test image 2"),
        ({"right_image": "101"}, r"names cat, test image 101"),
        ({"right_image": "0"}, r"says right_image=0"),
        ({"query": "9.9"}, r"says query=9\.9, .*2 layers, 2 heads, 4 x 4 patches"),
    ],
)
def test_link_to_something_missing_is_refused_with_its_name(home, link, words):
    run = make_run(home, "one", **SMALL)
    with pytest.raises(UserError, match=words):
        scenes.scene("attention", VIEW | {"run": run.id} | link)


def test_snapshot_that_the_run_does_not_have_is_refused(home):
    run = make_run(home, "one", steps=(10,), **SMALL)
    link = VIEW | {"run": run.id, "versus": "snapshots", "right_snapshot": "11"}
    with pytest.raises(UserError, match=r"says right_snapshot=11"):
        scenes.scene("attention", link)


@pytest.mark.parametrize(
    ("query", "tokens"),
    [({}, (0, 0)), ({"query": "2.3"}, (1 + 4 + 2, 1 + 4 + 2)), ({"query": "cls"}, (0, 0))],
)
def test_of_many_tokens_the_rows_and_columns_of_one_are_sent(home, monkeypatch, query, tokens):
    run = make_run(home, "fine", **SMALL)
    monkeypatch.setattr(views, "MAX_SENT", 100)
    sides, header, shown = prepared({"run": run.id, "right_image": "3"} | query)
    assert tuple(side["only"] for side in header["sides"]) == tokens
    for side, view, token in zip(sides, shown, tokens, strict=True):
        lines = np.frombuffer(view.packed, np.float16).reshape(view.layers, view.heads, 2, view.tokens)
        weights = expected(run, side.chosen.image)
        assert np.allclose(lines[:, :, 0], weights[:, :, token], atol=1e-3)
        assert np.allclose(lines[:, :, 1], weights[:, :, :, token], atol=1e-3)


@pytest.mark.parametrize(
    ("left", "right", "query", "tokens"),
    [
        # 4.5 / 7 * 18 = 11.57 and 6.5 / 7 * 18 = 16.71, rounded up
        ({"patch_size": 8, "image_size": 56}, {"patch_size": 4, "image_size": 72}, "5.7", ("5.7", "12.17")),
        # 9.5 / 18 * 7 = 3.69 and 0.5 / 18 * 7 = 0.19
        ({"patch_size": 4, "image_size": 72}, {"patch_size": 8, "image_size": 56}, "10.1", ("10.1", "4.1")),
        ({"patch_size": 4}, {"patch_size": 8}, "8.1", ("8.1", "4.1")),
        ({"patch_size": 8}, {"patch_size": 4}, "2.3", ("2.3", "4.6")),
        ({"patch_size": 8}, {"patch_size": 8}, None, ("cls", "cls")),
        ({"patch_size": 4}, {"patch_size": 8, "pool": "mean"}, None, ("5.5", "3.3")),
        ({"patch_size": 4, "pool": "mean"}, {"patch_size": 4}, None, ("5.5", "5.5")),
    ],
)
def test_both_sides_get_the_token_that_the_browser_shows(home, left, right, query, tokens):
    """The cases are those of pair.test.js."""
    runs = [
        make_run(home, name, **(SMALL | {"data": "photos"} | one))
        for name, one in (("left", left), ("right", right))
    ]
    assert side_by_side._tokens(*runs, query) == tokens


def test_weights_of_the_last_images_are_kept_up_to_a_limit(home, data, monkeypatch):
    run = make_run(home, "fine", **SMALL)
    monkeypatch.setattr(views, "MAX_SENT", 100)
    monkeypatch.setattr(views, "MAX_KEPT", 2 * views.bytes_of(run))
    monkeypatch.setattr(views, "_last_views", views._LastViews())
    captured, capture_one = [], views._capture
    monkeypatch.setattr(views, "_capture", lambda *args: captured.append(args) or capture_one(*args))
    for image in (0, 1, 0, 1, 2, 1, 0):
        views.view(run, data.test.images[image], query=image)
    names = [{data.test.images[i].tobytes(): i for i in range(3)}[pixels] for _, pixels, _ in captured]
    assert names == [0, 1, 2, 0]  # the third drops the first


def test_weights_of_both_sides_that_do_not_fit_into_memory_are_refused(home, monkeypatch):
    run = make_run(home, "fine", **SMALL)
    monkeypatch.setattr(views, "MAX_SENT", 100)
    monkeypatch.setattr(views, "MAX_KEPT", views.bytes_of(run))
    with pytest.raises(UserError, match="larger patches"):
        prepared({"run": run.id})


def test_one_side_of_many_tokens_gets_those_of_the_same_place(home, monkeypatch):
    few = make_run(home, "few", data="photos", image_size=64, **SMALL | {"patch_size": 16})
    many = make_run(home, "many", data="photos", image_size=72, **SMALL | {"patch_size": 4})
    monkeypatch.setattr(views, "MAX_SENT", views.bytes_of(few))
    at = 1 + 6 * 18 + 11
    for one, other, query in (
        (few, many, "2.3"),
        (many, few, "7.12"),
    ):  # 1.5 / 4 * 18 and 2.5 / 4 * 18, rounded up
        link = {"run": one.id, "versus": "models", "right_run": other.id, "query": query}
        sides, header, shown = prepared(link)
        on_demand = 1 if one is few else 0
        assert [side["only"] for side in header["sides"]] == [None, at][:: 1 if one is few else -1]
        view = shown[on_demand]
        lines = np.frombuffer(view.packed, np.float16).reshape(view.layers, view.heads, 2, view.tokens)
        weights = expected(many, sides[on_demand].chosen.image)
        assert np.allclose(lines[:, :, 0], weights[:, :, at], atol=1e-3)
        whole = weights_of(shown[1 - on_demand])
        assert np.allclose(whole, expected(few, sides[1 - on_demand].chosen.image), atol=1e-3)
        with pytest.raises(UserError, match="many has too many tokens for a file"):
            scenes.scene("attention", VIEW | link).pieces(VIEW | link)


def test_file_of_models_with_other_images_holds_both(home):
    large = make_run(home, "large", data="photos", image_size=64, **SMALL)
    small = make_run(home, "small", **SMALL)
    link = {"run": large.id, "versus": "models", "right_run": small.id, "class": "rocket", "query": "3.5"}
    sides, header, shown = prepared(link)
    assert [side.chosen.image.shape[-1] for side in sides] == [64, 32]
    text = scene_file.from_address(VIEW | link)
    (packed,) = re.findall(r'id="data-0">([^<]+)<', text)
    content = base64.b64decode(packed)
    for side, view in zip(sides, shown, strict=True):
        assert view.packed in content
        assert np.ascontiguousarray(side.chosen.image.transpose(1, 2, 0)).tobytes() in content
    assert header["notes"] == []


def test_file_with_too_many_tokens_is_refused(home, monkeypatch):
    run = make_run(home, "fine", **SMALL)
    monkeypatch.setattr(views, "MAX_SENT", 100)
    scene = scenes.scene("attention", VIEW | {"run": run.id})
    with pytest.raises(UserError, match="fine has too many tokens for a file"):
        scene.pieces(VIEW | {"run": run.id})


def test_all_vits_are_comparable_and_those_for_the_same_images_and_classes_come_first(home):
    one, other = make_run(home, "one", **SMALL), make_run(home, "other", **SMALL)
    pets = make_run(home, "pets", **(SMALL | {"classes": ("cat", "dog")}))
    large = make_run(home, "large", data="photos", image_size=64, **SMALL)
    make_run(home, "resnet", model="resnet", classes=CLASSES)
    found = [run.id for run in side_by_side.comparable_runs(one)]
    assert found.index(other.id) < found.index(pets.id) < found.index(large.id)
    assert found[-1] == large.id
    assert "vit-cifar10-gpu" in found
    assert one.id not in found
    assert not any("resnet" in name for name in found)


def test_model_for_other_classes_has_its_own_and_no_true_one(home):
    one = make_run(home, "one", **SMALL)
    pets = make_run(home, "pets", **(SMALL | {"classes": ("kitten", "puppy")}))
    sides, header, shown = prepared({"run": one.id, "versus": "models", "right_run": pets.id})
    left, right = header["sides"]
    assert (left["classes"], left["truth"]) == (list(CLASSES), CLASSES.index("cat"))
    assert (right["classes"], right["truth"]) == (["kitten", "puppy"], None)
    assert len(right["probabilities"]) == 2
    assert np.allclose(weights_of(shown[1]), expected(pets, sides[1].chosen.image), atol=1e-3)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"versus": "snapshots"}, ["one", "best weights and step 10", "cat, test image 1 of 100"]),
        (
            {"right_class": "ship", "right_image": "3"},
            ["one", "cat, test image 1 .* and ship, test image 3 "],
        ),
        ({"versus": "models"}, ["one and two", "cat, test image 1 of 100"]),
    ],
)
def test_title_of_a_file_names_both_sides(home, query, words):
    one, two = (make_run(home, name, steps=(10,), **SMALL) for name in ("one", "two"))
    text = scene_file.from_address(VIEW | {"run": one.id, "right_run": two.id} | query)
    (title,) = re.findall("<h1>([^<]+)</h1>", text)
    parts = title.split("; ")
    assert len(parts) == len(words)
    assert all(re.search(word, part) for word, part in zip(words, parts, strict=True))


def test_file_holds_the_weights_of_both_sides_and_loads_nothing(home):
    run = make_run(home, "one", steps=(10,), **SMALL)
    link = VIEW | {"run": run.id, "versus": "snapshots"}
    text = scene_file.from_address(link)
    assert "default-src 'none'" in text
    (packed,) = re.findall(r'id="data-0">([^<]+)<', text)
    content = base64.b64decode(packed)
    for view in prepared({"run": run.id, "versus": "snapshots"})[2]:
        assert view.packed in content
    assert len(content) > len(pack({}))
