"""The message with the similarity of positions: of many positions, some have a map."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.components.similarity import message, tiles


@pytest.mark.parametrize(("side", "step"), [(1, 1), (8, 1), (14, 1), (21, 1), (24, 2), (37, 4), (64, 10)])
def test_every_few_rows_and_columns_have_a_map(side, step):
    found = tiles(side**2)
    rows, columns = np.divmod(found, side)
    assert np.unique(rows).tolist() == np.unique(columns).tolist() == list(range(0, side, step))
    assert len(found) == len(range(0, side, step)) ** 2


def test_message_holds_the_similarities_of_these_positions_to_all():
    values = np.random.default_rng(0).normal(size=(37**2, 37**2))
    sent = np.frombuffer(message(values)[-4 * 100 * 37**2 :], "<f4").reshape(100, -1)
    assert np.allclose(
        sent[11], values[4 * 37 + 4]
    )  # of row 5 and column 5, the second tile of the second row
