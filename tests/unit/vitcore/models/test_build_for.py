"""A configuration names its folder and its number of classes, and builds its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitcore.config import folder_of, make_config
from vitcore.errors import UserError
from vitcore.models import build_for


def test_folder_is_the_absolute_path_of_own_data(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert make_config(data="folder:flowers").folder == tmp_path / "flowers"
    assert folder_of("folder:~/flowers") == tmp_path / "home" / "flowers"
    assert folder_of("folder:/data/a folder") == Path("/data/a folder")
    assert folder_of("folder:~nobody-has-this-name/x").is_absolute()


@pytest.mark.parametrize("data", ["cifar10", "cifar10-mini"])
def test_cifar10_has_no_folder(data):
    assert make_config(data=data).folder is None


def test_num_classes_is_ten_until_the_data_are_known():
    config = make_config(data="folder:flowers")
    assert config.num_classes == 10
    assert config.model_copy(update={"classes": ("rose", "tulip", "daisy")}).num_classes == 3


def test_build_for_follows_classes_image_size_and_options():
    config = make_config(
        model="vit",
        data="folder:flowers",
        image_size=16,
        patch_size=8,
        embed_dim=32,
        num_layers=1,
        num_heads=2,
    )
    model = build_for(config.model_copy(update={"classes": ("rose", "tulip", "daisy")}))
    state = model.state_dict()
    assert state["pos_embedding"].shape == (1, 1 + 4, 32)
    assert len(next(reversed(state.values()))) == 3
    with pytest.raises(UserError, match="divisible"):
        build_for(config.model_copy(update={"options": {**config.options, "embed_dim": 33}}))
