"""Scores of runs against second implementations: numpy, hand calculations, another code path."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.conftest import TINY_RESNET, TINY_VIT
from tests.made_runs import make_run
from vitcore.__main__ import app
from vitcore.analysis import comparison
from vitcore.analysis.cost import vit_cost
from vitcore.data import load_dataset
from vitcore.data.datasets import Split, split_indices
from vitcore.errors import UserError
from vitcore.models import build, load_run
from vitcore.models.evaluate import evaluate, evaluate_run
from vitcore.probes import PROBES, SCORES, TEST, scores
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject, pick
from vitcore.runs.folder import find_run


@pytest.fixture
def random_answers():
    draw = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(400, 7, generator=draw)
    return logits, torch.randint(0, 6, (400,), generator=draw)  # class 6 never is


def test_confusion_and_accuracies_equal_numpy(random_answers):
    logits, labels = random_answers
    found = comparison.evaluate_logits(logits, labels)
    predicted, truth = logits.argmax(1).numpy(), labels.numpy()
    table = np.zeros((7, 7), int)
    np.add.at(table, (truth, predicted), 1)
    assert found["confusion"] == table.tolist()
    assert found["accuracy"] == (predicted == truth).mean()
    probabilities = np.exp(logits.double().numpy())
    probabilities /= probabilities.sum(1, keepdims=True)
    assert found["loss"] == pytest.approx(-np.log(probabilities[np.arange(400), truth]).mean(), abs=1e-5)
    each = found["class_accuracy"]
    assert each["count"] == [*np.bincount(truth), 0]
    for c in range(6):
        share = (predicted[truth == c] == c).mean()
        assert each["mean"][c] == pytest.approx(share, abs=1e-6)
        assert each["error"][c] == pytest.approx(np.sqrt(share * (1 - share) / (truth == c).sum()), abs=1e-6)
    assert each["mean"][6] == 0


def test_calibration_equals_hand_computed_values():
    """Compare with four predictions by hand.

    Two have confidence 0.95, and one of them is correct. The one with 0.65 is correct, the one with 0.55 is
    not. With 10 bins, the error is |0.5 - 0.95| for half of the predictions, and |1 - 0.65| and |0 - 0.55|
    for a quarter each.
    """
    probabilities = torch.tensor(
        [[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.55, 0.45]], dtype=torch.float64
    )
    found = comparison.calibration(probabilities, torch.tensor([0, 1, 1, 1]), bins=10)
    assert found["ece"] == pytest.approx(0.45 / 2 + 0.35 / 4 + 0.55 / 4, abs=1e-6)
    assert found["count"] == [0, 0, 0, 0, 0, 1, 1, 0, 0, 2]
    assert found["accuracy"][5:] == [0, 1, 0, 0, 0.5]
    assert found["confidence"][5:] == pytest.approx([0.55, 0.65, 0, 0, 0.95], abs=1e-6)


def test_bins_add_up_to_the_calibration_error(random_answers):
    logits, labels = random_answers
    found = comparison.evaluate_logits(logits, labels)["calibration"]
    count, accuracy, confidence = (np.array(found[name]) for name in ("count", "accuracy", "confidence"))
    assert count.sum() == 400
    assert len(count) == comparison.BINS
    assert (np.abs(accuracy - confidence) * count).sum() / 400 == pytest.approx(found["ece"], abs=2e-6)


def test_diverged_model_is_evaluated_without_an_error():
    found = comparison.evaluate_logits(torch.full((20, 3), float("nan")), torch.arange(20) % 3)
    assert found["accuracy"] == pytest.approx(7 / 20)
    assert json.dumps(found, allow_nan=False)


def test_multiply_adds_equal_the_formula_and_a_hand_count():
    mean = build("vit", patch_size=8, pool="mean").eval()
    assert comparison.multiply_adds(mean, 32) == vit_cost(8, cls=False).multiply_adds
    # The last block computes only the first of 17 tokens. The other 16 need no queries, outputs, MLP, or
    # products with keys and values.
    cls = build("vit", patch_size=8).eval()
    saved = 16 * (2 * 256 * 256 + 2 * 256 * 512) + 2 * 16 * 17 * 256
    assert comparison.multiply_adds(cls, 32) == vit_cost(8, complete=True).multiply_adds - saved
    assert comparison.multiply_adds(cls, 32) == vit_cost(8).multiply_adds
    small = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.Flatten(), torch.nn.Linear(5 * 8 * 8, 4)
    )
    assert comparison.multiply_adds(small, 8) == 8 * 8 * 5 * 3 * 9 + 5 * 8 * 8 * 4


@pytest.fixture
def made(tmp_path):
    return make_run(tmp_path / "runs", "tiny", model="resnet", **TINY_RESNET)


def answered(run, count=1000, **options):
    return [*measure(TEST, [Subject(run)], count, **options)][-1].result


def test_probe_scores_equal_evaluate(made):
    found = answered(made).values
    score = evaluate_run(made, "cifar10-mini")
    assert found.accuracy == score.accuracy
    assert found.loss == pytest.approx(score.loss, abs=1e-5)
    order = pick(load_dataset("cifar10-mini"), 1000)
    assert found.truth == order.labels.tolist()
    predicted, truth = np.array(found.predicted), np.array(found.truth)
    assert (predicted == truth).mean() == score.accuracy
    assert np.trace(found.confusion) == (predicted == truth).sum()
    probabilities = score.logits.softmax(1).numpy()
    labels = load_dataset("cifar10-mini").test.labels
    for i in (0, 11, 999):  # image i is the (i // 10 + 1)th of class i % 10
        chance = probabilities[np.flatnonzero(labels == i % 10)[i // 10]]
        assert found.confidence[i] / scores.SCALE == pytest.approx(chance.max(), abs=1e-4)
        assert found.truth_probability[i] / scores.SCALE == pytest.approx(chance[i % 10], abs=1e-4)


def test_training_accuracy_uses_the_training_images_of_the_run(made):
    data = load_dataset("cifar10-mini")
    own, _ = split_indices(data)
    first = [own[data.train.labels[own] == c][:100] for c in range(10)]
    chosen = np.concatenate(first)
    split = Split(data.train.images[chosen], data.train.labels[chosen])
    found = answered(made).values.training
    score = evaluate(load_run(made), split)
    assert (found.accuracy, found.images) == (score.accuracy, 1000)
    assert found.loss == pytest.approx(score.loss, abs=1e-5)


def test_complete_test_images_match_the_stored_digest(full_cifar10):
    run = find_run("vit-cifar10")
    images = scores.test_images(run.config, 10_000)
    assert images.digest == scores.COMPLETE_DIGEST
    few = scores.test_images(run.config, 1000)
    assert (images.pixels[:1000] == few.pixels).all()


def test_missing_data_is_reported(made):
    with pytest.raises(UserError, match="complete CIFAR-10"):
        answered(made, 10_000)


def test_share_of_the_training_images_without_complete_data(tmp_path, made):
    part = make_run(tmp_path / "runs", "part", model="resnet", train_share=0.1, **TINY_RESNET)
    assert answered(part).values.training.images == 350
    assert scores.test_set(part, 1000).digest != scores.test_set(made, 1000).digest


def test_results_are_found_again_until_the_weights_change(made, tmp_path):
    assert scores.find_test(made, 100) is None
    first = answered(made, 100)
    assert scores.find_test(made, 100) == first
    assert scores.find_test(made, 1000) is None
    other = make_run(tmp_path / "runs", "other", seed=5, model="resnet", **TINY_RESNET)
    made.best.write_bytes(other.best.read_bytes())
    assert scores.find_test(made, 100) is None


def test_page_finds_results_of_the_command_line(made):
    done = CliRunner().invoke(app, ["probe", "test", "--runs", made.id, "--images", "200", "--json"])
    assert done.exit_code == 0, done.output
    (predicted,) = json.loads(done.stdout)
    assert predicted == scores.find_test(made, 200).model_dump()
    table = CliRunner().invoke(app, ["probe", "test", "--runs", made.id, "--images", "200"]).stdout
    assert f"{predicted['values']['accuracy']:.4f}" in table
    assert "gap, training minus test" in table


def test_mcnemar_equals_the_exact_binomial_test():
    for first, second in ((0, 0), (1, 0), (5, 5), (3, 9), (40, 17)):
        n = first + second
        tail = sum(Fraction(comb(n, k), 2**n) for k in range(min(first, second) + 1))
        assert scores.mcnemar(first, second) == pytest.approx(min(1.0, float(2 * tail)), rel=1e-12)
        assert scores.mcnemar(first, second) == scores.mcnemar(second, first)


def test_duel_lists_images_by_which_model_is_correct(made, tmp_path):
    other = make_run(tmp_path / "runs", "other", seed=3, model="vit", **TINY_VIT)
    a, b = answered(made, 300), answered(other, 300)
    found = scores.paired_predictions(a, b)
    sets = [set(found.indices(kind)) for kind in ("first", "second", "none", "both")]
    assert sorted(i for part in sets for i in part) == list(range(300))
    for i in range(300):
        hits = (
            a.values.predicted[i] == a.values.truth[i],
            b.values.predicted[i] == b.values.truth[i],
        )
        kind = {(True, False): 0, (False, True): 1, (False, False): 2, (True, True): 3}[hits]
        assert i in sets[kind]
    wrong = found.confidence[1][found.indices("first")]
    assert (np.diff(wrong) <= 0).all()
    with pytest.raises(UserError, match="same images"):
        scores.paired_predictions(a, answered(other, 200))


def test_scores_are_not_listed_as_experiments():
    assert not set(SCORES) & set(PROBES)
