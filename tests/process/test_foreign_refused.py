"""Models of other libraries that do not fit are refused in a sentence that says what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.command_line import check_refused, run
from tests.foreign_models import CASES, SIZES, SIZES_OF_TRANSFORMERS
from vitcore.errors import UserError
from vitcore.exchange.checkpoint import import_checkpoint
from vitcore.exchange.families import About, dinov3, family_of, read, unwrapped
from vitcore.models import load_run
from vitcore.runs.folder import list_runs


def of_timm(**options) -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(**{**SIZES, "num_classes": 2, "img_size": 32, **options})


def named(name: str, **options) -> nn.Module:
    import timm

    return timm.create_model(name, **{**SIZES, "num_classes": 2, "img_size": 32, **options})


def of_transformers(name: str, **options) -> nn.Module:
    import transformers

    kind = getattr(transformers, name)
    sizes = {name: value for name, value in SIZES_OF_TRANSFORMERS.items() if name != "attn_implementation"}
    return kind(kind.config_class(**{**sizes, **options}))


def gated() -> nn.Module:
    from timm.layers import SwiGLUPacked

    return of_timm(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)


def with_rms_norm() -> nn.Module:
    from timm.layers import RmsNorm

    return of_timm(norm_layer=RmsNorm)


def parallel() -> nn.Module:
    from timm.models.vision_transformer import ParallelScalingBlock

    return of_timm(block_fn=ParallelScalingBlock)


REFUSED: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "norms of queries": (
        lambda: of_timm(qk_norm=True),
        ["timm ViT with 3 blocks", "blocks.0.attn.q_norm.weight"],
    ),
    "gated MLP": (gated, ["timm ViT", "gated MLP"]),
    "attention pooling": (lambda: of_timm(global_pool="map"), ["timm ViT", "attn_pool"]),
    "RMS norm": (with_rms_norm, ["timm ViT", "layer_norm_1.bias"]),
    "no last norm": (lambda: of_timm(final_norm=False), ["timm ViT", "mlp_head.0.weight"]),
    "no positions": (lambda: of_timm(pos_embed="none"), ["timm ViT", "positions"]),
    "one channel": (lambda: of_timm(in_chans=1), ["timm ViT", "[64, 1, 8, 8]"]),
    "patches that are not square": (lambda: of_timm(patch_size=(8, 16)), ["timm ViT", "[64, 3, 8, 16]"]),
    "image that is not square": (lambda: of_timm(img_size=(32, 56)), ["timm ViT", "29 positions"]),
    "parallel blocks": (parallel, ["timm ViT with 3 blocks", "blocks.0.in_norm"]),
    "BEiT": (lambda: named("beit_base_patch16_224"), ["a BEiT with 3 blocks", "relative positions"]),
    "EVA-02": (lambda: named("eva02_tiny_patch14_224"), ["3 blocks", "not supported"]),
    "gated DINOv3": (lambda: named("vit_small_plus_patch16_dinov3"), ["DINOv3", "3 blocks", "mlp.fc1_g"]),
    "other rotary positions": (
        lambda: named("vit_mediumd_patch16_rope_reg1_gap_256"),
        ["3 blocks", "no learned positions", "rotary ones of DINOv3"],
    ),
    "learned rotary positions": (lambda: named("vit_small_patch16_rope_mixed_224"), ["rope.freqs"]),
    "relative positions": (lambda: named("vit_relpos_base_patch16_224"), ["timm ViT", "rel_pos"]),
    "CaiT": (lambda: named("cait_xxs24_224"), ["CaiT with 3 blocks", "mixing of heads"]),
    "BEiT of transformers": (
        lambda: of_transformers("BeitModel"),
        ["a BEiT with 3 blocks", "relative positions"],
    ),
    "gated DINOv3 of transformers": (
        lambda: of_transformers("DINOv3ViTModel", use_gated_mlp=True),
        ["DINOv3 in the names of transformers", "mlp.gate_proj"],
    ),
    "gated DINOv2 of transformers": (
        lambda: of_transformers("Dinov2Model", use_swiglu_ffn=True),
        ["ViT of transformers", "mlp."],
    ),
    "SigLIP": (
        lambda: named("vit_base_patch16_siglip_224", num_classes=0),
        ["a SigLIP with 3 blocks", "attention pooling", "explore(attentions=...)"],
    ),
    "SigLIP of transformers": (
        lambda: of_transformers("SiglipVisionModel"),
        ["a SigLIP with 3 blocks", "attention pooling"],
    ),
    "Swin Transformer": (
        lambda: alone("swin_tiny_patch4_window7_224", embed_dim=24, depths=(1, 1), num_heads=(2, 4)),
        ["a Swin Transformer with 2 blocks", "attention within windows", "last stage"],
    ),
    "ConvNeXt": (lambda: alone("convnext_atto"), ["a ConvNeXt with 12 blocks", "ResNet"]),
    "MobileNet": (lambda: alone("mobilenetv3_small_050"), ["`conv_stem.weight`", "--model"]),
}


def alone(name: str, **options) -> nn.Module:
    """Return a model whose sizes have other names than those of a ViT."""
    import timm

    return timm.create_model(name, **options)


@pytest.mark.parametrize("name", REFUSED)
def test_foreign_model_that_does_not_fit_is_refused_with_what_is_missing(name, tmp_path):
    make, words = REFUSED[name]
    torch.save(make().state_dict(), tmp_path / "model.pt")
    done = run("import", tmp_path / "model.pt", "--data", "cifar10-mini", "--set", "num_heads=4")
    check_refused(done, "model.pt", *words)
    assert list_runs(bundled=False) == []


@pytest.mark.parametrize(
    ("make", "config", "words"),
    [
        (
            lambda: named("vit_small_patch16_rope_ape_224"),
            {"architecture": "vit_small_patch16_rope_ape_224"},
            ["rotary positions of `vit_small_patch16_rope_ape_224`"],
        ),
        (
            lambda: named("eva02_tiny_patch14_224"),
            {"architecture": "eva02_tiny_patch14_224"},
            ["rotary positions of `eva02_tiny_patch14_224`"],
        ),
        (lambda: of_transformers("DINOv3ViTModel"), {"rope_theta": 10_000.0}, ["base 10000"]),
    ],
    ids=["learned and rotary positions", "EVA-02", "DINOv3 with another base"],
)
def test_other_rotary_positions_are_refused_where_only_the_config_shows_them(make, config, words, tmp_path):
    torch.save(make().state_dict(), tmp_path / "model.pt")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError) as refused:
        import_checkpoint(tmp_path / "model.pt", settings={"num_heads": 4})
    for word in ["3 blocks", "not supported", *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("make", "block"),
    [
        (CASES["timm", "ViT"], "blocks.2."),
        (CASES["transformers", "ViT"], "2."),
        (CASES["torchvision", "ViT"], "encoder_layer_2."),
    ],
    ids=["timm", "transformers", "torchvision"],
)
def test_damaged_block_is_refused_with_the_name_of_its_tensor_in_the_file(make, block):
    state = make().state
    wanted = next(name for name in reversed(state) if block in name and state[name].dim() > 1)
    missing = {name: value for name, value in state.items() if name != wanted}
    for changed, problem in (({**state, wanted: torch.zeros(3, 3)}, "shape"), (missing, "also needs")):
        with pytest.raises(UserError, match=problem) as refused:
            read(family_of(unwrapped(changed)), unwrapped(changed), About(), {}, "model.pt")
        (named_tensor,) = re.findall("`(.*)`", str(refused.value))
        assert block in named_tensor
        assert wanted.endswith(named_tensor)  # the names of wrappers are removed


def test_released_dinov3_with_other_periods_or_masks_is_refused():
    state = CASES["the authors' releases", "DINOv3"]().state
    periods, mask = "rope_embed.periods", "blocks.0.attn.qkv.bias_mask"
    odd = {periods: [1.1 * state[periods], torch.ones(()), torch.ones(2, 2), torch.ones(0)]}
    for name, values in {**odd, mask: [torch.ones(()), torch.ones(3)]}.items():
        for value in values:
            with pytest.raises(UserError, match=r"model\.pt is a DINOv3.*not supported"):
                read(dinov3.RELEASE, {**state, name: value}, About(), {"num_heads": 4}, "model.pt")


def test_whole_module_is_refused_with_the_line_that_makes_a_state_dict(tmp_path):
    module, file, made = of_timm(), tmp_path / "model.pt", tmp_path / "state.pt"
    for old in (False, True):
        torch.save(module, file, _use_new_zipfile_serialization=not old)
        with pytest.raises(UserError, match=r"whole module \(VisionTransformer\)") as refused:
            import_checkpoint(file)
        line = re.search(r"torch\.save\(.*\)", str(refused.value))
        exec(line[0].replace("NEW_FILE", repr(str(made))).replace("FILE", repr(str(file))), {"torch": torch})
        run = import_checkpoint(made, settings={"num_heads": 4})
        assert len(load_run(run).blocks) == 3
    torch.save({"state_dict": module.state_dict(), "criterion": nn.CrossEntropyLoss()}, file)
    with pytest.raises(UserError, match=r"module beside the weights.*state_dict\(\)"):
        import_checkpoint(file)
