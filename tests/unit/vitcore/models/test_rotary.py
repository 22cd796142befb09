"""Rotary positions: a rotation of complex numbers, the module of timm, and training on few patches."""

from __future__ import annotations

import math

import pytest
import torch

from vitcore.models import build
from vitcore.networks.positions import Rotary, rotary_angles

SMALL = {"embed_dim": 32, "hidden_dim": 48, "num_heads": 4, "num_layers": 3, "patch_size": 8, "registers": 2}


def test_angles_follow_the_centers_of_the_patches():
    """In an image of 2 x 2 patches, the centers are half of the way to the edges."""
    half = math.pi  # 2 pi times 0.5
    periods = torch.tensor([1.0, 10.0])  # 100^0 and 100^(1/2)
    expected = [[y * half, y * half / 10, x * half, x * half / 10] for y in (-1, 1) for x in (-1, 1)]
    torch.testing.assert_close(rotary_angles(2, 8), torch.tensor(expected))
    assert torch.equal(rotary_angles(1, 8), torch.zeros(1, 4))
    corner = rotary_angles(16, 8)[-1]  # the last of 16 centers is at 15/16
    torch.testing.assert_close(corner[:2], 2 * half * 15 / 16 / periods)


def test_patches_are_multiplied_by_unit_complex_numbers_and_other_tokens_are_not():
    x, rotary = torch.randn(2, 3, 3 + 16, 8), Rotary(4, 8, prefix=3)
    points = torch.complex(x[..., :4], x[..., 4:])
    points[:, :, 3:] *= torch.exp(1j * rotary_angles(4, 8))
    torch.testing.assert_close(rotary(x), torch.cat([points.real, points.imag], dim=-1))
    assert torch.equal(rotary(x)[:, :, :3], x[:, :, :3])
    torch.testing.assert_close(rotary(x[:, :, :7]), rotary(x)[:, :, :7])
    assert rotary(x[:, :, :2]).equal(x[:, :, :2])


@pytest.mark.parametrize("side", [1, 3, 14])
def test_turned_vectors_equal_those_of_timm(side):
    from timm.layers.pos_embed_sincos import RotaryEmbeddingDinoV3, apply_rot_embed_cat

    x = torch.randn(1, 2, side * side, 16)
    embedding = RotaryEmbeddingDinoV3(16, feat_shape=[side, side]).get_embed()
    wanted = apply_rot_embed_cat(x, embedding, half=True)
    torch.testing.assert_close(Rotary(side, 16, prefix=0)(x), wanted, atol=1e-5, rtol=0)


def test_products_depend_on_the_difference_of_the_places():
    q, k = torch.randn(2, 1, 1, 1, 16).expand(-1, -1, -1, 25, -1).unbind()
    rotary = Rotary(5, 16, prefix=0)
    products = (rotary(q) @ rotary(k).transpose(-2, -1))[0, 0].view(5, 5, 5, 5)
    torch.testing.assert_close(products[:4, :4, :4, :4], products[1:, 1:, 1:, 1:], atol=1e-4, rtol=0)
    assert not torch.allclose(products[0, 0, 0, 1], products[0, 0, 1, 0], atol=1e-2)


@pytest.mark.parametrize("pool", ["cls", "patches"])
@torch.no_grad()
def test_patches_in_another_order_keep_their_places_in_training(pool, monkeypatch):
    """A share that rounds to all patches shows them in random order, which must not change the outputs."""
    model = build("vit", **SMALL, pool=pool, position="rotary").eval()
    images, expected = (images := torch.randn(3, 3, 32, 32)), model(images)
    torch.testing.assert_close(model(images, keep=0.99), expected, atol=1e-5, rtol=0)
    monkeypatch.setattr(Rotary, "forward", lambda self, x, kept=None, turn=Rotary.forward: turn(self, x))
    assert not torch.allclose(model(images, keep=0.99), expected, atol=1e-3)


def test_samples_that_skip_a_block_do_not_change_the_places_of_others():
    """With drop path, a block computes only some of the samples, each with its own patches."""
    torch.manual_seed(0)
    block = build("vit", **SMALL, position="rotary", drop_path=0.5).blocks[-1].train()
    x, kept = torch.randn(4, 3 + 8, 32), torch.rand(4, 16).argsort(dim=1)[:, :8]
    with torch.no_grad():
        wanted = x + 2 * block.attend(block.layer_norm_1(x), kept=kept)  # a branch of half of them is doubled
        found = block.drop_path(x, lambda y, k: block.attend(block.layer_norm_1(y), kept=k), kept)
    changed = [i for i in range(4) if not torch.equal(found[i], x[i])]
    assert len(changed) == 2
    torch.testing.assert_close(found[changed], wanted[changed])


@torch.no_grad()
def test_only_rotary_positions_tell_shuffled_patches_apart():
    model = build("vit", **SMALL, pool="mean", position="rotary").eval()
    assert not model.pos_embedding.any()
    assert not any("pos" in name or "rotary" in name for name in model.state_dict())
    images = torch.randn(2, 3, 32, 32)
    assert not torch.allclose(model(images), model(images.flip(2)), atol=1e-3)


@torch.no_grad()
def test_half_precision_stays_half_precision():
    model = build("vit", **SMALL, position="rotary").eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = model(images)
    torch.testing.assert_close(low.float(), model(images), atol=0.05, rtol=0.05)
    assert model.bfloat16()(images.bfloat16()).dtype == torch.bfloat16
