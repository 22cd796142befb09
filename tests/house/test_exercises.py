"""Every number in the answers of the exercises is that of a model, a formula or a stored result."""

from __future__ import annotations

import json
import math
import re
from urllib.parse import parse_qsl

import pytest

from dashboard.guide.exercises import exercises
from dashboard.overview.budgets import budgets
from dashboard.page_table import PAGES
from dashboard.patches import weights
from tests.house.stored import RUNS, at, head_distances, values
from tests.house.test_tour import STATES
from vitcore.analysis.cost import vit_cost
from vitcore.architectures import ARCHITECTURES
from vitcore.paths import assets_dir
from vitcore.runs.folder import find_run, list_runs
from vitcore.sweeps.results import sample_curve

NUMBER = re.compile(r"\d[\d,.]*\d|\d")
ALL = [
    (page, i, exercise) for page, found in exercises().items() for i, exercise in enumerate(found, start=1)
]


def results():
    return [find_run(run).status().result for run in RUNS]


def confusion(run):
    """Return the classes and the stored confusion matrix for all test images."""
    for path in (assets_dir() / "runs" / run / "probes").glob("test-*.json"):
        stored = json.loads(path.read_text())
        if stored["images"] == 10_000:
            return stored["values"]["classes"], stored["values"]["confusion"]
    raise AssertionError(run)


def mistakes(run):
    """Return (count, true class, prediction) of all confusions of a run, the most frequent first."""
    classes, counts = confusion(run)
    return sorted(
        (
            (count, true, predicted)
            for true, row in zip(classes, counts, strict=True)
            for predicted, count in zip(classes, row, strict=True)
            if true != predicted
        ),
        reverse=True,
    )


def overview_1():
    published, short, long = budgets(("vit", "resnet"))
    return [
        f"{published.gap:.1f} points with the published recipe",
        f"{short.gap:.1f} after 20 epochs",
        f"{long.gap:.1f} with 85 to 88 epochs",
    ]


def overview_2():
    vit, resnet = (round(result["test_acc"] * result["n_test"]) for result in results())
    return [f"{resnet - vit}. The ResNet classifies {resnet:,} correctly, the ViT {vit:,}"]


def patches_1():
    small, large = vit_cost(2), vit_cost(4)
    return [
        f"{small.tokens} tokens, which are {small.tokens - 1} patches and CLS, instead of {large.tokens}",
        f"{small.numbers} numbers instead of {large.numbers}",
    ]


def patches_2():
    small, large = vit_cost(2), vit_cost(4)
    share_small, share_large = (100 * cost.of_attention / cost.multiply_adds for cost in (small, large))
    return [
        f"{small.weights / large.weights:.1f} times as many attention weights",
        f"a factor of {small.multiply_adds / large.multiply_adds:.1f}:",
        f"of 4 x 4 pixels, attention is {share_large:.1f} % of them",
        f"of 2 x 2 pixels {share_small:.1f} %",
    ]


def patches_3():
    similarity = list(weights.learned(find_run(RUNS[0])).similarity[0])
    first, second = sorted(range(1, 64), key=lambda token: -similarity[token])[:2]
    assert (first, second) == (7, 1)  # the other end of the row, and the next patch
    return [f"the top right patch, with a cosine similarity of {similarity[first]:.2f}"]


def attention_1():
    return [
        f"With 64 patches and CLS, each weight is 1/65, about {1 / 65:.3f}",
        f"over the 64 patches is {math.log2(64):.0f} bits",
    ]


def attention_2():
    options = find_run(RUNS[0]).config.options
    width, heads = options["embed_dim"], options["num_heads"]
    channels = width // heads
    return [
        f"{width} channels are divided among {heads} heads of {channels} channels",
        rf"$\sqrt{{{channels}}}$ is about {math.sqrt(channels):.2f}",
    ]


def attention_3():
    heads = head_distances(RUNS[0])  # by which the view of the answer orders the heads
    uniform = values("distance", RUNS[0])["references"]["uniform"]
    first, second = heads[:2]
    assert min(second) == min(map(min, heads))
    return [
        "In layer 1, the mean distances of the heads",
        f"are between {min(first):.1f} and {max(first):.1f} pixels",
        f"the {uniform:.1f} pixels of uniform",
        f"In layer 2, they are between {min(second):.1f} and {max(second):.1f} pixels",
    ]


def training_1():
    measured = ARCHITECTURES["vit"].measured["quick"]
    return [
        f"{100 * measured.test_acc:.1f} % of {measured.count:,} test images after {measured.epochs} epochs",
        "Chance is 10 %",
    ]


def training_2():
    vit, _ = results()
    return [
        f"At epoch {vit['best_epoch']}, with {100 * vit['val_acc']:.1f} %",
        f"of {vit['n_val']:,} validation images",
        f"{100 * vit['test_acc']:.1f} % of {vit['n_test']:,} test images",
    ]


def training_3():
    config = find_run(RUNS[0]).config
    assert config.mixup > 0
    assert config.cutmix > 0
    return []


def compare_1():
    (a, *one), (b, *two) = mistakes(RUNS[0])[:2]
    assert [one, two] == [["cat", "dog"], ["dog", "cat"]]
    other = {(true, predicted): count for count, true, predicted in mistakes(RUNS[1])[:2]}
    return [
        f"{a} of the 1,000 cats for dogs, and {b} of the 1,000 dogs for cats",
        f"{other['cat', 'dog']} and {other['dog', 'cat']}",
    ]


def compare_2():
    texts, shares, errors = [], [], []
    for run in RUNS:
        classes, counts = confusion(run)
        row = counts[classes.index("cat")]
        share = row[classes.index("cat")] / sum(row)
        error = math.sqrt(share * (1 - share) / sum(row))
        shares.append(100 * share)
        errors.append(100 * error)
        texts.append(f"{100 * share:.1f} ± {100 * error:.1f} %")
    gap, error = shares[1] - shares[0], math.hypot(*errors)
    assert 4 < gap / error < 5
    return [
        f"{texts[1]} of the cats correctly, the ViT {texts[0]}",
        f"difference is {error:.1f} points, and {gap:.1f} points are more than four",
    ]


def compare_3():
    vit, resnet = (result["parameters"] for result in results())
    return [f"by a factor of {vit / resnet:.1f}. It has {vit:,} parameters, the ResNet {resnet:,}"]


def inductive_bias_1():
    whole, cut = (at("shuffle", "accuracy", cells)[0] for cells in (8, 16))
    patch = find_run(RUNS[0]).config.options["patch_size"]
    return [
        f"patches are {patch} x {patch} pixels. With {32 // patch} x {32 // patch} cells",
        f"whole, and {whole} of the images",
        f"With 16 x 16 cells, the content of the patches is shuffled, too, and it is {cut}",
    ]


def inductive_bias_2():
    two, four = (at("shift", "consistency, reflect", pixels)[0] for pixels in (2, 4))
    return [
        f"Moving it by 2 pixels. Then {two} of the predictions stay the same",
        f"and {four} if it moves by 4 pixels",
    ]


def inductive_bias_3():
    runs = [run for run in list_runs() if run.bundled and run.meta.sweep and run.meta.sweep.kind == "samples"]
    rows = {(row["model"], row["share"]): row for row in sample_curve(runs)}
    resnet, vit = rows["resnet", 0.05], rows["vit", 0.25]
    assert vit["mean"] > resnet["mean"] > rows["vit", 0.1]["mean"]
    return [
        f"With {resnet['images']:,} images the ResNet classifies {100 * resnet['mean']:.1f} %",
        f"with {vit['images']:,} images the ViT {100 * vit['mean']:.1f} %",
    ]


@pytest.mark.parametrize(("name", "number", "exercise"), ALL)
def test_answer_states_the_measured_numbers_and_no_others(name, number, exercise):
    phrases = globals()[f"{name}_{number}"]()
    answer = " ".join(exercise.answer.split())
    for phrase in phrases:
        assert phrase in answer, phrase
    covered = NUMBER.findall(" ".join(phrases))
    for found in NUMBER.findall(answer):
        assert found in covered, found


@pytest.mark.parametrize(("name", "number", "exercise"), ALL)
def test_link_of_an_exercise_holds_only_what_the_page_reads(name, number, exercise):
    query = dict(parse_qsl(exercise.query, strict_parsing=bool(exercise.query)))
    state = STATES[exercise.page]
    assert set(query) <= {state.parameter(name) for name in state.model_fields}
    assert state.read(query)[1] == ()


def test_every_page_has_two_or_three_exercises():
    assert list(exercises()) == list(PAGES)
    assert all(2 <= len(found) <= 3 for found in exercises().values())
