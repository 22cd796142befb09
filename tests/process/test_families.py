"""ViTs of timm, transformers, torchvision and their authors equal ours after the import: outputs and maps."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from tests.foreign_models import (
    CASES,
    SIZES_OF_TRANSFORMERS,
    TIMM,
    TRANSFORMERS,
    Case,
    randomized,
    timm_named,
    timm_vit,
)
from vitcore.errors import UserError
from vitcore.exchange.families import About, Foreign, family_of, read, unwrapped
from vitcore.exchange.formats import Request, read_weights
from vitcore.models import build
from vitcore.networks.masked import decoder_for, encode, masks_of, reconstruction_loss
from vitcore.pretraining import visible_count

TOLERANCE = 1e-5
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
ids = [f"{library}, {name}" for library, name in CASES]


def translated(state, **settings) -> Foreign:
    tensors = unwrapped(state)
    family = family_of(tensors)
    assert family is not None
    return read(family, tensors, About(), settings, "model.pt")


def ours(found: Foreign):
    """Return our network with the translated weights, which must be all of its weights and no others."""
    model = build("vit", num_classes=found.classes, image_size=found.image_size, **found.options).eval()
    model.load_state_dict(found.tensors)
    return model


@pytest.mark.parametrize("key", CASES, ids=ids)
@torch.no_grad()
def test_outputs_and_attention_maps_equal_those_of_the_library(key):
    case = CASES[key]()
    found = translated(case.state, **case.settings)
    model = ours(found)
    trace, (outputs, maps) = model.trace(IMAGES), case.outputs(IMAGES)
    assert found.classes == case.classes
    assert outputs.std() > 0.2
    assert maps.std() > 0.03
    for seen in (model(IMAGES), trace.logits):
        torch.testing.assert_close(seen, outputs, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(trace.weights, maps, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("key", CASES, ids=ids)
def test_epsilon_is_that_of_the_library(key):
    """A difference in epsilon changes the outputs of random weights by less than the tolerance."""
    case = CASES[key]()
    norms = [module for module in case.model.modules() if isinstance(module, torch.nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {translated(case.state, **case.settings).options["norm_eps"]}


@pytest.mark.parametrize(
    "wrappers",
    [
        "module.",
        "_orig_mod.",
        "model.backbone.",
        "backbone.model._orig_mod.module.",
        "module.encoder.",
        "vision_model.encoder.module.",
    ],
)
@pytest.mark.parametrize(
    "key", [("timm", "ViT"), ("transformers", "ViT"), ("transformers", "CLIP"), ("torchvision", "ViT")]
)
def test_names_of_wrappers_are_removed_in_any_order(key, wrappers):
    case = CASES[key]()
    wrapped = {f"{wrappers}{name}": value for name, value in case.state.items()}
    plain, found = translated(case.state, **case.settings), translated(wrapped, **case.settings)
    assert found.options == plain.options
    assert all(torch.equal(found.tensors[name], value) for name, value in plain.tensors.items())


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_files_of_transformers_have_other_names_than_its_modules(name, tmp_path):
    """The library saves the names of its version 4, which the files on the Hub have."""
    case = TRANSFORMERS[name]()
    case.model.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    plain, found = translated(case.state, **case.settings), translated(saved, **case.settings)
    assert found.options == plain.options
    assert all(torch.equal(found.tensors[one], value) for one, value in plain.tensors.items())


def test_classifier_outside_of_a_wrapped_backbone_is_found():
    case = TIMM["ViT"]()
    wrapped = {name if name.startswith("head") else f"backbone.{name}": v for name, v in case.state.items()}
    assert translated(wrapped, num_heads=4).classes == 7


@pytest.mark.parametrize("name", ["ViT", "DeiT, distilled", "DeiT III", "DINOv2 with registers"])
@pytest.mark.parametrize("size", [16, 48, 64])
@torch.no_grad()
def test_model_with_interpolated_positions_equals_that_of_timm(name, size):
    case = TIMM[name]()
    model = ours(translated(case.state, **case.settings, image_size=size))
    images = torch.randn(2, 3, size, size)
    case.model.set_input_size(size)
    outputs, maps = case.outputs(images)
    torch.testing.assert_close(model(images), outputs, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(model.trace(images).weights, maps, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("key", [key for key in CASES if "DINOv3" in key[1]], ids=str)
@torch.no_grad()
def test_rotary_positions_fit_every_image_size(key):
    case, size = CASES[key](), 72
    model = ours(translated(case.state, **{**case.settings, "image_size": size}))
    images = torch.randn(2, 3, size, size)
    outputs, maps = case.outputs(images)
    torch.testing.assert_close(model(images), outputs, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(model.trace(images).weights, maps, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("width", "heads"), [(192, 3), (768, 12), (1152, 16), (1280, 16)])
def test_number_of_heads_follows_the_width(width, heads):
    state = timm_vit(embed_dim=width, depth=1, num_heads=1, mlp_ratio=0.1).state
    found = translated(state)
    assert found.options["num_heads"] == heads
    assert found.assumed["num_heads"] == heads
    assert "num_heads" not in translated(state, num_heads=heads).assumed


def test_weights_of_half_precision_become_float32():
    state = {name: value.half() for name, value in TIMM["registers with positions"]().state.items()}
    assert {value.dtype for value in translated(state, num_heads=4).tensors.values()} == {torch.float32}


@pytest.mark.parametrize(
    "key", [("timm", "DeiT, distilled"), ("transformers", "DeiT"), ("the authors' releases", "CLIP")]
)
@pytest.mark.parametrize("shape", [(), (3,), (3, 5), (2, 3, 0, 0)])
def test_tensor_of_any_other_shape_is_refused_in_one_sentence(key, shape):
    case = CASES[key]()
    for name, value in case.state.items():
        if value.shape == shape or name.startswith(("transformer.", "logit_scale")):  # of the text
            continue
        with pytest.raises(UserError, match=r"model\.pt is"):
            translated({**case.state, name: torch.zeros(shape)}, **case.settings)


@pytest.mark.parametrize("size", [-8, 0, 30, 10**9, "large", 24.5, True])
def test_image_size_that_is_impossible_is_refused(size, tmp_path):
    request = Request(
        tmp_path / "vit.pt",
        TIMM["ViT without a classifier"]().state,
        data="cifar10-mini",
        settings={"num_heads": 4, "image_size": size},
    )
    with pytest.raises(UserError, match=str(size)):
        read_weights(request)


def real(name: str) -> Case:
    return timm_named(name, img_size=None, patch_size=None, embed_dim=None, depth=None, num_heads=None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["vit_base_patch16_224", "vit_base_patch14_reg4_dinov2", "vit_small_patch16_dinov3"]
)
@torch.no_grad()
def test_model_of_real_size_equals_that_of_timm(name):
    case = real(name)
    found = translated(case.state)
    model, side = ours(found), found.image_size
    images = torch.randn(1, 3, side, side)
    outputs, maps = case.outputs(images)
    torch.testing.assert_close(model(images), outputs, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(model.trace(images).weights, maps, atol=TOLERANCE, rtol=0)


@torch.no_grad()
def test_masked_autoencoder_has_the_loss_of_transformers():
    """The masks come from the same random numbers. The patches of transformers have the channel fastest."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    sizes = {**SIZES_OF_TRANSFORMERS, "hidden_size": 32, "layer_norm_eps": 1e-5}
    deep = {"decoder_hidden_size": 64, "decoder_num_hidden_layers": 2, "decoder_num_attention_heads": 2}
    given = ViTMAEConfig(**sizes, **deep, decoder_intermediate_size=256, norm_pix_loss=True)
    theirs = randomized(ViTMAEForPreTraining(given))
    found = translated(theirs.state_dict(), num_heads=4)
    encoder = build("vit", num_classes=0, image_size=32, **{**found.options, "norm_eps": 1e-5}).eval()
    encoder.load_state_dict(found.tensors)
    decoder = decoder_for(encoder, dim=64, layers=2, head_width=32).eval()
    decoder.load_state_dict(decoder_weights(theirs.decoder.state_dict(), 3))
    decoder.positions.copy_(theirs.decoder.decoder_pos_embed)
    noise = torch.rand(len(IMAGES), 16, generator=torch.Generator().manual_seed(2))
    wanted = theirs(IMAGES, noise=noise)
    masks = masks_of(noise, visible_count(16, given.mask_ratio))
    predicted = decoder(encode(encoder, IMAGES, masks.visible), masks)
    loss = reconstruction_loss(predicted, IMAGES, 8, masks)
    assert torch.equal(torch.zeros_like(noise).scatter(1, masks.masked, 1.0), wanted.mask)
    channel_last = predicted.unflatten(2, (3, 8, 8)).permute(0, 1, 3, 4, 2).flatten(2)
    torch.testing.assert_close(channel_last, wanted.logits, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(loss, wanted.loss, atol=TOLERANCE, rtol=0)


def decoder_weights(theirs: dict[str, torch.Tensor], channels: int) -> dict[str, torch.Tensor]:
    """Return the weights of a decoder of transformers under our names."""
    names = {
        "decoder_embed": "embed",
        "decoder_norm": "norm",
        "decoder_pred": "predict",
        "decoder_layers": "blocks",
        "layernorm_before": "layer_norm_1",
        "layernorm_after": "layer_norm_2",
        "attention.o_proj": "attn.out_proj",
        "mlp.fc1": "linear.0",
        "mlp.fc2": "linear.3",
    }
    weights, joined = {}, {}
    for name, value in theirs.items():
        for old, new in names.items():
            name = name.replace(old, new)
        if name.startswith("predict"):  # the channel slowest, as in our patches
            value = value.unflatten(0, (-1, channels)).transpose(0, 1).flatten(0, 1)
        start, _, kind = name.rpartition("_proj.")
        if start.endswith((".q", ".k", ".v")):  # in this order
            joined.setdefault(start.replace("attention", "attn")[:-1] + f"in_proj_{kind}", []).append(value)
        elif name != "decoder_pos_embed":
            weights[name] = value
    return weights | {name: torch.cat(parts) for name, parts in joined.items()}
