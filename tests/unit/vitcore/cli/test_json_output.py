"""--json prints JSON, also where a number is not finite."""

from __future__ import annotations

import ast
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.command_line import check_refused, run
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.cli import to_json
from vitcore.models import evaluate
from vitcore.paths import runs_dir
from vitcore.runs import listing

NAN, INF = float("nan"), float("inf")


def strict(text: str):
    """Parse JSON as other programs do, which know no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_not_finite_become_null_at_any_depth():
    value = {"a": NAN, "b": [1.5, INF, {"c": -INF}], "d": (NAN, 2), "e": True, "f": None, "g": "NaN"}
    assert strict(to_json(value)) == {
        "a": None,
        "b": [1.5, None, {"c": None}],
        "d": [None, 2],
        "e": True,
        "f": None,
        "g": "NaN",
    }
    with pytest.raises(AssertionError, match="NaN"):
        strict(json.dumps(NAN))


def test_evaluate_prints_null_for_a_loss_that_is_not_finite(monkeypatch):
    score = evaluate.Score(0.1, NAN, 1_000, torch.zeros(1, 10))
    monkeypatch.setattr(evaluate, "evaluate_run", lambda run, data: score)
    done = run("evaluate", "vit-cifar10", "--json")
    assert strict(done.stdout)["loss"] is None


def test_runs_prints_null_for_numbers_that_are_not_finite(monkeypatch):
    monkeypatch.setattr(listing, "as_rows", lambda root: [{"id": "x", "val_acc": INF}])
    assert strict(run("runs", "--json").stdout) == [{"id": "x", "val_acc": None}]


def test_no_command_prints_json_in_another_way():
    files = list((ROOT / "vitcore" / "cli").glob("*.py"))
    assert len(files) > 5
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "model_dump_json" not in called, path
        assert ("json" in names) == (path.name == "__init__.py"), path


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "{}", "--json"],
        ["probe", "shift", "--images", "2", "--json", "--runs", "{}"],
        ["probe", "test", "--images", "2", "--json", "--runs", "{}"],
        ["export", "{}", "{}-folder"],
        ["export", "{}", "{}.onnx"],
        ["probe", "first-look", "--runs", "{}"],
    ],
)
def test_commands_refuse_weights_that_are_not_finite(command, value):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    made = make_run(runs_dir(), "bad", model="vit", **small)
    weights = load_file(made.best)
    weights["mlp_head.1.bias"][0] = value
    save_file(weights, made.best)
    done = run(*(word.format(made.path) for word in command))
    check_refused(done, made.id, "best.safetensors", "not finite", "mlp_head.1.bias")
