"""Rollouts and Grad-CAM against stored outputs of vit-explain and pytorch-grad-cam.

`tests/reference_outputs.py` runs their code on models of timm and says what it corrects. Here the same
models are converted into ours.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import reference_outputs
from tests.reference_outputs import CLASS, DISCARDS, FUSIONS
from vitcore.attribution import METHODS
from vitcore.exchange.modules import convert

STORED = reference_outputs.stored()


@pytest.fixture(scope="module")
def vit():
    return convert(reference_outputs.small_vit()).network


@pytest.fixture(scope="module")
def resnet():
    return convert(reference_outputs.small_resnet(), image_size=64).network


def ours(name, model, **settings):
    method = METHODS[name]
    image = reference_outputs.image(model.image_size)
    return method.compute(model, image, torch.tensor([CLASS]), method.complete(settings))[0].numpy()


def mask(values):
    """Divide a map by its largest value, as vit-explain does."""
    return values / values.max()


def of_vit_explain(method, **settings):
    (found,) = [case for case in STORED[method] if settings.items() <= case.items()]
    return np.array(found["published"]), np.array(found["corrected"])


def test_rollout_of_mean_heads_equals_the_stored_output_of_vit_explain_as_published(vit):
    published, _ = of_vit_explain("rollout", fusion="mean", discard=0.0)
    assert np.allclose(mask(ours("rollout", vit)), published, atol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("discard", DISCARDS)
def test_rollout_equals_the_stored_output_of_vit_explain_with_its_rows_divided(vit, fusion, discard):
    """As published, it divides column j by the sum of row j.

    This is the same if rows sum to 1, as for the mean of the heads without discarding. In all other cases,
    the published mask differs.
    """
    published, corrected = of_vit_explain("rollout", fusion=fusion, discard=discard)
    found = mask(ours("rollout", vit, fusion=fusion, discard=discard))
    assert np.allclose(found, corrected, atol=1e-5)
    same = fusion == "mean" and discard == 0
    assert np.allclose(found, published, atol=0.01) == same


@pytest.mark.parametrize("discard", DISCARDS)
def test_gradient_rollout_equals_the_stored_output_of_vit_explain_with_three_corrections(vit, discard):
    """Rows are divided by their own sums, weights meet gradients of their own layer, and these are the
    gradients for the weights and not for the scores before the softmax. The published mask differs.
    """
    published, corrected = of_vit_explain("gradient rollout", discard=discard)
    found = mask(ours("gradient-rollout", vit, discard=discard))
    assert np.allclose(found, corrected, atol=1e-5)
    assert not np.allclose(found, published, atol=0.01)


def test_grad_cam_of_the_tokens_of_a_vit_equals_the_stored_output_of_pytorch_grad_cam(vit):
    expected = np.maximum(STORED["Grad-CAM"]["vit"], 0)
    assert expected.any()
    assert np.allclose(ours("grad-cam", vit), expected, atol=1e-5 * expected.max())


@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_grad_cam_of_each_stage_of_a_resnet_equals_the_stored_output_of_pytorch_grad_cam(resnet, stage):
    expected = np.maximum(STORED["Grad-CAM"]["resnet"][stage - 1], 0)
    assert expected.any()
    assert np.allclose(ours("grad-cam", resnet, stage=stage), expected, atol=1e-5 * expected.max())
