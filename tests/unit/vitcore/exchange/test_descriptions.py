"""What files and modules of others say about a model: used, or refused in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from timm.models.vision_transformer import VisionTransformer

from vitcore.config import LONGEST_CLASS, build_config, dump_config, read_config
from vitcore.errors import UserError
from vitcore.exchange import hub
from vitcore.exchange.families import read_about
from vitcore.exchange.families.classes import distinct
from vitcore.exchange.modules import convert


@pytest.mark.parametrize(
    "names",
    [
        ["", "a", ""],
        ["a", "a (3)", "a"],
        ["a", "a (4)", "a (4, 2)", "a"],
        ["x" * 300, "x" * 300, "x" * 260],
        ["\ud800", "b"],
    ],
    ids=["empty", "numbered", "numbered twice", "long", "surrogate"],
)
def test_names_of_classes_from_elsewhere_make_a_configuration_that_can_be_read(tmp_path, names):
    found = distinct(names)
    assert len(found) == len(set(found)) == len(names)
    assert max(map(len, found)) <= LONGEST_CLASS
    config = build_config(recipe="imported").model_copy(update={"classes": found})
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert read_config(tmp_path / "config.yaml").classes == found


def test_a_number_that_is_not_finite_makes_a_description_malformed(tmp_path):
    (tmp_path / "config.json").write_text('{"architecture": "vit_x", "num_features": 1e999}')
    with pytest.raises(UserError, match=r"config\.json"):
        read_about(tmp_path)


def test_a_deeply_nested_model_card_states_no_license(tmp_path):
    card = tmp_path / "README.md"
    card.write_text(f"---\n{'[' * 20_000}\n---\n# A model\n")
    assert hub._license(card) == ""
    card.write_text("---\nlicense: mit\n---\n# A model\n")
    assert hub._license(card) == "mit"


@pytest.fixture
def module():
    return VisionTransformer(
        img_size=32, patch_size=8, embed_dim=16, depth=1, num_heads=2, num_classes=3
    ).eval()


def test_module_with_a_configuration_of_another_kind_is_refused(module):
    module.config = SimpleNamespace(to_dict=lambda: {"id2label": {"cat": "feline"}})
    with pytest.raises(UserError, match="VisionTransformer"):
        convert(module)


def test_module_that_takes_no_images_is_refused(module, monkeypatch):
    monkeypatch.setattr(module, "forward", lambda batch: batch.pixel_values)
    with pytest.raises(UserError, match=r"pixel_values.*forward"):
        convert(module)
