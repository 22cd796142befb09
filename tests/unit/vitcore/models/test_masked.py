"""Masked autoencoding against computations that are written out here.

`tests/process/test_families.py` compares it with transformers' ViTMAE.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vitcore.networks.masked import (
    decoder_for,
    encode,
    from_patches,
    masks_of,
    normalized_patches,
    pasted,
    reconstruction_loss,
)
from vitcore.networks.vit import ViT, to_patches

B, SIZE, P, N, VISIBLE = 5, 32, 8, 16, 4
DISTINCT = {"pool": "mean"}, {"pool": "cls"}, {"pool": "patches", "registers": 2}, {"position": "sincos"}


def small_vit(**options) -> ViT:
    torch.manual_seed(0)
    sizes = dict(embed_dim=32, hidden_dim=48, num_heads=4, num_layers=2, patch_size=P, num_classes=0)
    return ViT(**{**sizes, **options}).eval()


def small_decoder(vit: ViT):
    return decoder_for(vit, dim=64, layers=2, head_width=32).eval()


def noise_and_images() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(B, N, generator=generator), torch.randn(B, 3, SIZE, SIZE, generator=generator)


def unfolded(images: torch.Tensor) -> torch.Tensor:
    """Return the patches [B, N, 3 P^2] of `torch.nn.functional.unfold`."""
    return F.unfold(images, P, stride=P).transpose(1, 2)


def literal(
    vit: ViT, decoder, images: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (loss, predicted), step by step as in `forward_encoder` and `forward_decoder` of the authors."""
    x = F.linear(unfolded(images), vit.input_layer.weight, vit.input_layer.bias)
    k = vit.prefix_tokens
    positions = vit.pos_embedding
    x = x + positions[:, -N:]
    ids_shuffle = torch.argsort(noise, dim=1)
    ids_restore = torch.argsort(ids_shuffle, dim=1)
    ids_keep = ids_shuffle[:, :VISIBLE]
    x = torch.gather(x, 1, ids_keep.unsqueeze(-1).repeat(1, 1, x.shape[2]))
    mask = torch.ones(B, N)
    mask[:, :VISIBLE] = 0
    mask = torch.gather(mask, 1, ids_restore)
    front = []
    if vit.has_cls:
        front.append((vit.cls_token + positions[:, :1]).expand(B, -1, -1))
    if k > vit.has_cls:
        front.append(vit.register_tokens.expand(B, -1, -1))
    x = torch.cat([*front, x], dim=1)
    for block in vit.transformer:
        x = block(x)
    x = decoder.embed(vit.mlp_head[0](x))
    mask_tokens = decoder.mask_token.repeat(B, N + k - x.shape[1], 1)
    x_ = torch.cat([x[:, k:], mask_tokens], dim=1)
    x_ = torch.gather(x_, 1, ids_restore.unsqueeze(-1).repeat(1, 1, x.shape[2]))
    x_ = x_ + decoder.positions[:, k:]
    x = torch.cat([x[:, :k], x_], dim=1)
    for block in decoder.blocks:
        x = block(x)
    predicted = decoder.predict(decoder.norm(x))[:, k:]
    target = unfolded(images)
    mean, var = target.mean(dim=-1, keepdim=True), target.var(dim=-1, keepdim=True)
    target = (target - mean) / (var + 1.0e-6) ** 0.5
    loss = ((predicted - target) ** 2).mean(dim=-1)
    return (loss * mask).sum() / mask.sum(), predicted


@pytest.mark.parametrize("options", DISTINCT, ids=lambda options: "-".join(map(str, options.values())))
@torch.no_grad()
def test_loss_and_predictions_equal_a_literal_copy_of_the_published_steps(options):
    vit = small_vit(**options)
    decoder = small_decoder(vit)
    noise, images = noise_and_images()
    loss, predicted = literal(vit, decoder, images, noise)
    masks = masks_of(noise, VISIBLE)
    found = decoder(encode(vit, images, masks.visible), masks)
    torch.testing.assert_close(found, predicted, atol=1e-5, rtol=0)
    torch.testing.assert_close(reconstruction_loss(found, images, P, masks), loss, atol=1e-5, rtol=0)


def test_loss_is_the_error_of_the_masked_patches_of_a_mask_made_by_hand():
    _, images = noise_and_images()
    noise = torch.ones(B, N)
    noise[:, [1, 6, 11, 12]] = 0.0  # the lowest four are visible
    hidden = [0, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14, 15]
    predicted = torch.randn(B, N, 3 * P * P, generator=torch.Generator().manual_seed(2))
    target = unfolded(images)
    target = (target - target.mean(2, keepdim=True)) / (target.var(2, keepdim=True) + 1e-6).sqrt()
    expected = F.mse_loss(predicted[:, hidden], target[:, hidden])
    masks = masks_of(noise, VISIBLE)
    assert [sorted(row) for row in masks.masked.tolist()] == [hidden] * B
    torch.testing.assert_close(reconstruction_loss(predicted, images, P, masks), expected)
    # neither the predictions of visible patches count, nor their targets
    loss, changed, others = (
        reconstruction_loss(predicted, images, P, masks),
        predicted.clone(),
        unfolded(images),
    )
    changed[:, [1, 6, 11, 12]] += 5.0
    others[:, [1, 6, 11, 12]] = torch.rand(B, 4, 3 * P * P)
    assert torch.equal(reconstruction_loss(changed, from_patches(others, P), P, masks), loss)


def test_encoder_does_not_depend_on_masked_pixels():
    vit = small_vit()
    noise, images = noise_and_images()
    masks = masks_of(noise, VISIBLE)
    patches = to_patches(images, P)
    chosen = masks.masked[..., None].expand(-1, -1, patches.shape[-1])
    other = from_patches(patches.scatter(1, chosen, 7.0), P)
    assert not torch.equal(images, other)
    with torch.no_grad():
        assert torch.equal(encode(vit, images, masks.visible), encode(vit, other, masks.visible))
    assert encode(vit, images, masks.visible).shape == (B, 1 + VISIBLE, 32)


@pytest.mark.parametrize("position", ["learned", "rotary"])
def test_visible_tokens_are_those_of_all_patches_in_any_order_if_nothing_is_masked(position):
    vit = small_vit(pool="patches", norm_tokens=True, position=position)
    noise, images = noise_and_images()
    everything = noise.argsort(dim=1)
    with torch.no_grad():
        torch.testing.assert_close(encode(vit, images, everything)[:, 1:].mean(1), vit(images))


def test_pasted_image_has_the_visible_pixels_and_the_predictions_in_the_tone_of_each_masked_patch():
    noise, images = noise_and_images()
    masks = masks_of(noise, VISIBLE)
    exact = pasted(normalized_patches(images, P), images, P, masks)
    torch.testing.assert_close(exact, images, atol=1e-5, rtol=0)
    flat = unfolded(pasted(torch.zeros(B, N, 3 * P * P), images, P, masks))
    seen = torch.zeros(B, N, dtype=torch.bool).scatter(1, masks.visible, value=True)
    assert torch.equal(flat[seen], unfolded(images)[seen])
    means = unfolded(images).mean(dim=2, keepdim=True).expand_as(flat)
    torch.testing.assert_close(flat[~seen], means[~seen])
