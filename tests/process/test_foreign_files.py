"""Files and folders with ViTs of other libraries as runs, what config.json says, and what is refused."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.command_line import check_refused, run
from tests.conftest import make_folder
from tests.foreign_models import CASES, SIZES, SIZES_OF_TRANSFORMERS, TIMM, randomized
from vitcore.config import setting_of
from vitcore.data import dataset_for
from vitcore.exchange.archive import pack_run, unpack_run
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.families import read_about
from vitcore.exchange.families.classes import class_names, distinct
from vitcore.exchange.folder import export_run
from vitcore.exchange.formats import Request, read_weights
from vitcore.models import load_run
from vitcore.runs.folder import Run, list_runs

SMALL = {**SIZES, "num_classes": 2, "img_size": 48}
IMAGES = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def test_folder_of_timm_becomes_a_run_whose_outputs_are_the_same(colors, tmp_path):
    import timm
    from timm.models import save_for_hf

    model = randomized(timm.create_model("vit_base_patch16_clip_quickgelu_224", **SMALL))
    save_for_hf(model, tmp_path / "small-clip")
    done = run("import", tmp_path / "small-clip", "--data", f"folder:{colors}", "--set", "num_heads=4")
    assert done.returncode == 0, done.stderr
    (found,) = list_runs(bundled=False)
    assert Run(found.path).title == "ViT, imported (small-clip)"
    assert (setting_of(found.config, "activation"), setting_of(found.config, "norm_eps")) == (
        "quick_gelu",
        1e-5,
    )
    assert found.config.image_size == 48
    assert found.config.classes == ("blue", "red")
    assert "a timm ViT" in done.stderr
    with torch.no_grad():
        torch.testing.assert_close(load_run(found)(IMAGES), model(IMAGES), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["ViTForImageClassification", "Dinov2WithRegistersForImageClassification"])
def test_folder_of_transformers_becomes_a_run_whose_outputs_are_the_same(name, colors, tmp_path):
    import transformers

    kind = getattr(transformers, name)
    config = kind.config_class(
        **{
            **SIZES_OF_TRANSFORMERS,
            "image_size": 48,
            "num_labels": 2,
            "layer_norm_eps": 1e-4,
            "hidden_act": "gelu_new",
        }
    )
    model = randomized(kind(config))
    model.save_pretrained(tmp_path / "saved")  # under the names that the files on the Hub have
    found = import_checkpoint(tmp_path / "saved", data=f"folder:{colors}")
    options = found.config.options
    assert (options["num_heads"], options["norm_eps"], options["activation"]) == (4, 1e-4, "gelu_tanh")
    assert not any(f"{name}=" in found.status().reason for name in ("num_heads", "norm_eps", "activation"))
    with torch.no_grad():
        torch.testing.assert_close(load_run(found)(IMAGES), model(IMAGES).logits, atol=1e-5, rtol=0)


def test_what_neither_file_nor_user_says_is_reported(colors, tmp_path):
    state = TIMM["DeiT"]().state
    state = {
        **state,
        "head.weight": state["head.weight"][:2].clone(),
        "head.bias": state["head.bias"][:2].clone(),
    }
    save_file(state, tmp_path / "bare.safetensors")
    reason = import_checkpoint(tmp_path / "bare.safetensors", data=f"folder:{colors}").status().reason
    for text in ("a timm ViT", "num_heads=1", "norm_eps=1e-06", "activation=gelu"):
        assert text in reason
    given = {"num_heads": 4, "norm_eps": 1e-3, "activation": "quick_gelu"}
    found = import_checkpoint(tmp_path / "bare.safetensors", data=f"folder:{colors}", settings=given)
    assert not any(f"{name}=" in found.status().reason for name in given)
    assert {name: found.config.options[name] for name in given} == given


def test_model_without_a_classifier_has_no_classes(colors, tmp_path):
    torch.save(
        {
            "teacher": {f"module.backbone.{k}": v for k, v in TIMM["DINO"]().state.items()},
            "args": argparse.Namespace(arch="vit_small", lr=5e-4),  # as the released scripts save it
            "epoch": 3,
        },
        tmp_path / "dino.pth",
    )
    found = import_checkpoint(tmp_path / "dino.pth", data=f"folder:{colors}", settings={"num_heads": 4})
    assert found.config.classes == ()
    assert found.config.num_classes == 0
    assert load_run(Run(found.path))(torch.zeros(1, 3, 32, 32)).shape == (1, 64)
    assert load_run(found).trace(torch.zeros(1, 3, 32, 32)).weights.shape == (1, 3, 4, 17, 17)
    check_refused(run("evaluate", found.id), found.id, "no classifier")
    exported = export_run(found, tmp_path / "exported")
    assert load_run(exported)(torch.zeros(1, 3, 32, 32)).shape == (1, 64)
    assert unpack_run(packed(found, tmp_path), tmp_path / "elsewhere").config.classes == ()


def packed(found: Run, place: Path) -> Path:
    (place / "run.zip").write_bytes(pack_run(found))
    return place / "run.zip"


def test_lightning_checkpoint_of_a_foreign_model_is_not_taken_for_one_of_the_tutorials(seven, tmp_path):
    state = {f"model.{name}": value for name, value in TIMM["ViT"]().state.items()}
    content = {"state_dict": state, "hyper_parameters": {"lr": 0.1}, "epoch": 4, "global_step": 500}
    torch.save(content, tmp_path / "last.ckpt")
    found = import_checkpoint(tmp_path / "last.ckpt", data=f"folder:{seven}", settings={"num_heads": 4})
    assert "a timm ViT" in found.status().reason
    assert (found.status().step, found.status().epoch) == (500, 5)


@pytest.mark.parametrize("prefix", ["feature_extractor.", "student.", "backbone.0.", "a.b.2.net."])
@pytest.mark.parametrize("model", [None, "vit"])
def test_any_prefix_around_a_foreign_model_is_taken_off(prefix, model, tmp_path):
    case = TIMM["ViT"]()
    state = {f"{prefix}{name}": value for name, value in case.state.items()}
    torch.save({"state_dict": state, "hyper_parameters": {"lr": 0.1}}, tmp_path / "last.ckpt")
    found = import_checkpoint(tmp_path / "last.ckpt", model=model, settings=case.settings)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(load_run(found)(images), case.outputs(images)[0], atol=1e-5, rtol=0)


def together(**cases) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": value for name, case in cases.items() for key, value in case.state.items()}


def test_teacher_is_preferred_to_its_student_and_other_pairs_are_named(tmp_path):
    first, second = TIMM["ViT"](), TIMM["ViT"]()
    state = together(student=first, teacher=second)
    torch.save({"state_dict": state, "hyper_parameters": {}}, tmp_path / "last.ckpt")
    found = import_checkpoint(tmp_path / "last.ckpt", settings=second.settings)
    kept = load_run(found).state_dict()["transformer.0.attn.in_proj_weight"]
    torch.testing.assert_close(kept, second.state["blocks.0.attn.qkv.weight"])
    assert "left out: student" in found.status().reason
    torch.save(together(left=first, right=second), tmp_path / "both.pt")
    check_refused(run("import", tmp_path / "both.pt"), "both.pt", "`left`", "`right`")


@pytest.mark.parametrize("prefix", ["backbone.", "feature_extractor."])
def test_linear_classifier_next_to_a_vit_is_its_head(prefix, tmp_path):
    case = TIMM["ViT without a classifier"]()
    classifier = randomized(torch.nn.Linear(64, 5))
    state = {f"{prefix}{name}": value for name, value in case.state.items()}
    state |= {f"classifier.{name}": value for name, value in classifier.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": {}}, tmp_path / "last.ckpt")
    found = import_checkpoint(tmp_path / "last.ckpt", settings=case.settings)
    assert "pool=cls" in found.status().reason
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        wanted = classifier(case.model(images))
        torch.testing.assert_close(load_run(found)(images), wanted, atol=1e-5, rtol=0)
    torch.save(state | {"criterion.weight": torch.ones(5)}, tmp_path / "weighted.pt")
    check_refused(run("import", tmp_path / "weighted.pt"), "weighted.pt", "criterion.weight")


def test_number_of_classes_must_be_that_of_the_given_data(colors, tmp_path):
    save_file(TIMM["ViT"]().state, tmp_path / "seven.safetensors")
    check_refused(
        run("import", tmp_path / "seven.safetensors", "--data", f"folder:{colors}"), "7 classes", "has 2"
    )


def test_folder_with_some_classes_of_the_model_keeps_all_of_them(colors, tmp_path):
    import timm
    from timm.models import save_for_hf

    names = ["green", "Red", "yellow", "blue, a color"]
    model = randomized(timm.create_model("vit_base_patch16_224", **{**SMALL, "num_classes": 4}))
    model.pretrained_cfg["label_names"] = names
    save_for_hf(model, tmp_path / "four", model_config={"label_names": names})
    done = run("import", tmp_path / "four", "--data", f"folder:{colors}", "--set", "num_heads=4")
    assert done.returncode == 0, done.stderr
    (found,) = list_runs(bundled=False)
    assert found.config.classes == tuple(names)
    assert np.unique(dataset_for(found.config).test.labels).tolist() == [1, 3]  # of red and blue
    evaluated = run("evaluate", found.id)
    assert evaluated.returncode == 0, evaluated.stderr


def test_positions_are_interpolated_to_an_image_size_that_is_set(colors, tmp_path):
    save_file(TIMM["ViT without a classifier"]().state, tmp_path / "vit.safetensors")
    file = tmp_path / "vit.safetensors"
    assert (
        import_checkpoint(file, data=f"folder:{colors}", settings={"image_size": 64}).config.image_size == 64
    )
    check_refused(
        run("import", file, "--set", "image_size=60", "--data", f"folder:{colors}"), "60", "patch_size"
    )


def test_model_without_data_opens_with_the_photographs(tmp_path):
    save_file(TIMM["ViT"]().state, tmp_path / "vit.safetensors")
    found = import_checkpoint(tmp_path / "vit.safetensors", settings={"num_heads": 4})
    assert found.config.data == "photos"
    assert found.config.classes == tuple(f"class {i}" for i in range(1, 8))


def test_weights_of_our_own_vit_are_read_with_rare_options(tmp_path):
    from vitcore.models import build, weights_of

    options = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 2, "patch_size": 8}
    options |= {"registers": 3, "embed_norm": True, "qkv_bias": False, "cls_position": False}
    options |= {"representation": 12}
    state = weights_of(build("vit", **options))
    save_file({f"backbone.{name}": value for name, value in state.items()}, tmp_path / "own.safetensors")
    found = import_checkpoint(tmp_path / "own.safetensors", model="vit", settings={"num_heads": 4})
    assert {name: found.config.options[name] for name in options} == options
    check_refused(run("import", tmp_path / "own.safetensors"), "num_heads", "--set")
    assert run("import", tmp_path / "own.safetensors", "--set", "num_heads=4").returncode == 0


def test_names_of_the_1000_classes_are_those_of_imagenet():
    names = class_names(1000)
    assert (names[0], names[207], names[999]) == ("tench", "golden retriever", "toilet tissue")
    assert len(set(names)) == 1000
    assert distinct(["crane", "tench", "crane"]) == ("crane", "tench", "crane (3)")
    assert class_names(2) == ("class 1", "class 2")


def about(tmp_path, config, processor=None):
    (tmp_path / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    return read_about(tmp_path)


def test_config_of_timm_says_options_classes_and_preprocessing(tmp_path):
    cfg = {"mean": [0.5, 0.5, 0.4], "std": [0.2, 0.3, 0.4], "interpolation": "bicubic", "crop_pct": 0.9}
    found = about(
        tmp_path,
        {
            "architecture": "vit_huge_patch14_clip_quickgelu_224",
            "num_features": 1280,
            "global_pool": "avg",
            "label_names": ["a", "b"],
            "pretrained_cfg": cfg,
        },
    )
    assert found.options == {"norm_eps": 1e-5, "activation": "quick_gelu", "num_heads": 16}
    assert (found.pool, found.classes) == ("avg", ("a", "b"))
    pixels = {"mean": (0.5, 0.5, 0.4), "std": (0.2, 0.3, 0.4), "interpolation": "bicubic", "crop": 0.9}
    assert found.preprocessing == pixels


def test_config_of_transformers_says_options_classes_and_preprocessing(tmp_path):
    found = about(
        tmp_path,
        {
            "model_type": "clip",
            "vision_config": {"num_attention_heads": 12, "hidden_act": "quick_gelu"},
            "id2label": {"10": "k", "2": "c", "1": "b"},
        },
        {
            "image_mean": [0.1, 0.2, 0.3],
            "image_std": [1, 1, 1],
            "resample": 3,
            "do_center_crop": True,
            "size": {"shortest_edge": 256},
            "crop_size": {"height": 224, "width": 224},
        },
    )
    assert found.options == {"num_heads": 12, "activation": "quick_gelu"}
    assert found.classes == ("b", "c", "k")
    pixels = {"mean": (0.1, 0.2, 0.3), "std": (1, 1, 1), "interpolation": "bicubic", "crop": 0.875}
    assert found.preprocessing == pixels
    resized = {"image_mean": [0.5] * 3, "size": {"height": 224, "width": 224}}  # without a crop
    assert about(tmp_path, {}, resized).preprocessing == {"mean": (0.5, 0.5, 0.5), "crop": 1.0}
    assert about(tmp_path, {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}).classes is None


@pytest.mark.parametrize("pool", ["avg", "token"])
def test_pooling_of_timm_is_that_of_its_config(pool, tmp_path):
    from timm.models.vision_transformer import VisionTransformer

    model = randomized(
        VisionTransformer(**{**SMALL, "num_classes": 10, "img_size": 32}, global_pool=pool, fc_norm=False)
    )
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "vit_x", "global_pool": pool}))
    request = Request(tmp_path / "x.pt", model.state_dict(), settings={"num_heads": 4}, data="cifar10-mini")
    options = read_weights(request).config.options
    assert (options["pool"], options.get("norm_tokens", False)) == (
        ("patches", True) if pool == "avg" else ("cls", False)
    )


@pytest.mark.parametrize(
    "content", ["[", '{"architecture": 3, "pretrained_cfg": 7}', '{"id2label": {"a": 1}}']
)
def test_malformed_config_is_refused(content, tmp_path):
    save_file(TIMM["ViT"]().state, tmp_path / "vit.safetensors")
    (tmp_path / "config.json").write_text(content)
    check_refused(run("import", tmp_path), "config.json")


@pytest.mark.parametrize(
    "config", [{"architecture": "vit_base_patch16_224", "num_features": 768}, {"hidden_size": 768}], ids=str
)
def test_config_of_another_model_is_refused(config, tmp_path):
    save_file(TIMM["ViT"]().state, tmp_path / "vit.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    check_refused(run("import", tmp_path / "vit.safetensors"), "64", "768", "config.json")


def test_folder_with_more_than_one_file_of_weights_is_refused(tmp_path):
    for name in ("a.pt", "b.pt"):
        torch.save(TIMM["ViT"]().state, tmp_path / name)
    check_refused(run("import", tmp_path), "2 files")
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    check_refused(run("import", tmp_path), "several files")


@pytest.fixture(scope="module")
def seven(tmp_path_factory) -> Path:
    """Return a dataset folder with seven classes."""
    colors = {f"color {i}": (36 * i, 100, 200 - 20 * i) for i in range(7)}
    return make_folder(tmp_path_factory.mktemp("seven"), colors, 10)


@pytest.mark.parametrize("key", CASES, ids=[f"{library}, {name}" for library, name in CASES])
def test_checkpoint_of_every_family_becomes_a_run_with_the_same_outputs(key, seven, tmp_path):
    case = CASES[key]()
    content = {"model": {f"module.{name}": value for name, value in case.state.items()}, "epoch": 3}
    torch.save(content, tmp_path / "model.pth")
    found = import_checkpoint(tmp_path / "model.pth", data=f"folder:{seven}", settings=case.settings)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(load_run(found)(images), case.outputs(images)[0], atol=1e-5, rtol=0)
    assert found.config.num_classes == case.classes
