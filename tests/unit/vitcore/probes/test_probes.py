"""Probes against direct computations and exact symmetries, and their results against what was stored."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.command_line import check_refused
from tests.command_line import run as vitcore
from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.analysis.heads import mean_distance
from vitcore.analysis.receptive import pixel_of
from vitcore.analysis.representation import gram
from vitcore.data.augment import normalize
from vitcore.data.datasets import Split
from vitcore.errors import UserError
from vitcore.models import build, load_run
from vitcore.models.evaluate import evaluate
from vitcore.probes import PROBES, find_probe, measure, store
from vitcore.probes.experiments.cka import BATCH, ratio, standard_error, tables
from vitcore.probes.experiments.occlusion import cell_orders
from vitcore.probes.experiments.receptive_field import PLACES
from vitcore.probes.statistics import RunningMean, paired_change
from vitcore.probes.store import Subject, images_for
from vitcore.probes.table import as_csv, rows
from vitcore.runs.folder import find_run

SMALL = {"embed_dim": 32, "hidden_dim": 32, "num_heads": 4, "num_layers": 2}
SMALL_RESNET = {"c_hidden": [6, 8, 8], "num_blocks": [1, 1, 1]}
VIT, RESNET = (find_run(name) for name in ("vit-cifar10", "resnet-cifar10"))
SEEN = images_for([VIT], 30)
PIXELS = torch.from_numpy(SEEN.pixels)


def last(probe, model, other=None, images=PIXELS, labels=SEEN.labels, **settings):
    """Return the values of all images as JSON. Checks that the number of images grows with every step."""
    done = [*PROBES[probe].steps(model, other, images, labels, PROBES[probe].settings(settings))]
    assert [count for count, _ in done] == sorted({count for count, _ in done})
    assert done[-1][0] == len(images)
    values = done[-1][1].model_dump(mode="json")
    json.dumps(values, allow_nan=False)
    return values


def with_varied_predictions(model):
    """Change the last bias so that predictions differ between images."""
    layers = [part for part in model.modules() if isinstance(part, nn.Linear)]
    with torch.no_grad():
        layers[-1].bias -= model(normalize(PIXELS)).mean(dim=0)
        assert len(model(normalize(PIXELS)).argmax(dim=1).unique()) > 1
    return model


@pytest.fixture
def without_positions():
    torch.manual_seed(0)
    return with_varied_predictions(build("vit", **SMALL, patch_size=4, position="none", pool="mean").eval())


def test_vit_without_positions_is_invariant_to_patch_shifts_and_shuffles(without_positions):
    values = last("shift", without_positions)
    kept = dict(zip(values["x"], values["curves"]["consistency, circular"]["mean"], strict=True))
    assert {kept[d] for d in (0, 4, 8, 12, 16)} == {1.0}
    assert min(kept[d] for d in (1, 2, 3)) < 1
    assert min(values["curves"]["consistency, zero"]["mean"]) < 1
    values = last("shuffle", without_positions)
    kept = dict(zip(values["x"], values["curves"]["consistency"]["mean"], strict=True))
    assert {kept[grid] for grid in (1, 2, 4, 8)} == {1.0}
    assert kept[16] < 1  # finer than its patches


def test_cnn_with_circular_padding_is_invariant_to_shifts_by_its_stride():
    torch.manual_seed(0)
    model = build("resnet", **SMALL_RESNET).eval()
    for part in model.modules():
        if isinstance(part, nn.Conv2d) and part.padding != (0, 0):
            part.padding_mode = "circular"
            part._reversed_padding_repeated_twice = [p for p in reversed(part.padding) for _ in range(2)]
    values = last("shift", with_varied_predictions(model))
    kept = dict(zip(values["x"], values["curves"]["consistency, circular"]["mean"], strict=True))
    assert {kept[d] for d in (0, 4, 8, 12, 16)} == {1.0}
    assert min(kept[d] for d in (1, 2, 3)) < 1


@pytest.fixture
def small_resnet():
    torch.manual_seed(0)
    return with_varied_predictions(build("resnet", **SMALL_RESNET).eval())


def test_shift_equals_predictions_on_images_shifted_with_numpy(small_resnet):
    values = last("shift", small_resnet)
    x = normalize(PIXELS).numpy()
    predicted = []
    for size in values["x"]:
        moves = [(0, size), (0, -size), (size, 0), (-size, 0)]  # right, left, down, up
        moved = np.stack([np.roll(image, moves[i % 4], axis=(1, 2)) for i, image in enumerate(x)])
        with torch.no_grad():
            predicted.append(small_resnet(torch.from_numpy(moved)).argmax(dim=1).numpy())
    for kind, expected in (("accuracy", SEEN.labels), ("consistency", predicted[0])):
        shares = (np.array(predicted) == expected).mean(axis=1)
        assert len(set(shares)) > 2
        curve = values["curves"][f"{kind}, circular"]
        assert curve["mean"] == pytest.approx(shares, abs=1e-6)
        assert curve["error"] == pytest.approx(np.sqrt(shares * (1 - shares) / 30), abs=1e-6)


def test_occlusion_goes_from_the_whole_image_to_none_in_order_of_saliency(small_resnet):
    model = small_resnet
    values = last("occlusion", model)
    with torch.no_grad():
        accuracy = (model(normalize(PIXELS)).argmax(dim=1).numpy() == SEEN.labels).mean()
        blank = int(model(torch.zeros(1, 3, 32, 32)).argmax())
    for curve in values["curves"].values():
        assert curve["mean"][0] == pytest.approx(accuracy, abs=1e-6)
        assert curve["mean"][-1] == pytest.approx((SEEN.labels == blank).mean(), abs=1e-6)
    chance, most, least = cell_orders(model, normalize(PIXELS), np.arange(30))
    assert torch.equal(most, least.flip(1))
    for order in (chance, most):
        assert torch.equal(order.sort(dim=1).values, torch.arange(64).expand(30, 64))
    again = cell_orders(model, normalize(PIXELS[10:]), np.arange(10, 30))
    assert torch.equal(again[0], chance[10:])  # the order depends only on the sample


def test_distance_is_the_mean_over_images_with_its_standard_error():
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    values = last("distance", model)
    direct = mean_distance(capture(model, PIXELS).weights, 8, prefix=1).numpy()  # [30, 2, 4]
    assert np.allclose(values["heads"]["mean"], direct.mean(axis=0), atol=1e-5)
    assert np.allclose(values["heads"]["error"], direct.std(axis=0, ddof=1) / math.sqrt(30), atol=1e-5)
    assert values["references"]["uniform"] == pytest.approx(16.5, abs=1)
    cnn = last("distance", build("resnet").eval(), images=PIXELS[:6], labels=SEEN.labels[:6])
    assert cnn["sides"][0] == 3
    assert "heads" not in cnn
    assert cnn["reach"]["mean"][0] < 1.5  # a 3x3 neighbourhood


def test_receptive_fields_sum_to_one_and_are_zero_outside_their_bounds():
    values = last("receptive-field", load_run(RESNET), images=PIXELS[:12], labels=SEEN.labels[:12])
    fields = np.array(values["fields"])
    assert np.allclose(fields.sum(axis=(1, 2)), 1, atol=1e-3)
    top, left, bottom, right = values["bounds"][1]
    outside = np.ones((32, 32), bool)
    outside[top : bottom + 1, left : right + 1] = False
    assert (fields[1][outside] == 0).all()
    corner = last(
        "receptive-field", load_run(RESNET), images=PIXELS[:2], labels=SEEN.labels[:2], place="top left"
    )
    assert corner["pixel"] == [0, 0]
    found = {place: pixel_of(place, 32) for place in PLACES}
    assert found["bottom"] == (31, 16)
    assert len(set(found.values())) == 9
    with pytest.raises(UserError, match=r"'behind'.*receptive-field"):
        PROBES["receptive-field"].settings({"place": "behind"})


def test_cka_of_a_model_with_itself_and_with_another():
    model, other = load_run(RESNET), build("resnet").eval()
    same = np.array(last("cka", model, model)["cka"]["mean"])
    assert np.allclose(np.diag(same), 1)
    assert np.allclose(np.diag(same[:10, 10:]), 1)
    values = last("cka", model, other)
    assert [len(layers) for layers in values["layers"]] == [10, 10]
    assert np.array(values["cka"]["mean"])[:10, 10:].max() < 1
    with pytest.raises(UserError, match=r"\b4 images"):
        list(PROBES["cka"].steps(model, other, PIXELS[:3], SEEN.labels[:3], {}))


@pytest.mark.parametrize(("count", "noise"), [(100, 2.0), (100, 6.0), (20, 2.0)])
def test_standard_error_of_cka_equals_its_spread_over_samples(count, noise):
    """Many samples of two synthetic layers: the stated error is their standard deviation or slightly more."""
    g = torch.Generator().manual_seed(0)
    first, second = torch.randn(20, 64, generator=g), torch.randn(20, 96, generator=g)

    def sample():
        found = []
        for start in range(0, count, BATCH):
            z = torch.randn(min(BATCH, count - start), 20, generator=g)
            x = z @ first + noise * torch.randn(len(z), 64, generator=g)
            y = (z @ second).relu() + noise * torch.randn(len(z), 96, generator=g)
            found.append(tables([gram(x), gram(y)]))
        return ratio(sum(table[0] for table in found))[0, 1], standard_error(found)[0, 1]

    values = np.array([sample() for _ in range(60)])
    spread = values[:, 0].std(ddof=1)
    assert 0.95 < values[:, 1].mean() / spread < 1.65


def test_frequencies_and_ablation_of_a_trained_model():
    model, seen = load_run(RESNET), {"images": PIXELS[:10], "labels": SEEN.labels[:10]}
    values = last("fourier", model, **seen)
    assert len(values["fall"]["mean"]) == len(values["layers"]) == 10
    assert values["profiles"][0]["frequency"][-1] == 1
    assert values["fall"]["mean"][0] == values["profiles"][0]["mean"][-1]
    values = last("ablation", model, **seen)
    accuracy = evaluate(model, Split(SEEN.pixels[:10], SEEN.labels[:10])).accuracy
    assert values["base"]["mean"] == pytest.approx(accuracy, abs=1e-6)
    assert values["layers"] == [f"block {i}" for i in (1, 2, 3, 5, 6, 8, 9)]
    assert "heads" not in values
    few = last("ablation", load_run(VIT), images=PIXELS[:4], labels=SEEN.labels[:4])
    assert np.shape(few["heads"]["mean"]) == (6, 8)


def test_paired_changes_and_running_means_by_hand():
    before = np.array([True, True, False, True])
    found, error = paired_change(np.array([[True, False, True, False]]), before)
    apart = np.array([0, -1, 1, -1.0])
    assert found == pytest.approx([apart.mean()])
    assert error == pytest.approx([apart.std(ddof=1) / 2])
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(23, 3)))
    mean = RunningMean()
    for part in values.split(5):
        mean.add(part)
    assert np.allclose(mean.mean, values.mean(dim=0))
    assert np.allclose(mean.error, values.std(dim=0) / math.sqrt(23))


def test_images_are_balanced_and_a_prefix_of_larger_sets():
    few, many = images_for([VIT], 30), images_for([VIT, RESNET], 200)
    assert np.array_equal(np.bincount(few.labels), [3] * 10)
    assert np.array_equal(few.pixels, many.pixels[:30])
    assert len(images_for([VIT], 10_000).labels) == 1000
    with pytest.raises(UserError, match=r"\b1\b"):
        images_for([VIT], 0)


@pytest.fixture
def tiny(tmp_path):
    return make_run(tmp_path / "runs", "tiny", patch_size=8, seed=5, **SMALL)


def test_result_is_stored_and_found_only_under_its_own_key(tiny, tmp_path, monkeypatch):
    probe, root = find_probe("shuffle"), tmp_path / "runs"
    first = [*measure.measure(probe, [Subject(tiny)], 20, root=root)][-1].result
    assert (first.images, first.runs, first.models) == (20, [tiny.id], ["vit"])
    assert first.command == f"python -m vitcore probe shuffle --runs {tiny.id} --images 20"
    assert first.machine
    assert first.date.startswith("20")
    with monkeypatch.context() as patch:
        patch.setattr(measure, "model_of", lambda subject: pytest.fail("measured again"))
        again = [*measure.measure(probe, [Subject(tiny)], 20, root=root)]
        assert [part.result for part in again] == [first]
    find = lambda subject, count=20, settings=None: store.find(  # noqa: E731
        probe, [subject], images_for([tiny], count), settings or {}, root
    )
    assert find(Subject(tiny)) == first
    assert find(Subject(tiny), 21) is None
    assert find(Subject(tiny, untrained=True)) is None
    (kept,) = (root / ".probes").glob("shuffle-*.json")
    kept.write_text(kept.read_text()[:100])  # truncated
    assert find(Subject(tiny)) is None
    assert [*measure.measure(probe, [Subject(tiny)], 20, root=root)][-1].result.values == first.values
    other = make_run(tmp_path / "runs", "other", patch_size=8, seed=1, **SMALL)
    tiny.best.write_bytes(other.best.read_bytes())  # other weights, as after more training
    assert find(Subject(tiny)) is None


def test_untrained_model_is_reproducible_and_keeps_the_random_state(tiny):
    state = torch.get_rng_state()
    one, two = (measure.model_of(Subject(tiny, untrained=True)) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    x = normalize(PIXELS)
    with torch.no_grad():
        assert torch.equal(one(x), two(x))
        assert not torch.equal(one(x), load_run(tiny)(x))


def test_canceled_measurement_stores_nothing(tiny, tmp_path):
    steps = measure.measure(find_probe("shift"), [Subject(tiny)], 60, root=tmp_path / "runs")
    assert next(steps).done == 0
    assert next(steps).values.curves
    steps.close()
    assert not list((tmp_path / "runs").rglob("shift-*"))


def test_invalid_subjects_are_rejected(tiny, tmp_path):
    with pytest.raises(UserError, match=r"cka .*\b2\b"):
        list(measure.measure(find_probe("cka"), [Subject(tiny)], 20))
    with pytest.raises(UserError, match=r"'magic'.*shift"):
        find_probe("magic")
    other = make_run(tmp_path / "runs", "large", image_size=64, data="folder:/nowhere", patch_size=8, **SMALL)
    with pytest.raises(UserError, match=f"{tiny.id}.*{other.id}"):
        images_for([tiny, other], 20)


def test_command_line_gives_the_same_numbers_and_rows(tiny, tmp_path):
    root = tmp_path / "runs"
    done = vitcore(
        "probe",
        "distance",
        "--runs",
        tiny.id,
        "resnet-cifar10",
        "--images",
        "12",
        "--json",
        "--runs-dir",
        str(root),
    )
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout)
    assert (one["runs"], two["runs"]) == ([tiny.id], ["resnet-cifar10"])
    seen = images_for([tiny], 12)
    direct = last("distance", load_run(tiny), images=torch.from_numpy(seen.pixels), labels=seen.labels)
    assert one["values"] == direct
    result = store.find(find_probe("distance"), [Subject(tiny)], seen, {}, root)
    found = rows(result)
    assert len(found) == 3 + 2 * 2 * 4  # layers; blocks x heads of distance and entropy
    assert found[3]["mean"] == direct["heads"]["mean"][0][0]
    assert as_csv([result]).count("\n") == len(found) + 1
    text = vitcore(
        "probe", "shuffle", "--runs", tiny.id, "--images", "10", "--untrained", "--runs-dir", str(root)
    )
    assert f"untrained {tiny.id}" in text.stdout
    assert "n = 10 " in text.stdout
    left_out = vitcore(
        "probe", "cka", "--runs", tiny.id, "--untrained", "--images", "51", "--runs-dir", str(root)
    )
    assert "n = 50 " in left_out.stdout
    assert "cka measured 50 of 51 images" in left_out.stderr
    assert "available" not in left_out.stderr
    wrong = vitcore("probe", "shift", "--runs", tiny.id, "--set", "place", "--runs-dir", str(root))
    check_refused(wrong, "--set")


def test_every_bundled_result_exists_with_its_origin():
    """The page shows these at once: the default number of images, both models, trained and untrained."""
    for probe in PROBES.values():
        seen = store.images_of(probe, [VIT, RESNET], 500)
        for untrained in (False, True):
            both = [Subject(run, untrained) for run in (VIT, RESNET)]
            for subjects in [both] if probe.pair else [[subject] for subject in both]:
                found = store.find(probe, subjects, seen, probe.settings(), "/nowhere")
                assert found, f"{probe.name} of {[s.name for s in subjects]} is not bundled"
                assert found.images == probe.count(500)
                assert found.commit
                assert not found.commit.endswith("+")
                assert found.command.startswith(f"python -m vitcore probe {probe.name} --runs ")
