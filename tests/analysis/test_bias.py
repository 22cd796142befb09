"""Exact controls of the inductive-bias experiments: symmetries that must hold to rounding, and bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vitcore.analysis.ablation import head_ablation, without_heads
from vitcore.analysis.receptive import receptive_field
from vitcore.analysis.representation import linear_cka
from vitcore.analysis.robustness import answers, occluded, share_of, shifted, shuffled
from vitcore.data.augment import normalize
from vitcore.models import build

PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))
SMALL = {"embed_dim": 32, "hidden_dim": 32, "num_heads": 4, "num_layers": 3}


@pytest.fixture(scope="module")
def placeless():
    torch.manual_seed(0)
    return build("vit", **SMALL, patch_size=4, position="none", pool="mean").eval()


@torch.no_grad()
def test_a_vit_without_positions_does_not_see_circular_shifts_by_patches(placeless):
    still = placeless(normalize(PIXELS))
    assert torch.allclose(placeless(shifted(PIXELS, 8, -12, "circular")), still, atol=1e-4)
    assert not torch.allclose(placeless(shifted(PIXELS, 2, 0, "circular")), still, atol=1e-3)
    placed = build("vit", **SMALL, patch_size=4).eval()
    assert not torch.allclose(placed(shifted(PIXELS, 8, 0, "circular")), placed(normalize(PIXELS)), atol=1e-3)


@torch.no_grad()
def test_a_vit_without_positions_does_not_see_shuffled_patches(placeless):
    mixed = shuffled(PIXELS, 8, torch.Generator().manual_seed(1))
    assert not torch.equal(mixed, normalize(PIXELS))
    assert torch.allclose(placeless(mixed), placeless(normalize(PIXELS)), atol=1e-4)


@torch.no_grad()
def test_a_cnn_with_circular_padding_does_not_see_circular_shifts_by_its_stride():
    torch.manual_seed(0)
    model = build("resnet").eval()
    still = model(normalize(PIXELS))
    bordered = model(shifted(PIXELS, 4, 8, "circular"))
    assert not torch.allclose(bordered, still, atol=1e-3)  # zero padding tells it where the border is
    for part in model.modules():
        if isinstance(part, nn.Conv2d) and part.padding != (0, 0):
            part.padding_mode = "circular"
            part._reversed_padding_repeated_twice = [p for p in reversed(part.padding) for _ in range(2)]
    still = model(normalize(PIXELS))
    assert torch.allclose(model(shifted(PIXELS, 4, 8, "circular")), still, atol=1e-4)
    assert not torch.allclose(model(shifted(PIXELS, 1, 0, "circular")), still, atol=1e-3)  # strides alias


@pytest.mark.parametrize("border", ["reflect", "zero", "circular"])
def test_shifts_against_numpy(border):
    x = normalize(PIXELS).numpy()
    mode = {"reflect": "reflect", "zero": "constant", "circular": "wrap"}[border]
    wide = np.pad(x, ((0, 0), (0, 0), (5, 5), (5, 5)), mode=mode)
    ours = shifted(PIXELS, 3, -5, border).numpy()
    assert np.array_equal(ours, wide[:, :, 2:34, 10:42])
    assert np.array_equal(shifted(PIXELS, 0, 0, border).numpy(), x)


def test_shuffling_keeps_every_cell():
    mixed = shuffled(PIXELS, 4, torch.Generator().manual_seed(0))
    corners = [(r, c) for r in range(0, 32, 8) for c in range(0, 32, 8)]
    for before, after in zip(normalize(PIXELS), mixed, strict=True):
        cells = [
            sorted(x[:, r : r + 8, c : c + 8].flatten().tolist() for r, c in corners) for x in (before, after)
        ]
        assert cells[0] == cells[1]
    assert torch.equal(shuffled(PIXELS, 1, torch.Generator()), normalize(PIXELS))


def test_hidden_cells_are_zero_and_the_others_as_they_were():
    order = torch.tensor([5, 0, 3, *(i for i in range(16) if i not in (5, 0, 3))]).expand(4, 16)
    hidden, x = occluded(PIXELS, order, 2), normalize(PIXELS)
    assert (hidden[:, :, 8:16, 8:16] == 0).all()
    assert (hidden[:, :, :8, :8] == 0).all()
    assert torch.equal(hidden[:, :, :8, 8:], x[:, :, :8, 8:])
    assert torch.equal(occluded(PIXELS, order, 0), x)
    assert (occluded(PIXELS, order, 16) == 0).all()


def test_a_share_and_its_standard_error():
    found = share_of(torch.tensor([True, True, True, False]))
    assert (found.value, found.count) == (0.75, 4)
    assert found.error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
    model = build("resnet").eval()
    assert torch.equal(answers(model, PIXELS, batch=3), model(normalize(PIXELS)).argmax(dim=1))


def test_the_first_stage_of_a_resnet_reads_nothing_outside_its_theoretical_field():
    torch.manual_seed(0)
    fields = receptive_field(build("resnet").eval(), PIXELS, (0.5, 0.5))
    assert fields.shape == (3, 32, 32)
    # stage 1 is seven 3x3 convolutions: 7 pixels to each side of (16, 16)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[9:24, 9:24] = True
    assert (fields[0][~inside] == 0).all()
    assert (fields[0][inside] > 0).all()


def test_the_first_block_of_a_vit_reads_everything():
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    fields = receptive_field(model, PIXELS, (0.0, 0.99))
    assert fields.shape == (3, 32, 32)
    assert (fields > 0).all()
    assert fields[0, :8, 24:].mean() > fields[0, 8:].mean()  # its own patch most, through the residual
    assert all(p.grad is None for p in model.parameters())


def test_cka_of_a_layer_with_itself_rotated_scaled_and_with_another():
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.normal(size=(50, 20)))
    q, _ = torch.linalg.qr(torch.from_numpy(random.normal(size=(20, 20))))
    assert linear_cka(x, x) == pytest.approx(1)
    assert linear_cka(x, 3 * x @ q + 5) == pytest.approx(1)
    y = torch.from_numpy(random.normal(size=(50, 30)))
    a, b = x - x.mean(dim=0), y - y.mean(dim=0)
    direct = (b.T @ a).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
    assert linear_cka(x, y) == pytest.approx(float(direct))
    assert linear_cka(x, y) < 0.6


@torch.no_grad()
def test_a_block_without_heads_adds_what_the_others_write():
    """The heads' parts of the attention branch, computed apart, sum to the whole."""
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    block, x = model.transformer[1], torch.randn(2, 17, 32)
    before = {name: value.clone() for name, value in block.state_dict().items()}

    def attend(changed):
        return changed.attn(changed.layer_norm_1(x))

    bias = block.attn.out_proj.bias
    assert torch.allclose(attend(without_heads(block, range(4))), bias.expand(2, 17, 32), atol=1e-6)
    parts = [attend(without_heads(block, [h for h in range(4) if h != kept])) - bias for kept in range(4)]
    assert torch.allclose(sum(parts) + bias, attend(block), atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in block.state_dict().items())


@torch.no_grad()
def test_head_ablation_against_zeroed_values():
    """A head whose values are zero writes nothing: the same by other weights, through the whole model."""
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8))
    labels = model(normalize(images)).argmax(dim=1)
    shares = []
    found, whole = head_ablation(model, images, labels, shares.append)
    assert whole == 1
    assert found.shape == (3, 4)
    assert shares[-1] == 1
    assert len(shares) == 12
    for layer, head in ((0, 1), (2, 3)):
        other = build("vit", **SMALL, patch_size=8).eval()
        other.load_state_dict(model.state_dict())
        rows = slice(2 * 32 + head * 8, 2 * 32 + (head + 1) * 8)  # of the values
        attention = other.transformer[layer].attn
        attention.in_proj_weight[rows] = 0
        attention.in_proj_bias[rows] = 0
        direct = (other(normalize(images)).argmax(dim=1) == labels).float().mean()
        assert found[layer, head] == direct

    def cancel(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head_ablation(model, images, labels, cancel)
