"""Every number in the answers of the exercises is that of a model, a formula or a stored result."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import numpy as np
import pytest

from dashboard.guide.exercises import exercises
from dashboard.overview.budgets import budgets
from dashboard.page_table import PAGES
from dashboard.patches import weights
from dashboard.shared.page_state import SETTING
from dashboard.states.attention import AttentionState
from dashboard.states.compare import CompareState
from tests.house import attention_answers, compare_answers
from tests.house.stored import RUNS, at, similarity_of_layers, values
from tests.page_states import STATES
from vitcore.analysis.cost import vit_cost
from vitcore.architectures import ARCHITECTURES
from vitcore.probes import PROBES
from vitcore.probes.experiments.landscape import LandscapeValues
from vitcore.probes.wording import plus_minus
from vitcore.runs.folder import find_run
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

OTHERS = {"attention": attention_answers, "compare": compare_answers}  # answers in files of their own
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
ALL = [(page, name, exercise) for page, found in exercises().items() for name, exercise in found.items()]


def overview_recipes():
    published, short, long = budgets(("vit", "resnet"))
    return [
        f"{published.gap:.1f} points with the published recipe",
        f"{short.gap:.1f} after 20 epochs",
        f"{long.gap:.1f} with 85 to 88 epochs",
    ]


def patches_small_patches():
    small, large = vit_cost(2), vit_cost(4)
    return [
        f"{small.tokens} tokens, which are {small.tokens - 1} patches and CLS, instead of {large.tokens}",
        f"{small.numbers} numbers instead of {large.numbers}",
    ]


def patches_cost():
    small, large = vit_cost(2), vit_cost(4)
    share_small, share_large = (100 * cost.of_attention / cost.multiply_adds for cost in (small, large))
    return [
        f"{small.weights / large.weights:.1f} times as many attention weights",
        f"a factor of {small.multiply_adds / large.multiply_adds:.1f}:",
        f"of 4 x 4 pixels, attention is {share_large:.1f} % of them",
        f"of 2 x 2 pixels {share_small:.1f} %",
    ]


def patches_flipped():
    similarity = list(weights.learned(find_run(RUNS[0])).similarity[0])
    first, second = sorted(range(1, 64), key=lambda token: -similarity[token])[:2]
    assert (first, second) == (7, 1)  # the other end of the row, and the next patch
    return [f"the top right patch, with a cosine similarity of {similarity[first]:.2f}"]


def training_expected():
    measured = ARCHITECTURES["vit"].measured["quick"]
    return [
        f"{100 * measured.test_acc:.1f} % of {measured.count:,} test images after {measured.epochs} epochs",
        "Chance is 10 %",
    ]


def training_best_epoch():
    vit, _ = compare_answers.results()
    return [
        f"At epoch {vit['best_epoch']}, with {100 * vit['val_acc']:.1f} %",
        f"of {vit['n_val']:,} validation images",
        f"{100 * vit['test_acc']:.1f} % of {vit['n_test']:,} test images",
    ]


def training_training_accuracy():
    config = find_run(RUNS[0]).config
    assert config.mixup > 0
    assert config.cutmix > 0
    return []


def inductive_bias_shuffle():
    whole, cut = (at("shuffle", "accuracy", cells)[0] for cells in (8, 16))
    patch = find_run(RUNS[0]).config.options["patch_size"]
    return [
        f"patches are {patch} x {patch} pixels. With {32 // patch} x {32 // patch} cells",
        f"whole, and {whole} of the images",
        f"With 16 x 16 cells, the content of the patches is shuffled, too, and it is {cut}",
    ]


def inductive_bias_shift():
    two, four = (at("shift", "consistency, reflect", pixels)[0] for pixels in (2, 4))
    return [
        f"Moving it by 2 pixels. Then {two} of the predictions stay the same",
        f"and {four} if it moves by 4 pixels",
    ]


def inductive_bias_texture():
    vit, resnet = (values("texture-shape", run) for run in RUNS)

    def percent(found, field):
        return f"{100 * found[field]['mean']:.0f} ± {100 * found[field]['error']:.0f} %"

    assert vit["shape"]["mean"] < vit["texture"]["mean"]
    return [
        f"it answers {percent(vit, 'to_texture')} of the conflicts with the class of the texture, and "
        f"{percent(vit, 'to_shape')} with that of the shape",
        f"with {percent(resnet, 'to_texture')} and {percent(resnet, 'to_shape')}",
        f"guessing gives {100 / find_run(RUNS[0]).config.num_classes:.0f} %",
        f"the ViT classifies {percent(vit, 'texture')} correctly",
        f"and the ResNet {percent(resnet, 'texture')}",
    ]


def inductive_bias_norms():
    found = values("registers", RUNS[0])
    first, *others = found["outliers"]["mean"]
    assert not any(others)
    largest = [row[-1] for row in found["quantiles"]["mean"]]
    cls = found["cls"]["mean"]
    assert cls == sorted(cls)
    assert cls[-1] > largest[-1]
    (typical,) = {f"{value:.1f}" for value in largest[1:]}
    return [
        f"{100 * first:.1f} ± {100 * found['outliers']['error'][0]:.1f} % of the patches are outliers",
        f"has {typical} times the median",
        f"from {cls[0]:.2f} to {cls[-1]:.2f} times",
    ]


def inductive_bias_occlusion():
    vit, resnet = at("occlusion", "accuracy, random", 32)
    configs = [find_run(run).config for run in RUNS]
    assert configs[0].cutmix > 0 == configs[1].cutmix
    return [f"The ViT {vit}, the ResNet {resnet}"]


def inductive_bias_corruptions():
    vit, resnet = at("corruptions", "accuracy, mean of all", 5)
    bright = at("corruptions", "accuracy, brightness", 5)
    assert [find_run(run).config.augment for run in RUNS] == ["trivial", "shift"]
    return [f"The ViT {vit}, the ResNet {resnet}", f"for brightness, with {bright[0]} and {bright[1]}"]


def inductive_bias_landscape():
    vit, resnet = (LandscapeValues.model_validate(values("landscape", run)) for run in RUNS)
    before = LandscapeValues.model_validate(values("landscape", RUNS[0], untrained=True))
    first, second = (plus_minus(found.curvature.eigenvalue) for found in (vit, resnet))
    difference = resnet.curvature.eigenvalue.mean - vit.curvature.eigenvalue.mean
    assert difference < 2 * resnet.curvature.eigenvalue.error
    return [
        f"By {plus_minus(vit.rise)} for the ViT and by {plus_minus(resnet.rise)} for the ResNet",
        f"The eigenvalues, {first} and {second}, do not",
        f"the untrained ViT rises by only {plus_minus(before.rise)}, although its largest eigenvalue is "
        f"{plus_minus(before.curvature.eigenvalue)}.",
    ]


def inductive_bias_receptive_field():
    vit, resnet = (values("receptive-field", run)["reach"]["mean"] for run in RUNS)
    first = next(i for i, reach in enumerate(resnet) if reach > vit[1])  # 0 is the input
    return [
        f"{vit[1]:.1f} pixels. The ResNet begins with {resnet[1]:.1f} pixels after its first block",
        f"only in block {first}, with {resnet[first]:.1f}",
    ]


def inductive_bias_distance():
    found = values("distance", RUNS[0])
    distances = [distance for layer in found["heads"]["mean"] for distance in layer]
    even, near = found["references"]["uniform"], found["references"]["3x3 neighbourhood"]
    assert sum(distance > even for distance in distances) == 1
    assert min(distances) > near
    return [
        f"One head looks farther than the {even:.1f} pixels of uniform attention",
        f"as the 3 x 3 neighborhood, which has {near:.1f} pixels. The smallest distance is "
        f"{min(distances):.1f} pixels",
    ]


def inductive_bias_layers():
    found = similarity_of_layers()
    (first, second), cka = found.layers, found.cka.mean
    of_second = [row[len(first) :] for row in cka[: len(first)]]
    row = of_second[first.index("block 2")]
    most = max(range(len(second)), key=row.__getitem__)
    assert second[most] == "block 4"
    return [f"Block 4, with a CKA of {row[most]:.2f}. The last blocks have {of_second[-1][-1]:.2f}"]


def inductive_bias_frequencies():
    vit, resnet = (fall(run) for run in RUNS)
    assert vit[1] < vit[0]
    assert vit[-1] > vit[-2]
    assert resnet[1] > resnet[0]
    assert resnet[-1] < resnet[-2]
    first = [[f"{x:.2f}".replace("-", "−") for x in found[:2]] for found in (vit, resnet)]
    last = [[f"{x:.2f}".replace("-", "−") for x in found[-2:]] for found in (vit, resnet)]
    return [
        "the difference goes from {} to {}".format(*first[0]),
        "it goes from {} to {}".format(*first[1]),
        "the ViT goes from {} to {}".format(*last[0]),
        "the ResNet from {} to {}".format(*last[1]),
    ]


def fall(run):
    return values("fourier", run)["fall"]["mean"]


def inductive_bias_ablation():
    vit, resnet = (values("ablation", run) for run in RUNS)
    lost = [-100 * min(found["blocks"]["mean"]) for found in (vit, resnet)]
    names = [found["layers"][np.argmin(found["blocks"]["mean"])] for found in (vit, resnet)]
    assert names == ["block 1", "block 3"]
    last, error = (100 * vit["blocks"][key][-1] for key in ("mean", "error"))
    return [
        f"Block 1 of the ViT: without it, the accuracy falls by {lost[0]:.0f} points",
        f"it is block 3, with {lost[1]:.0f} points",
        f"falls by {-last:.1f} ± {error:.1f} points",
    ]


def inductive_bias_sample_efficiency():
    runs = find_sweep("samples-cifar10").runs
    rows = {(row["model"], row["share"]): row for row in sample_curve(runs)}
    resnet, vit = rows["resnet", 0.05], rows["vit", 0.25]
    assert vit["mean"] > resnet["mean"] > rows["vit", 0.1]["mean"]
    return [
        f"With {resnet['images']:,} images the ResNet classifies {100 * resnet['mean']:.1f} %",
        f"with {vit['images']:,} images the ViT {100 * vit['mean']:.1f} %",
    ]


def phrases_of(page, name):
    """Return the phrases that the answer of an exercise must contain."""
    short = name.replace("-", "_")
    return getattr(OTHERS[page], short)() if page in OTHERS else globals()[f"{page}_{short}"]()


@pytest.mark.parametrize(("page", "name", "exercise"), ALL)
def test_answer_states_the_measured_numbers_and_no_others(page, name, exercise):
    phrases = phrases_of(page, name)
    answer = " ".join(exercise.answer.split())
    for phrase in phrases:
        assert phrase in answer, phrase
    covered = NUMBER.findall(" ".join(phrases))
    for found in NUMBER.findall(answer):
        assert found in covered, found


@pytest.mark.parametrize(("page", "name", "exercise"), ALL)
def test_link_of_an_exercise_holds_only_what_the_page_reads(page, name, exercise):
    query = dict(parse_qsl(exercise.query, strict_parsing=bool(exercise.query)))
    state = STATES[exercise.page]
    settings = {key for key in query if key.startswith(SETTING)}
    assert set(query) - settings <= {state.parameter(field) for field in state.model_fields}
    assert state.read(query)[1] == ()


def test_exercises_are_about_every_page():
    assert list(exercises()) == list(PAGES)
    assert all(exercises().values())


def test_every_view_of_attention_has_an_exercise():
    shown = [dict(parse_qsl(exercise.query)) for exercise in exercises()["attention"].values()]
    assert {query.get("view", "Maps") for query in shown} == set(AttentionState.options("view"))
    assert any(query.get("order") for query in shown)
    assert sum("check" in query for query in shown) >= 2
    steps = {query["step"] for query in shown if query.get("view") == "Inside a block"}
    assert len(steps) >= 4


def test_every_section_of_compare_has_an_exercise():
    shown = [dict(parse_qsl(exercise.query)) for exercise in exercises()["compare"].values()]
    assert {query.get("show") for query in shown} >= set(CompareState.options("section"))
    assert {query.get("view", "Runs") for query in shown} == set(CompareState.options("view"))


def test_every_experiment_has_an_exercise():
    shown = {dict(parse_qsl(exercise.query))["probe"] for exercise in exercises()["inductive_bias"].values()}
    assert shown == {probe.title for probe in PROBES.values()} | {"Sample efficiency"}
