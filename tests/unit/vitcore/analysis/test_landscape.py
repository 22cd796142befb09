"""The loss landscape against closed forms, complete Hessians and exact invariances."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.conftest import TINY_RESNET, TINY_VIT
from vitcore.analysis.attention import as_input
from vitcore.analysis.landscape import filter_directions, hessian_product, largest_eigenvalue, losses_at
from vitcore.data.datasets import load_dataset
from vitcore.models import build
from vitcore.probes import PROBES, Outcome, View
from vitcore.probes.experiments.landscape import DISTANCE, SIDE, positions
from vitcore.probes.store import images_of
from vitcore.runs.folder import find_run

DATA = load_dataset("cifar10-mini").test
PIXELS = torch.from_numpy(np.asarray(DATA.images[:20]))
LABELS = torch.from_numpy(DATA.labels[:20]).long()
CLASSES = 4


@pytest.fixture(params=[("vit", TINY_VIT), ("resnet", TINY_RESNET)], ids=lambda param: param[0])
def model(request):
    """Return an untrained model whose statistics of batch norm are not those of its creation."""
    torch.manual_seed(0)
    name, options = request.param
    built = build(name, **{key: value for key, value in options.items() if key != "batch_size"})
    built(as_input(PIXELS, built))
    return built.eval()


def features(count=30, width=5):
    """Return random inputs and labels of a toy problem in double precision."""
    random = torch.Generator().manual_seed(1)
    x = torch.randn(count, width, generator=random, dtype=torch.float64)
    return x, torch.arange(count) % CLASSES


def flat(model):
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def complete_hessian(model, x, labels):
    """Return the Hessian of the mean loss over all weights, by torch's own function."""
    names, shapes = zip(*[(name, weight.shape) for name, weight in model.named_parameters()], strict=True)

    def loss(vector):
        parts = vector.split([shape.numel() for shape in shapes])
        weights = {n: part.view(shape) for n, part, shape in zip(names, parts, shapes, strict=True)}
        return F.cross_entropy(torch.func.functional_call(model, weights, (x,)), labels)

    return torch.autograd.functional.hessian(loss, flat(model))


def eigenvalue(model, x, labels, tolerance=1e-6):
    found = largest_eigenvalue(model, x, labels, seed=0, most=2000, tolerance=tolerance)
    return [step for step in found if step][-1]


def random_network(*layers):
    """Return a network with the same random weights in every call."""
    torch.manual_seed(2)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return nn.Sequential(*layers).double()


def test_filters_of_a_direction_have_the_norms_of_the_models_filters(model):
    direction = filter_directions(model, 0)
    for name, weight in model.named_parameters():
        if weight.dim() == 1:  # biases and normalizations
            assert name not in direction
        else:
            for row, moved in zip(weight.detach(), direction[name], strict=True):
                assert float(moved.norm()) == pytest.approx(float(row.norm()), rel=1e-5)
    other = filter_directions(model, 1)
    assert all(torch.equal(direction[name], again) for name, again in filter_directions(model, 0).items())
    assert not any(torch.equal(direction[name], drawn) for name, drawn in other.items())


def test_loss_at_the_weights_is_bitwise_that_of_the_model_which_does_not_change(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    directions = filter_directions(model, 0), filter_directions(model, 1)
    with torch.inference_mode():
        plain = F.cross_entropy(model(as_input(PIXELS, model)), LABELS, reduction="none")
    assert torch.equal(losses_at(model, PIXELS, LABELS, directions, (0.0, 0.0)), plain)
    assert not torch.equal(losses_at(model, PIXELS, LABELS, directions, (0.5, 0.0)), plain)
    hessian_product(model, PIXELS, LABELS, torch.ones(flat(model).shape))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_position_on_the_plane_is_that_of_a_model_with_moved_weights(model):
    first, second = filter_directions(model, 0), filter_directions(model, 1)
    losses = losses_at(model, PIXELS, LABELS, (first, second), (0.5, -0.25))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in first:
                weight += 0.5 * first[name] - 0.25 * second[name]
        moved = F.cross_entropy(model(as_input(PIXELS, model)), LABELS, reduction="none")
    assert torch.allclose(losses, moved, atol=1e-5)


def test_plane_of_a_linear_classifier_is_its_closed_form():
    x, labels = features()
    model = random_network(nn.Linear(5, CLASSES))
    directions = filter_directions(model, 0), filter_directions(model, 1)
    w, bias = model[0].weight.detach().numpy(), model[0].bias.detach().numpy()
    d, e = (direction["0.weight"].numpy() for direction in directions)
    for a, b in ((0.0, 0.0), (1.0, 0.0), (-0.5, 0.75)):
        logits = x.numpy() @ (w + a * d + b * e).T + bias
        expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        assert np.allclose(losses_at(model, x, labels, directions, (a, b)).numpy(), expected, atol=1e-12)


def test_eigenvalue_of_a_linear_classifier_without_weights_is_its_closed_form():
    """With weights of zero, the Hessian is (I - 1/C) / C, times the second moments of the inputs."""
    x, labels = features()
    model = random_network(nn.Linear(5, CLASSES, bias=False))
    nn.init.zeros_(model[0].weight)
    expected = float(torch.linalg.eigvalsh(x.T @ x / len(x))[-1]) / CLASSES
    found = eigenvalue(model, x, labels)
    assert found.value == pytest.approx(expected, rel=1e-4)
    assert found.residual <= 1e-6 * found.value
    directions = (filter_directions(model, 0),) * 2  # filters of norm zero do not move
    assert torch.allclose(
        losses_at(model, x, labels, directions, (1.0, 0.5)),
        torch.full((len(x),), math.log(CLASSES), dtype=torch.float64),
    )


def test_eigenvalue_is_that_of_the_complete_hessian():
    x, labels = features()
    model = random_network(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, CLASSES))
    hessian = complete_hessian(model, x, labels)
    values = torch.linalg.eigvalsh(hessian)
    found = eigenvalue(model, x, labels)
    assert found.value == pytest.approx(float(values[-1]), rel=1e-4)
    rough = eigenvalue(model, x, labels, tolerance=0.1)
    assert rough.iterations < found.iterations
    assert (values - rough.value).abs().min() <= rough.residual
    vector = torch.randn(len(hessian), dtype=torch.float64)
    assert torch.allclose(hessian_product(model, x, labels, vector), hessian @ vector, atol=1e-10)


def test_error_of_the_eigenvalue_is_unknown_from_one_group_of_images_and_that_of_the_groups_from_three():
    x, labels = features()
    model = random_network(nn.Linear(5, CLASSES))
    assert math.isnan(eigenvalue(model, x[:10], labels[:10]).error)
    found = eigenvalue(model, x, labels)
    groups = [
        complete_hessian(model, x[part], labels[part]) for part in map(slice, (0, 10, 20), (10, 20, 30))
    ]
    means = [float(found.vector @ hessian @ found.vector) for hessian in groups]
    assert found.error == pytest.approx(np.std(means, ddof=1) / math.sqrt(3), rel=1e-3)


class Saddle(nn.Module):
    """A model whose loss has the Hessian diag(-3, 1) at its weights, for every image."""

    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, x):
        first = (self.weights**2 * torch.tensor([3.0, -1.0])).sum()  # -2 times the quadratic form, halved
        return torch.stack([first.expand(len(x)), torch.zeros(len(x))], dim=1)


def test_eigenvalue_is_the_largest_and_not_the_one_with_the_largest_absolute_value():
    x, labels = features()[0], torch.zeros(30, dtype=torch.long)
    assert complete_hessian(Saddle(), x, labels).diagonal().tolist() == pytest.approx([-3, 1])
    assert eigenvalue(Saddle(), x, labels).value == pytest.approx(1, rel=1e-4)


def test_products_through_attention_and_convolutions_equal_differences_of_gradients(model):
    model.double()
    x, step = as_input(PIXELS, model).double(), 1e-8
    vector = torch.randn(flat(model).shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    start, gradients = flat(model), []
    for sign in (1, -1):
        nn.utils.vector_to_parameters(start + sign * step * vector / vector.norm(), model.parameters())
        model.zero_grad()
        F.cross_entropy(model(x), LABELS).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    nn.utils.vector_to_parameters(start, model.parameters())
    expected = (gradients[0] - gradients[1]) / (2 * step)
    found = hessian_product(model, x, LABELS, vector / vector.norm())
    assert float((found - expected).norm()) < 1e-4 * float(expected.norm())


def test_scale_of_relu_layers_changes_the_curvature_but_not_the_landscape():
    """Li et al. normalize filters for this reason; Dinh et al. 2017 show it for the curvature."""
    x, labels = features()
    plain = random_network(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, CLASSES))
    scaled = copy.deepcopy(plain)
    with torch.no_grad():
        scaled[0].weight *= 10
        scaled[0].bias *= 10
        scaled[2].weight /= 10
    planes = []
    for network in (plain, scaled):
        directions = filter_directions(network, 0), filter_directions(network, 1)
        planes.append(
            torch.stack(
                [losses_at(network, x, labels, directions, (a, b)) for a in (-1, 0, 0.5) for b in (0, 1)]
            )
        )
    assert torch.allclose(*planes, rtol=1e-9, atol=0)
    assert eigenvalue(scaled, x, labels).value > 5 * eigenvalue(plain, x, labels).value


def test_error_of_the_eigenvalue_is_that_of_the_means_over_groups_of_ten_images():
    x, labels = features(30)
    model = random_network(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, CLASSES))
    found = eigenvalue(model, x, labels)
    groups = [
        float(found.vector @ complete_hessian(model, x[i : i + 10], labels[i : i + 10]) @ found.vector)
        for i in (0, 10, 20)
    ]
    assert found.value == pytest.approx(np.mean(groups))
    assert found.error == pytest.approx(np.std(groups, ddof=1) / math.sqrt(3))


def test_probe_states_the_losses_of_the_plane_and_the_rise_over_four_positions():
    probe, (x, labels) = PROBES["landscape"], features()
    model = random_network(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, CLASSES))
    steps = list(probe.steps(model, None, x, labels.numpy(), probe.settings()))
    done, values = steps[-1]
    shares = [count for count, _ in steps]
    assert shares == sorted(shares)
    assert done == len(x)
    assert values.positions == pytest.approx(positions(), abs=1e-6)
    assert {-1, -DISTANCE, 0, DISTANCE, 1} <= set(values.positions)
    directions = filter_directions(model, 0), filter_directions(model, 1)

    def losses(a, b):
        return losses_at(model, x, labels, directions, (a, b))

    column, row = 2, SIDE - 1
    there = losses(values.positions[column], values.positions[row])
    assert values.loss.mean[row][column] == pytest.approx(float(there.mean()), abs=1e-5)
    assert values.loss.error[row][column] == pytest.approx(float(there.std()) / math.sqrt(30), abs=1e-5)
    around = (losses(0.5, 0) + losses(-0.5, 0) + losses(0, 0.5) + losses(0, -0.5)) / 4 - losses(0, 0)
    assert values.rise.mean == pytest.approx(float(around.mean()), abs=1e-5)
    assert values.rise.error == pytest.approx(float(around.std()) / math.sqrt(30), abs=1e-5)
    assert values.curvature.residual >= 0
    rows = list(values.rows())
    assert len(rows) == SIDE**2 + 3
    assert rows[-2]["mean"] == values.curvature.eigenvalue.mean
    sentence = probe.find([Outcome("ViT", values)], View())
    assert f"{values.rise.mean:.2f}"[:3] in sentence


def test_other_plane_has_other_directions_but_the_same_center():
    probe, (x, labels) = PROBES["landscape"], features()
    model = random_network(nn.Linear(5, CLASSES))
    planes = []
    for plane in ("first", "second"):
        steps = probe.steps(model, None, x, labels.numpy(), probe.settings({"plane": plane}))
        planes.append(next(values for _, values in steps if values).loss.mean)
    middle = SIDE // 2
    assert planes[0][middle][middle] == planes[1][middle][middle]
    assert planes[0][0][0] != planes[1][0][0]


def test_page_with_more_images_shows_the_result_of_the_first_hundred():
    probe, run = PROBES["landscape"], find_run("resnet-cifar10")
    hundred, more, few = (images_of(probe, [run], count) for count in (100, 1000, 30))
    assert hundred.digest == more.digest
    assert len(few.labels) == 30
    assert np.bincount(more.labels).tolist() == [10] * 10
