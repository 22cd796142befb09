"""Models that are not supported are recognized by the names of their published versions."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
import transformers

from vitcore.exchange.families import family_of, find_network, other_of
from vitcore.exchange.recommended import RECOMMENDED

UNSUPPORTED = {
    "a Swin Transformer": (
        ("timm", "swin_tiny_patch4_window7_224", 12),
        ("timm", "swinv2_tiny_window8_256", 12),
        ("torchvision", "swin_t", 12),
        ("torchvision", "swin_v2_t", 12),
        ("transformers", "SwinForImageClassification", 12),
        ("transformers", "Swinv2Model", 12),
    ),
    "a SigLIP": (
        ("timm", "vit_base_patch16_siglip_224", 12),
        ("transformers", "SiglipVisionModel", 12),
        ("transformers", "SiglipModel", 12),  # with its text tower
    ),
    "a BEiT": (
        ("timm", "beit_base_patch16_224", 12),
        ("timm", "beitv2_base_patch16_224", 12),
        ("transformers", "BeitForImageClassification", 12),
    ),
    "a CaiT": (("timm", "cait_xxs24_224", 24),),
    "a ConvNeXt": (
        ("timm", "convnext_tiny", 18),
        ("torchvision", "convnext_tiny", 18),
        ("transformers", "ConvNextModel", 18),
    ),
}
CASES = [(kind, *case) for kind, cases in UNSUPPORTED.items() for case in cases]


def published(library: str, name: str) -> dict[str, torch.Tensor]:
    """Return the state dictionary of a model at its real size, without memory for its weights."""
    with torch.device("meta"):
        if library == "timm":
            return timm.create_model(name).state_dict()
        if library == "torchvision":
            return getattr(torchvision.models, name)().state_dict()
        kind = getattr(transformers, name)
        return kind(kind.config_class()).state_dict()


@pytest.mark.parametrize(("kind", "library", "name", "blocks"), CASES)
def test_published_model_is_recognized_with_the_number_of_its_blocks(kind, library, name, blocks):
    for prefix in ("", "module.model."):
        names = [f"{prefix}{key}" for key in published(library, name)]
        found = other_of(names)
        assert found is not None
        assert found.name == kind
        assert f"with {blocks} blocks" in found.refusal(names)


@pytest.mark.parametrize(
    ("kind", "names"),
    [  # written out from files on the Hub, which have the names of version 4 of transformers
        (
            "a Swin Transformer",
            ["swin.encoder.layers.0.blocks.0.attention.self.relative_position_bias_table"],
        ),
        (
            "a Swin Transformer",
            ["swinv2.encoder.layers.0.blocks.0.attention.self.continuous_position_bias_mlp.0.weight"],
        ),
        ("a BEiT", ["beit.embeddings.cls_token", "beit.encoder.layer.0.lambda_1"]),
        ("a SigLIP", ["vision_model.embeddings.patch_embedding.weight", "vision_model.head.probe"]),
        ("a SigLIP", ["visual.trunk.patch_embed.proj.weight", "visual.trunk.attn_pool.latent"]),  # open_clip
        ("a ConvNeXt", ["convnext.encoder.stages.0.layers.0.dwconv.weight"]),
    ],
)
def test_older_names_are_recognized(kind, names):
    found = other_of(names)
    assert found is not None
    assert found.name == kind


SUPPORTED = [
    *(("timm", model.repository.removeprefix("timm/")) for model in RECOMMENDED),
    ("torchvision", "vit_b_16"),
    ("transformers", "ViTForImageClassification"),
    ("transformers", "Dinov2WithRegistersModel"),
    ("transformers", "CLIPModel"),
]


@pytest.mark.parametrize(("library", "name"), SUPPORTED)
def test_supported_model_is_not_taken_for_another(library, name):
    state = published(library, name)
    assert other_of(state) is None
    assert family_of(find_network(state).tensors) is not None
