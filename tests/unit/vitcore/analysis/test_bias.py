"""Exact controls of the inductive-bias experiments: symmetries that must hold to rounding, and bounds."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from vitcore.analysis.ablation import without_each_block, without_each_head, without_heads
from vitcore.analysis.layers import bounds, chain, layer_maps
from vitcore.analysis.receptive import mean_reach, receptive_fields
from vitcore.analysis.representation import frequencies, gram, hsic, spectrum
from vitcore.analysis.robustness import cell_saliency, occluded, predict, shifted, shuffled
from vitcore.data.augment import normalize
from vitcore.models import build

PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))
SMALL = {"embed_dim": 32, "hidden_dim": 32, "num_heads": 4, "num_layers": 3}


def orders(grid):
    return torch.rand(len(PIXELS), grid**2, generator=torch.Generator().manual_seed(1)).argsort(dim=1)


@torch.no_grad()
def with_varied_predictions(model, images):
    """Change the last bias so that predictions differ between images."""
    linear = [part for part in model.modules() if isinstance(part, nn.Linear)]
    last = [part for part in linear if part.out_features == 10][-1]
    last.bias -= model(normalize(images)).mean(dim=0)
    return model


@pytest.fixture(scope="module")
def placeless():
    torch.manual_seed(0)
    return build("vit", **SMALL, patch_size=4, position="none", pool="mean").eval()


@torch.no_grad()
def test_vit_without_positions_is_invariant_to_circular_shifts_by_patches(placeless):
    still = placeless(normalize(PIXELS))
    assert torch.allclose(placeless(shifted(PIXELS, 8, -12, "circular")), still, atol=1e-4)
    assert not torch.allclose(placeless(shifted(PIXELS, 2, 0, "circular")), still, atol=1e-3)
    placed = build("vit", **SMALL, patch_size=4).eval()
    assert not torch.allclose(placed(shifted(PIXELS, 8, 0, "circular")), placed(normalize(PIXELS)), atol=1e-3)


@torch.no_grad()
def test_vit_without_positions_is_invariant_to_shuffled_patches(placeless):
    mixed = shuffled(PIXELS, orders(8))
    assert not torch.equal(mixed, normalize(PIXELS))
    assert torch.allclose(placeless(mixed), placeless(normalize(PIXELS)), atol=1e-4)


@torch.no_grad()
def test_cnn_with_circular_padding_is_invariant_to_circular_shifts_by_its_stride():
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
def test_shifts_equal_numpy(border):
    x = normalize(PIXELS).numpy()
    mode = {"reflect": "reflect", "zero": "constant", "circular": "wrap"}[border]
    wide = np.pad(x, ((0, 0), (0, 0), (5, 5), (5, 5)), mode=mode)
    ours = shifted(PIXELS, 3, -5, border).numpy()
    assert np.array_equal(ours, wide[:, :, 2:34, 10:42])
    assert np.array_equal(shifted(PIXELS, 0, 0, border).numpy(), x)


def test_shuffling_keeps_every_cell():
    mixed = shuffled(PIXELS, orders(4))
    corners = [(r, c) for r in range(0, 32, 8) for c in range(0, 32, 8)]
    for before, after in zip(normalize(PIXELS), mixed, strict=True):
        cells = [
            sorted(x[:, r : r + 8, c : c + 8].flatten().tolist() for r, c in corners) for x in (before, after)
        ]
        assert cells[0] == cells[1]
    assert torch.equal(shuffled(PIXELS, orders(1)), normalize(PIXELS))
    order = torch.tensor([[1, 0, 2, 3]] * 4)  # the two upper quarters exchanged
    halves = shuffled(PIXELS, order)
    assert torch.equal(halves[:, :, :16, :16], normalize(PIXELS)[:, :, :16, 16:])
    assert torch.equal(halves[:, :, 16:], normalize(PIXELS)[:, :, 16:])


def test_hidden_cells_are_zero_and_others_unchanged():
    order = torch.tensor([5, 0, 3, *(i for i in range(16) if i not in (5, 0, 3))]).expand(4, 16)
    hidden, x = occluded(PIXELS, order, 2), normalize(PIXELS)
    assert (hidden[:, :, 8:16, 8:16] == 0).all()
    assert (hidden[:, :, :8, :8] == 0).all()
    assert torch.equal(hidden[:, :, :8, 8:], x[:, :, :8, 8:])
    assert torch.equal(occluded(PIXELS, order, 0), x)
    assert (occluded(PIXELS, order, 16) == 0).all()


def test_predictions_do_not_depend_on_the_batch():
    model, sizes = build("resnet").eval(), []
    model.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    expected = model(normalize(PIXELS)).argmax(dim=1)
    assert torch.equal(predict(model, PIXELS.repeat(26, 1, 1, 1)), expected.repeat(26))
    assert sizes[1:] == [100, 4]


def test_first_block_of_a_vit_reads_the_whole_image():
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    fields = receptive_fields(model, PIXELS, (0, 31))
    assert list(fields) == ["patches", "block 1", "block 2", "block 3"]
    first = fields["block 1"].mean(dim=0)
    assert (first > 0).all()
    assert first[:8, 24:].mean() > first[8:].mean()  # its own patch most, through the residual
    assert all(p.grad is None for p in model.parameters())


def plain_cka(x, y):
    """Kornblith et al. 2019: ||Y'X||^2 / (||X'X|| ||Y'Y||) of centered features."""
    a, b = x - x.mean(dim=0), y - y.mean(dim=0)
    return float((b.T @ a).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm()))


@torch.no_grad()
def test_block_without_heads_adds_only_the_other_heads():
    """The contributions of single heads sum to the attention branch."""
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
def test_logits_without_a_head_equal_zeroed_values():
    """Zero value weights of a head must have the same effect as its removal."""
    torch.manual_seed(0)
    model = build("vit", **SMALL, patch_size=8).eval()
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8))
    with_varied_predictions(model, images)
    complete, found = without_each_head(model, images)
    torch.testing.assert_close(complete, model(normalize(images)))
    assert found.shape == (3, 4, 40, 10)
    for layer, head in ((0, 1), (2, 3)):
        other = build("vit", **SMALL, patch_size=8).eval()
        other.load_state_dict(model.state_dict())
        rows = slice(2 * 32 + head * 8, 2 * 32 + (head + 1) * 8)  # of the values
        attention = other.transformer[layer].attn
        attention.in_proj_weight[rows] = 0
        attention.in_proj_bias[rows] = 0
        torch.testing.assert_close(found[layer, head], other(normalize(images)))
    assert not torch.equal(found[0, 1].argmax(dim=1), complete.argmax(dim=1))


class Unchanged(nn.Module):
    """A block that returns its input, whatever else it is given."""

    def forward(self, x, **_):
        return x


@torch.no_grad()
@pytest.mark.parametrize("name", ["vit", "cct", "resnet", "preactresnet", "mixer", "densenet", "googlenet"])
def test_predictions_without_a_block_equal_an_identity_block(name):
    torch.manual_seed(0)
    model = with_varied_predictions(build(name).eval(), PIXELS)
    complete, found = without_each_block(model, PIXELS)
    assert torch.equal(complete, model(normalize(PIXELS)).argmax(dim=1))
    if name == "densenet":
        assert not found  # every block changes the channels
        return
    assert ("block 4" in found) == (name not in ("resnet", "preactresnet"))  # it halves there
    blocks = getattr(
        model,
        {"vit": "transformer", "cct": "transformer", "googlenet": "inception_blocks"}.get(name, "blocks"),
    )
    at = 5 if name == "googlenet" else 1  # a pool is between its blocks 2 and 3
    blocks[at] = Unchanged()
    assert torch.equal(found["block 5" if at == 5 else "block 2"], model(normalize(PIXELS)).argmax(dim=1))


@torch.no_grad()
@pytest.mark.parametrize("name", ["vit", "cct", "resnet", "preactresnet", "mixer", "densenet", "googlenet"])
def test_layer_maps_equal_the_intermediate_results_of_the_model(name):
    torch.manual_seed(0)
    model, x = build(name).eval(), normalize(PIXELS)
    maps = layer_maps(model, x)
    parts = chain(model)
    last = parts.start(x)
    for block in parts.blocks.values():
        last = block(last)
    assert torch.allclose(parts.end(last), model(x), atol=1e-5)
    if hasattr(model, "stages"):
        assert torch.allclose(list(maps.values())[-1], model.stages(x)[-1], atol=1e-5)
    assert all(m.ndim == 4 and m.shape[-1] == m.shape[-2] for m in maps.values())


@pytest.mark.parametrize("name", ["resnet", "preactresnet", "densenet", "googlenet", "vit", "cct", "mixer"])
@pytest.mark.parametrize("pixel", [(16, 16), (0, 31)])
def test_gradients_fill_the_theoretical_field_and_are_zero_outside(name, pixel):
    torch.manual_seed(0)
    model = build(name).eval()
    fields = receptive_fields(model, PIXELS[:2], pixel)
    boxes = bounds(model, 32, pixel)
    assert len(boxes) == len(fields)
    for field, (top, left, bottom, right) in zip(fields.values(), boxes, strict=True):
        inside = torch.zeros(32, 32, dtype=torch.bool)
        inside[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
        assert (field[:, ~inside] == 0).all()
    first = next(iter(fields.values()))
    assert (first[:, inside_of(boxes[0])] > 0).all()
    if name == "resnet":  # by hand: 3x3, then two 3x3 a block, at strides 1, 2 and 4
        sides = [3, 7, 11, 15, 21, 29, 37, 49, 65, 81]
        assert [bottom - top + 1 for top, _, bottom, _ in boxes] == sides


def inside_of(box):
    top, left, bottom, right = box
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
    return inside


def test_mean_reach_of_known_fields():
    field = torch.zeros(2, 9, 9)
    field[0, 4, 4] = 2.0  # all weight at the place itself
    field[1, 4, 0] = field[1, 0, 4] = 1.0  # 4 pixels away
    assert mean_reach(field, (4, 4)).tolist() == [0.0, 4.0]
    assert mean_reach(field[1], (4, 2)) == pytest.approx((2 + (16 + 4) ** 0.5) / 2)


def test_unbiased_hsic_equals_the_mean_over_all_quadruples():
    random = np.random.default_rng(0)
    x, y = (torch.from_numpy(random.normal(size=(6, p))) for p in (3, 5))
    k, m = gram(x), gram(y)
    pairs, triples, fours = (list(permutations(range(6), r)) for r in (2, 3, 4))
    direct = np.mean([k[i, j] * m[i, j] for i, j in pairs])
    direct += np.mean([k[i, j] * m[q, r] for i, j, q, r in fours])
    direct -= 2 * np.mean([k[i, j] * m[i, q] for i, j, q in triples])
    assert float(hsic(k, m)) == pytest.approx(direct)


def test_minibatch_cka_is_one_under_rotation_and_small_for_noise():
    random = np.random.default_rng(0)
    x, noise = (torch.from_numpy(random.normal(size=(50, 4000))) for _ in range(2))
    narrow = torch.from_numpy(random.normal(size=(50, 20)))
    q, _ = torch.linalg.qr(torch.from_numpy(random.normal(size=(20, 20))))

    def cka(a, b):
        k, m = gram(a), gram(b)
        return float(hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt())

    assert cka(x, x) == pytest.approx(1)
    assert cka(narrow, 3 * narrow @ q + 5) == pytest.approx(1)
    assert abs(cka(x, noise)) < 0.1
    many = torch.from_numpy(random.normal(size=(1500, 6)))  # with many images both estimators agree
    other = many[:, :3] + torch.from_numpy(random.normal(size=(1500, 3)))
    assert cka(many, other) == pytest.approx(plain_cka(many, other), abs=0.01)
    assert plain_cka(x, noise) > 0.9  # what the plain estimator makes of independent wide features


def test_spectra_of_known_maps():
    still = torch.ones(1, 2, 8, 8)
    line = spectrum(still)
    assert line.shape == (1, 5)
    assert line[0, 0] == pytest.approx(np.log(64))
    assert (line[0, 1:] < -10).all()
    point = torch.zeros(1, 1, 8, 8)
    point[0, 0, 3, 2] = 1.0
    assert torch.allclose(spectrum(point), torch.zeros(1, 5), atol=1e-5)  # every frequency alike
    y, x = np.mgrid[:8, :8]
    checks = torch.from_numpy((-1.0) ** (x + y))[None, None]
    assert spectrum(checks)[0].argmax() == 4
    assert frequencies(8)[-1] == pytest.approx(np.pi)


def test_saliency_of_a_linear_model_equals_the_loss_from_hiding_a_cell():
    """For a linear model the first order is everything."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5))
    x = normalize(PIXELS)
    found = cell_saliency(model, PIXELS, 8)
    with torch.no_grad():
        logits = model(x)
        best = logits.argmax(dim=1, keepdim=True)
        for cell in (0, 27, 63):
            order = torch.tensor([cell, *(i for i in range(64) if i != cell)]).expand(4, 64)
            lost = (logits - model(occluded(x, order, 1))).gather(1, best)[:, 0]
            assert torch.allclose(found[:, cell], lost, atol=1e-4)
