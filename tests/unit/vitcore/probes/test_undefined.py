"""What an experiment cannot measure is refused, or is not a number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitcore.errors import UserError
from vitcore.models import build
from vitcore.probes import PROBES
from vitcore.probes.experiments.cka import ratio


def test_cka_of_a_constant_layer_is_not_a_number():
    assert np.array_equal(
        ratio(np.array([[4.0, 0], [0, 0]])), [[1, np.nan], [np.nan, np.nan]], equal_nan=True
    )
    assert np.isnan(ratio(np.array([[1.0, 0.1], [0.1, -0.01]]))[0, 1])  # was 1e14


def test_ablation_refuses_a_model_of_which_no_block_can_be_skipped():
    model = build("densenet", num_layers=(1, 1), growth_rate=4).eval()
    images = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(UserError, match="DenseNet"):
        next(PROBES["ablation"].steps(model, None, images, np.arange(4), {}))
