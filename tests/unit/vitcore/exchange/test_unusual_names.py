"""Checkpoints under other names than expected, and what is said of sources that are none."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import TINY_RESNET, TINY_VIT
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.sources import local_file
from vitcore.exchange.tensors import without_common
from vitcore.exchange.tutorial import config_of
from vitcore.models import build, load_run, weights_of

RESNET = {name: value for name, value in TINY_RESNET.items() if name != "batch_size"}
VIT = {name: value for name, value in TINY_VIT.items() if name != "batch_size"}


@pytest.mark.parametrize("prefix", ["net.", "classifier.inner.", "module.net."])
@pytest.mark.parametrize(("model", "options"), [("resnet", RESNET), ("vit", VIT)])
def test_prefix_that_all_names_share_is_removed(model, options, prefix, tmp_path):
    state = weights_of(build(model, **options))
    torch.save({f"{prefix}{name}": value for name, value in state.items()}, tmp_path / "w.pt")
    settings = {"num_heads": options["num_heads"]} if model == "vit" else {}
    run = import_checkpoint(tmp_path / "w.pt", model=None if model == "vit" else model, settings=settings)
    loaded = load_run(run).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_part_of_some_names_is_no_common_prefix():
    one, two = torch.zeros(1), torch.ones(1)
    assert without_common({"a.b": one, "c.b": two}) == {"a.b": one, "c.b": two}
    assert without_common({"a.b.x": one, "a.b.y.z": two}) == {"x": one, "y.z": two}
    assert without_common({"a.b": one, "a": two}) == {"a.b": one, "a": two}


@pytest.mark.parametrize(
    ("values", "words", "not_in"),
    [
        ({"model_name": "ViT"}, ["model_kwargs"], "Unknown"),
        ({"model_name": "VGG"}, ["'VGG'", "ViT, ResNet"], "Block"),
        ({"model_name": "ResNet", "model_hparams": {"block_name": "X"}}, ["'X'", "ResNetBlock"], "ViT"),
    ],
)
def test_sentence_about_unknown_hyper_parameters_does_not_contradict_itself(values, words, not_in):
    with pytest.raises(UserError) as error:
        config_of(values)
    assert all(word in str(error.value) for word in words)
    assert not_in not in str(error.value)


@pytest.mark.parametrize("source", ["ftp://x/y", "file:///home/me/w.pt", "s3://bucket/w.pt"])
def test_address_of_another_kind_is_named_as_it_was_given(source, tmp_path):
    with pytest.raises(UserError, match=f"{source} cannot be downloaded"):
        local_file(source, tmp_path, lambda done, total: None)
