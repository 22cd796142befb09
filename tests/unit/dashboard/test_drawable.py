"""Points that would squeeze all others into a line are left out of charts, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.shared.drawable import reach, within


@pytest.mark.parametrize(
    ("positions", "limit"),
    [
        ([], np.inf),
        ([[]], np.inf),
        ([[0, 1, 2, 2**62]], 2),
        ([[0, 1, 2, 3], [-(2**62), 2**62, 5]], 5),
        ([[0, 39_000, 78_000]], np.inf),  # one validation per epoch of ImageNet
        ([list(range(100)), [50_000, 100_000]], np.inf),  # another run that is longer
        ([[0, 1e-6, 2e-6, 1.0, 2.0]], np.inf),  # minutes: the metrics of one step, then those of the next
        ([[0, 2**62]], np.inf),  # none of the two is the odd one
        ([[1, 2, 3, 1e300, np.nan, np.inf]], 3),
    ],
)
def test_only_a_minority_far_beyond_all_other_points_is_left_out(positions, limit):
    assert reach([np.array(x, float) for x in positions]) == limit


def test_points_within_the_limit_are_finite():
    x = np.array([-2.0, 0.0, 3.0, np.nan, np.inf])
    assert within(x, 2.0).tolist() == [True, True, False, False, False]
    assert within(x, np.inf).tolist() == [True, True, True, False, False]
