"""All commands parse NAME=VALUE arguments in the same way."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from vitcore.__main__ import app
from vitcore.cli.settings import parse_settings, parse_value_lists
from vitcore.errors import UserError


def test_values_are_read_as_yaml():
    texts = [
        "patch_size=8",
        "lr=1e-3",
        "norm=post",
        "c_hidden=[8, 16]",
        "minutes=",
        "note=a=b",
        'place="top"',
    ]
    assert parse_settings(texts) == {
        "patch_size": 8,
        "lr": "1e-3",  # YAML wants 1.0e-3; pydantic reads the text as a number
        "norm": "post",
        "c_hidden": [8, 16],
        "minutes": None,
        "note": "a=b",
        "place": "top",
    }
    assert parse_settings(None) == {}


def test_dashes_in_the_name_of_a_setting_are_underscores():
    assert parse_settings([" patch-size =8"]) == {"patch_size": 8}
    assert parse_settings(["my-model.num-layers=2"]) == {"my-model.num_layers": 2}


def test_last_value_of_a_repeated_name_counts():
    assert parse_settings(["seed=1", "seed=2"]) == {"seed": 2}


@pytest.mark.parametrize("text", ["patch_size", "=8", " =8", "vit.=8", ""])
def test_text_without_name_or_value_is_rejected(text):
    with pytest.raises(UserError, match=r"^--set needs NAME=VALUE, not "):
        parse_settings([text])


@pytest.mark.parametrize(
    "value", ["[", "{a: ", "a: b: c", "'", "2026-13-01", '!!int ""', "!!timestamp x", "[&a x, *a]"]
)
def test_value_that_is_invalid_yaml_is_rejected(value):
    with pytest.raises(UserError, match=r"^--set place: .*YAML"):
        parse_settings([f"place={value}"])


def test_value_lists_of_a_repeated_name_are_joined():
    texts = ["patch-size=2,4", "patch_size=8", "norm=pre,post", "c_hidden=[8,16],[16,32]"]
    assert parse_value_lists(texts) == {
        "patch_size": [2, 4, 8],
        "norm": ["pre", "post"],
        "c_hidden": [[8, 16], [16, 32]],
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [("lr", "--vary needs NAME=VALUE,VALUE"), ("lr=", "--vary lr needs values"), ("lr=[", "'\\['")],
)
def test_invalid_value_list_is_rejected(text, part):
    with pytest.raises(UserError, match=part):
        parse_value_lists([text])


@pytest.mark.parametrize(
    "command",
    [
        ["probe", "receptive-field", "--runs", "vit-cifar10"],
        ["launch"],
        ["sweep", "samples", "vit", "--dry-run"],
        ["sweep", "study", "vit", "--vary", "patch_size=2,4", "--dry-run"],
    ],
    ids=" ".join,
)
def test_every_command_rejects_a_malformed_value_in_one_sentence(command):
    done = CliRunner().invoke(app, [*command, "--set", "place=["])
    assert isinstance(done.exception, UserError)
    text = str(done.exception)
    assert text.startswith("--set place: '['")
    assert "\n" not in text
