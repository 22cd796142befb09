"""The recommended models are what timm says that they are."""

from __future__ import annotations

import pytest
import timm
import torch

from vitcore.exchange.recommended import RECOMMENDED, is_repository


@pytest.mark.parametrize("model", RECOMMENDED, ids=lambda model: model.label)
def test_recommended_model_is_described_as_timm_describes_it(model):
    name = model.repository.removeprefix("timm/")
    about = timm.get_pretrained_cfg(name)
    assert is_repository(model.repository)
    assert about.hf_hub_id == model.repository
    assert about.license == model.license
    assert about.input_size == (3, model.pixels, model.pixels)
    with torch.device("meta"):
        network = timm.create_model(name)
    assert sum(p.numel() for p in network.parameters()) == model.parameters
    patches = getattr(network, "patch_embed", None)
    assert (patches.patch_size if patches else (0, 0)) == (model.patch, model.patch)
    assert about.num_classes == model.classes
