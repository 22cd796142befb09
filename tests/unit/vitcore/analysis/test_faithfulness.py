"""The checks of class maps against other libraries and cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.functional import spearman_corrcoef

from vitcore.analysis.faithfulness import (
    area,
    deletion_and_insertion,
    order_of,
    random_order,
    rank_correlation,
)
from vitcore.attribution import checks
from vitcore.attribution.checks import Curves, MapCheck, mean_and_error, with_random_weights
from vitcore.runs.folder import find_run


def test_rank_correlation_equals_torchmetrics_with_ties():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 9, (8, 8)).astype(float), random.integers(0, 9, (8, 8)).astype(float)
    expected = spearman_corrcoef(torch.tensor(first).flatten(), torch.tensor(second).flatten())
    assert rank_correlation(first, second) == pytest.approx(float(expected), abs=1e-5)
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)


def test_rank_correlation_with_a_constant_map_is_undefined():
    assert np.isnan(rank_correlation(np.ones((4, 4)), np.arange(16.0).reshape(4, 4)))


def test_order_goes_from_the_highest_cell_to_the_lowest():
    values = np.random.default_rng(1).random((8, 8))
    assert order_of(values).tolist() == (-values).ravel().argsort().tolist()
    larger = values.repeat(4, axis=0).repeat(4, axis=1)  # the same map at the resolution of the image
    assert order_of(larger).tolist() == order_of(values).tolist()


def test_cells_of_equal_value_are_in_random_order():
    order = order_of(np.zeros((8, 8)))
    assert sorted(order) == list(range(64))
    assert order.tolist() == random_order(0).tolist() != sorted(order)


class Brightness(nn.Module):
    """The logit of class 1 is the number of cells that are not hidden, minus 32; that of class 0 is 0."""

    def forward(self, images):
        cells = images[:, 0, ::4, ::4].flatten(1)
        return torch.stack([torch.zeros(len(images)), cells.sum(dim=1) - 32], dim=1)


def test_curves_change_the_cells_in_the_given_order():
    seen = []

    class Watching(Brightness):
        def forward(self, images):
            seen.append(images.clone())
            return super().forward(images)

    order = random_order(7)
    deletion, insertion = deletion_and_insertion(Watching(), torch.ones(1, 3, 32, 32), 1, order)
    (images,) = seen
    for point in (0, 1, 5, 32):
        changed = np.zeros(64, dtype=bool)
        changed[order[: 2 * point]] = True
        cells = images[:, 0, 1::4, 1::4].flatten(1).numpy()
        assert np.array_equal(cells[point] == 0, changed)
        assert np.array_equal(cells[33 + point] == 1, changed)
    expected = 1 / (1 + np.exp(-(64 - 2 * np.arange(33) - 32)))
    assert np.allclose(deletion, expected, atol=1e-6)
    assert np.allclose(insertion, expected[::-1], atol=1e-6)


def test_area_is_exact_for_a_line():
    assert area(np.linspace(1, 0, 33)) == pytest.approx(0.5)
    assert area(np.array([1.0, 1.0, 0.0])) == pytest.approx(0.75)


def test_random_weights_depend_on_the_seed_alone():
    config = find_run("resnet-cifar10").config
    before = torch.random.get_rng_state()
    first, again, other = (with_random_weights(config, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not first.training
    pairs = zip(first.parameters(), again.parameters(), other.parameters(), strict=True)
    same, different = zip(*((torch.equal(a, b), not torch.equal(a, c)) for a, b, c in pairs), strict=True)
    assert all(same)
    assert any(different)


def steps_of(seconds, seconds_of_a_curve=None):
    """The checks when each random map takes `seconds`, and each curve as long or `seconds_of_a_curve`."""
    now = [0.0]
    of_a_curve = seconds if seconds_of_a_curve is None else seconds_of_a_curve

    def takes(value, seconds=seconds):
        now[0] += seconds
        return value

    values = np.random.default_rng(0).random((8, 8))
    curve = np.linspace(1, 0, 33)
    return list(
        checks.check(
            values,
            lambda seed: takes(values + seed),
            lambda order: takes(Curves(curve, curve), of_a_curve),
            clock=lambda: now[0],
        )
    )


def test_checks_end_with_all_random_models_and_orders():
    steps = steps_of(0.01)
    done, total, found = steps[-1]
    assert done == total == 16
    assert [part[0] for part in steps] == sorted(part[0] for part in steps)
    assert all(part[2] is None for part in steps[:-1])
    assert found.correlations == pytest.approx([1] * 5)
    assert len(found.orders) == 10


@pytest.mark.parametrize(("seconds", "maps", "orders"), [(2, 5, 5), (4, 3, 2), (100, 2, 2)])
def test_slow_checks_use_fewer_random_models_and_orders(seconds, maps, orders):
    found = steps_of(seconds)[-1][2]
    assert (len(found.correlations), len(found.orders)) == (maps, orders)


def test_slow_method_has_as_many_random_orders_as_a_fast_one():
    found = steps_of(100, 0.01)[-1][2]
    assert (len(found.correlations), len(found.orders)) == (2, 10)


def test_constant_random_maps_are_counted_and_left_out_of_the_mean():
    curve = Curves(np.zeros(33), np.zeros(33))
    some = MapCheck(np.zeros((8, 8)), [0.2, float("nan"), 0.4], curve, [curve])
    mean, error, constant = some.correlation()
    assert (mean, error, constant) == (pytest.approx(0.3), pytest.approx(0.1), 1)
    mean, error, constant = MapCheck(np.zeros((8, 8)), [float("nan")] * 2, curve, [curve]).correlation()
    assert np.isnan([mean, error]).all()
    assert constant == 2


def test_mean_has_the_standard_error():
    assert mean_and_error([1.0, 2.0, 3.0]) == pytest.approx((2, 1 / 3**0.5))
    assert np.isnan(mean_and_error([1.0, float("nan")])).all()
