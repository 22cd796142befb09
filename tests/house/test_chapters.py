"""Every number in the chapters of the guide is that of a model, a formula or a stored result."""

from __future__ import annotations

import math
import re
from urllib.parse import parse_qsl

import pytest

from dashboard.guide.chapters import chapter
from dashboard.page_table import PAGES
from dashboard.patches import weights
from tests.house import inside
from tests.house.inside import HEAD, block, model, token
from tests.house.stored import RUNS, at, head_distances, sample_gap
from tests.page_states import STATES
from vitcore.analysis.convolution_steps import convolution_steps
from vitcore.analysis.cost import vit_cost
from vitcore.probes import HEADS, PROBES
from vitcore.runs.folder import find_run

PARTS = {
    (name, part.title or "lead"): part
    for name in PAGES
    for part in (chapter(name).lead, *chapter(name).parts)
}
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
OWN, BEST = token(4, 5), token(5, 7)  # the patch that the text follows, and the one to which it looks most


def plain(part):
    """Return the text of a part without the addresses of links, numbers of lists and spaces in formulas."""
    text = re.sub(r"\]\([^)]*\)", "]", part.text).replace("{,}", ",")
    text = re.sub(r"^\d\. |\*Steps? \d+", "", text, flags=re.MULTILINE)
    return " ".join(text.split())


def accuracies():
    vit, resnet = (100 * find_run(run).status().result["test_acc"] for run in RUNS)
    return vit, resnet


def standard_error():
    (one,) = {round((a * (100 - a) / 10_000) ** 0.5, 1) for a in accuracies()}
    return one


def overview():
    vit, resnet = accuracies()
    count = len(inside.classes())
    return {
        "lead": [f"{inside.image().shape[2]} x {inside.image().shape[3]} pixels"],
        "What you see first": [],
        "How good are they?": [
            f"{count} classes, so guessing is right in {100 / count:.0f} % of the cases",
            f"The best ViT here classifies {vit:.1f} % of 10,000 test images correctly, the best ResNet "
            f"{resnet:.1f} %",
            f"Here it is {standard_error():.1f} points for both",
        ],
    }


def patches():
    options = find_run(RUNS[0]).config.options
    size, patch, width = inside.image().shape[-1], options["patch_size"], options["embed_dim"]
    side = size // patch
    count, numbers = side * side, 3 * patch * patch
    learned = weights.learned(find_run(RUNS[0]))
    similarity = learned.similarity[OWN - 1]
    order = sorted(range(count), key=lambda i: -similarity[i])
    assert order[1] == token(4, 4) - 1
    beside = [token(4, 6), token(3, 5), token(5, 5)]
    assert {i + 1 for i in order[2:5]} == set(beside)
    pixels = size * size + 1
    assert 10**6 < pixels**2 < 1.1 * 10**6
    small, large = vit_cost(2), vit_cost(4)
    assert small.tokens - 1 == 4 * (large.tokens - 1)
    assert round(small.weights / large.weights) == 16
    return {
        "lead": [],
        "From pixels to vectors": [
            f"{size} x {size} x 3 = {size * size * 3:,} numbers",
            f"cut into {side} x {side} squares of {patch} x {patch} pixels. These {count} squares",
            f"one vector of 3 x {patch} x {patch} = {numbers} numbers",
            f"a matrix with {count} rows and {numbers} columns",
            f"One matrix with {width} rows and {numbers} columns turns each vector into one of {width}",
            f"a matrix with {count + 1} rows ({count} patches and CLS) and {width} columns",
            "its filters read 3 x 3 neighboring pixels",
        ],
        "What the model learned about patches": [
            f"the first has a share of only {100 * learned.shares[0]:.1f} %",
            f"has seen {find_run(RUNS[0]).status().result['n_train']:,} small images",
        ],
        "What the model learned about places": [
            "1 if they point in the same direction, 0 if they are orthogonal",
            f"The position of row 4, column 5 is most similar to the one on its left, with a cosine of "
            f"{similarity[order[1]]:.2f}, and the others around it follow, with "
            f"{similarity[order[2]]:.2f} or less",
        ],
        "Why not smaller patches?": ["With patches of 2 x 2 pixels", f"{pixels:,} tokens"],
    }


def attention():
    weight, score = float(block().weights[HEAD - 1, OWN, BEST]), float(block().scores[HEAD - 1, OWN, BEST])
    scores = block().scores[HEAD - 1, OWN]
    heads, tokens, size = block().q.shape
    layers, width = len(model().blocks), block().input.shape[1]
    assert (layers, heads) == (6, 8)  # "six rows of eight"
    assert int(block().weights[HEAD - 1, OWN].argmax()) == BEST == int(scores.argmax())
    assert round(weight * tokens) == 7  # "about seven times as much"
    root, share, total = math.sqrt(size), math.exp(score), float(scores.exp().sum())
    lengths = block().v[HEAD - 1].norm(dim=1)
    parts = block().weights[HEAD - 1, OWN] * lengths
    before, added, after = (found[OWN] for found in (block().input, block().projected, block().middle))
    units, active = block().hidden.shape[1], int((block().hidden[OWN] > 0).sum())
    undivided = float((scores * root).softmax(0)[BEST])
    window = convolution_steps(model(RUNS[1]), inside.image(), 2).convolutions[0].weight.shape[2:]
    return {
        "lead": [],
        "Where does a patch look?": [
            f"the {heads * layers} **attention heads**",
            "row 4, column 5, in head 5 of layer 2",
            f"one for each of the {tokens} tokens, and together they are 1",
            f"1/{tokens}, or {1 / tokens:.3f}. This one gives {weight:.3f} to the patch in row 5, column 7",
            f"the {tokens - 1} patches",
            f"in bits: 0 if one patch gets all, {math.log2(tokens - 1):.0f} if each gets the same",
        ],
        "How is a weight computed?": [
            f"its {width} numbers, its **channels**, have mean 0 and variance 1",
            f"three vectors of {size} numbers",
            f"in row 5, column 7, it is {score * root:.2f}. Then it is divided by $\\sqrt{{{size}}} \\approx "
            f"{root:.3f}$, which gives a **score** of {score:.3f}, the largest of all {tokens}",
            f"a sum of {size} products",
            f"the sum has variance {size}, so its standard deviation is $\\sqrt{{{size}}}$",
            f"$e^{{{score:.3f}}} = {share:.1f}$, the sum is {total:.1f}, and {share:.1f} / {total:.1f} = "
            f"{100 * weight:.1f} %. This is the weight {weight:.3f}",
            f"Without the division by {root:.3f}, this one token would get {100 * undivided:.0f} %",
        ],
        "What does a token take from the others?": [
            f"sum of all {tokens} values",
            f"in row 5, column 7 has the length {lengths[BEST]:.2f}. Times its weight of "
            f"{100 * weight:.1f} %, this is {parts[BEST]:.3f}",
            f"which is {100 * parts[BEST] / parts.sum():.1f} % of all such lengths",
            f"eight outputs of {size} numbers are put next to each other, {width} numbers",
            f"a vector of length {before.norm():.1f}, and attention adds one of length {added.norm():.1f}. "
            f"The sum has the length {after.norm():.1f}, and the cosine between before and after is "
            f"{inside.cosine(before, after):.2f}",
            f"{units} **units** each",
            f"{active} of the sums are positive",
        ],
        "What would a convolution do?": ["{} x {} neighboring positions".format(*window)],
        "What do the heads do?": [
            f"A model with {heads * layers} heads has {heads * layers} ways",
            f"over {HEADS.images} test images",
            f"head 5 of layer 2, comes first: it looks {min(map(min, head_distances(RUNS[0]))):.1f} pixels",
        ],
        "What changes with another image?": [],
        "When does the model know?": [],
        "What is in a token?": [f"A token is a vector of {width} numbers"],
        "Which regions support the class?": [],
    }


def training():
    result = find_run(RUNS[0]).status().result
    count = len(inside.classes())
    return {
        "lead": [f"{result['parameters']:,} numbers"],
        "What is being minimized?": [f"$\\log {count} \\approx {math.log(count):.1f}$", "0 if the model"],
        "Did it learn, or memorize?": [f"{result['n_val']:,} images are kept out"],
        "Try it": [],
    }


def compare():
    vit, resnet = accuracies()
    error = standard_error()
    both = math.hypot(*(math.sqrt(a * (100 - a) / 10_000) for a in (vit, resnet)))
    assert 3 <= (resnet - vit) / both < 3.5  # "about three times that"
    return {
        "lead": [],
        "Is the difference real?": [
            f"The ResNet classifies {resnet:.1f} % of the test images correctly, the ViT {vit:.1f} %",
            f"$\\sqrt{{a(1-a)/n}}$. With $n = 10,000$ this is {error:.1f} points",
            f"$\\sqrt{{{error}^2 + {error}^2}}$, about {both:.1f} points. The measured {resnet - vit:.1f}",
        ],
        "Where do they err?": [],
        "Does it know when it errs?": ["right in 80 % of the cases in which it is 80 % confident"],
        "What does it cost?": [],
    }


def inductive_bias():
    vit, resnet = at("shuffle", "accuracy", 4)
    heads = sum(map(len, head_distances(RUNS[0])))
    a, b = accuracies()
    return {
        "lead": ["for 500 test images"],
        "Move it, shuffle it, hide it": [
            f"With a grid of 4 x 4 cells, the ViT still classifies {vit} of the images correctly, the ResNet "
            f"{resnet}"
        ],
        "How far does a layer see?": ["exactly 0 where", f"the {heads} heads"],
        "Do the layers do the same?": [],
        "Is the minimum flat?": [f"the loss of {PROBES['landscape'].count(500)} test images"],
        "The price": [
            f"With 5 % of them, the ResNet is ahead by {sample_gap(0.05)} points",
            f"it is ahead by {b - a:.1f}",
        ],
    }


@pytest.mark.parametrize(("name", "title"), PARTS)
def test_chapter_states_the_measured_numbers_and_no_others(name, title):
    phrases = globals()[name]()[title]
    text = plain(PARTS[name, title])
    for phrase in phrases:
        assert phrase in text, phrase
    covered = NUMBER.findall(" ".join(phrases))
    for found in NUMBER.findall(text):
        assert found in covered, found


@pytest.mark.parametrize(("name", "title"), PARTS)
def test_links_of_a_chapter_hold_only_what_the_page_reads(name, title):
    for page, given in re.findall(r"\]\(\./(\w*)\?([^)#]*)\)", PARTS[name, title].text):
        query, state = dict(parse_qsl(given, strict_parsing=True)), STATES[page or "overview"]
        assert set(query) <= {state.parameter(field) for field in state.model_fields}
        assert state.read(query)[1] == ()


def test_steps_of_the_guide_are_those_of_the_stepper():
    text = PARTS["attention", "How is a weight computed?"].text
    text += PARTS["attention", "What does a token take from the others?"].text
    assert [int(step) for step in re.findall(r"\*Step (\d+)", text)] == list(range(1, 11))
