"""The Python examples in the documentation run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.house.test_readme import blocks
from tests.other_trainings import OPTIONS, TheirModule, fit, pixels
from vitcore.models import build
from vitcore.runs.folder import list_runs


def run_python(code: str, tmp_path) -> str:
    home = {"VITLAB_RUNS": str(tmp_path / "runs"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_python_example_runs(tmp_path):
    (example,) = (text for text in blocks("docs/python.md", "python") if "vitcore.load" in text)
    output = run_python(f"{example}\nprint(run.status().state, tuple(trace.weights.shape))", tmp_path)
    assert output.split("\n")[-2] == "finished (8, 6, 8, 65, 65)"


def test_model_of_the_example_is_available_everywhere(tmp_path):
    (example,) = (text for text in blocks("docs/python.md", "python") if "class MLPOptions" in text)
    (tmp_path / "mlp.py").write_text(example)
    output = run_python(
        "import torch, vitcore.architectures as a\n"
        f"a.__path__.append({str(tmp_path)!r})\n"
        "a.ARCHITECTURES.update(a._discover())\n"
        "from vitcore.models import build\n"
        "print(tuple(build('mlp', hidden=8)(torch.zeros(2, 3, 32, 32)).shape))",
        tmp_path,
    )
    assert output.strip() == "(2, 10)"


@pytest.fixture
def no_downloads(monkeypatch, tmp_path):
    """Give the recipes two photos and small models with random weights in place of the published ones."""
    import timm
    import transformers

    create = timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained: create(name, embed_dim=48, depth=2, num_heads=3)
    )

    def model(name, attn_implementation):
        config = transformers.Dinov2WithRegistersConfig(
            hidden_size=48,
            num_hidden_layers=2,
            num_attention_heads=3,
            image_size=224,
            patch_size=14,
            num_register_tokens=4,
            attn_implementation=attn_implementation,
        )
        return transformers.Dinov2WithRegistersModel(config).eval()

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", model)
    processor = transformers.BitImageProcessor(
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
    )
    monkeypatch.setattr(transformers.AutoImageProcessor, "from_pretrained", lambda name: processor)
    for number, name in enumerate(("cat", "dog")):
        pixels = np.random.default_rng(number).integers(0, 256, (240, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)


def value_of(code: str, names: dict | None = None) -> tuple[object, dict]:
    """Run a cell. Return the value of its last line, as a notebook does, and its variables."""
    names = {"__name__": "__main__", **(names or {})}
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return value, names


def test_recipes_for_notebooks_give_explorers(no_downloads):
    recipes = [text for text in blocks("docs/notebooks.md", "python") if "explore" in text]
    found = [value_of(recipe)[0] for recipe in recipes]
    sizes = [(one.images, one.layers, one.heads, one.tokens) for one in found]
    # the second: 16 x 16 patches, CLS and 4 registers; the third: 4 x 4 patches without CLS
    assert sizes == [(2, 2, 3, 197), (2, 2, 3, 261), (2, 4, 3, 16)]
    assert all("<iframe" in one._repr_html_() for one in found)


def test_short_recipes_of_the_readme_run(no_downloads, tmp_path):
    timm_recipe, transformers_recipe, own = (
        value_of(text)[1] for text in blocks("docs/notebooks.md", "python") if "explore" in text
    )
    (recipes,) = (text for text in blocks("README.md", "python") if "explore" in text)
    lines = [line for line in recipes.splitlines() if line.startswith("explore(")]
    assert len(lines) == 3
    head = recipes[: recipes.index("explore(")]
    pixels = transformers_recipe["inputs"].pixel_values
    given = (
        {"timm_model": timm_recipe["model"]},
        {
            "outputs": transformers_recipe["outputs"],
            "images": (pixels - pixels.min()) / (pixels.max() - pixels.min()),
        },
        {"net": own["net"], "images": own["images"]},
    )
    values = [value_of(head + line, names)[0] for line, names in zip(lines, given, strict=True)]
    assert [value.tokens for value in values[:2]] == [197, 261]
    assert values[2].name == "attention.html"
    assert "<!doctype html>" in (tmp_path / "attention.html").read_text("utf-8")


def test_example_of_the_callback_records_a_training():
    class Theirs(TheirModule):
        model = property(lambda self: self.net)

    (example,) = (text for text in blocks("docs/notebooks.md", "python") if "AttentionSnapshots" in text)
    images, labels = pixels()
    recorder = value_of(example, {"images": images, "labels": labels})[1]["recorder"]
    fit(Theirs(build("vit", num_classes=2, **OPTIONS)), recorder, epochs=1)
    (found,) = list_runs(bundled=False)
    assert found.status().state == "finished"
    assert found.config.classes == ("cat", "dog")
