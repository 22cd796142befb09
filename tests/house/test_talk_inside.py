"""The bundled talk about one block states the numbers of the bundled ViT."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlsplit

import numpy as np
import pytest
import torch

import vitcore
from dashboard.attention.block import Block
from dashboard.talk import scenes
from dashboard.talk.files import read_talk
from vitcore.analysis.attention import as_input
from vitcore.analysis.block_steps import block_steps, head_steps
from vitcore.data import load_dataset
from vitcore.paths import assets_dir

TALK = assets_dir() / "talks" / "inside.yaml"
LAYER, HEAD, ROW, COLUMN = 2, 3, 3, 4  # as in the links, from 1
VALUES = "A weighted sum of values"
OTHER_HEAD = 8  # of that step: there, the largest weight is not the largest contribution


def token(row: int, column: int) -> int:
    return 1 + 8 * (row - 1) + column - 1


@pytest.fixture(scope="module")
def steps():
    return {step.title: step for step in read_talk(TALK).steps}


@pytest.fixture(scope="module")
def model():
    return vitcore.load("vit-cifar10-gpu")


@pytest.fixture(scope="module")
def image():
    data = load_dataset("cifar10-mini")
    index = np.flatnonzero(data.test.labels == data.classes.index("cat"))[0]
    return torch.from_numpy(data.test.images[index : index + 1])


@pytest.fixture(scope="module")
def block(model, image):
    return block_steps(model, image, LAYER - 1)


def test_links_name_the_token_and_the_head_of_the_numbers(steps):
    for step in steps.values():
        query = parse_qs(urlsplit(step.link).query)
        assert (query["run"], query["class"], query["image"]) == (["vit-cifar10-gpu"], ["cat"], ["1"])
        if query.get("layer") == [str(LAYER)]:
            head = OTHER_HEAD if step.title == VALUES else HEAD
            assert (query["head"], query["query"]) == ([str(head)], [f"{ROW}.{COLUMN}"])


def test_scenes_of_the_links_show_the_steps_of_a_block(steps):
    links = [urlsplit(step.link) for step in steps.values()]
    shown = [scenes.scene(link.path, dict(parse_qsl(link.query))) for link in links]
    assert sum(isinstance(scene, Block) for scene in shown) == 9


def test_number_that_a_step_speaks_of_is_pinned_in_its_view(steps, model, image, block):
    scores, weights = block.scores[HEAD - 1, token(ROW, COLUMN)], block.weights[HEAD - 1, token(ROW, COLUMN)]
    largest = {3: ("scores", scores.argmax()), 4: ("weights", weights.argmax())}  # by step of the block
    with torch.inference_mode():
        best = int(model(as_input(image, model))[0].argmax())
    expected = {
        step: {"array": array, "token": ".".join(str(n + 1) for n in divmod(int(index) - 1, model.grid))}
        for step, (array, index) in largest.items()
    }
    expected[5] = {"array": "contributions", "token": "cls"}
    expected[10] = {"array": "classes", "number": str(best + 1)}
    found = {}
    for step in steps.values():
        scene = scenes.scene(urlsplit(step.link).path, step.state)
        pinned = {name: step.state[name] for name in ("array", "token", "number") if name in step.state}
        if pinned:
            assert isinstance(scene, Block)
            assert scene.compute(step.state) == []  # this block has the number
            found[int(step.state["step"])] = pinned
    assert found == expected


def test_shapes_are_those_of_the_model(steps, model, block):
    heads, tokens, size = block.q.shape
    assert f"{model.grid**2} patches" in steps["An image becomes tokens"].say
    assert f"a token of {block.input.shape[1]} numbers" in steps["An image becomes tokens"].say
    assert f"Each of the {heads} heads" in steps["Query, key and value"].say
    assert f"a value of {size} numbers" in steps["Query, key and value"].say
    assert f"all {tokens} keys" in steps["Who is similar to the query?"].say
    assert f"square root of {size}" in steps["Who is similar to the query?"].say
    assert (
        f"{heads * len(model.blocks)} heads in {len(model.blocks)} blocks" in steps["All heads at once"].say
    )


def test_scores_weights_and_values_are_those_of_the_model(steps, block):
    own, above, left = token(ROW, COLUMN), token(ROW - 1, COLUMN), token(ROW, COLUMN - 1)
    scores, weights = block.scores[HEAD - 1, own], block.weights[HEAD - 1, own]
    assert scores.topk(3).indices.tolist() == [above, left, own]
    note = steps["Who is similar to the query?"].note
    assert f"{scores.max():.2f}, belongs to the patch above" in note
    assert f"The smallest is {scores.min():.2f}" in note
    say = steps["Scores become weights"].say
    shares = [f"{100 * weights[token]:.0f} %" for token in (above, left, own)]
    assert "above gets {} of the weight, the one on the left {}, the patch itself {}.".format(*shares) in say


def test_answer_about_weights_and_contributions_is_that_of_the_model(steps, block):
    step, note = steps[VALUES], " ".join(steps[VALUES].note.split())
    parts = block.weights * block.v.norm(dim=2)[:, None]
    same = parts.argmax(2) == block.weights.argmax(2)
    assert step.answer == ("yes" if bool(same.all()) else "no")
    own, above = token(ROW, COLUMN), token(ROW - 1, COLUMN)
    assert f"In head {HEAD}, which we followed so far, the patch above has both" in note
    assert block.weights[HEAD - 1, own].argmax() == parts[HEAD - 1, own].argmax() == above
    weights, found = block.weights[OTHER_HEAD - 1, own], parts[OTHER_HEAD - 1, own]
    norms = block.v[OTHER_HEAD - 1].norm(dim=1)
    cls, best = 0, int(found.argmax())
    assert weights.argmax() == norms.argmin() == cls
    assert best == token(4, 7)
    words = f"In head {OTHER_HEAD}, CLS has the largest weight, {100 * weights[cls]:.1f} %, "
    assert words + f"but {int((found > found[cls]).sum())} tokens contribute more." in step.say
    assert f"The value of CLS has norm {norms[cls]:.2f}, the shortest of all." in note
    words = (
        f"That of the patch in row 4, column 7 has norm {norms[best]:.2f}: with {100 * weights[best]:.1f} %"
    )
    assert (
        f"{words} of the weight, it contributes the most, {found[best]:.2f} instead of {found[cls]:.2f}."
        in note
    )


def test_answer_about_the_tokens_of_the_classifier_is_that_of_the_model(steps, model, image):
    step = steps["The class is read from one token"]
    output = block_steps(model, image, len(model.blocks) - 1).output
    logits = head_steps(model, output).logits
    read = 0
    for i in range(len(output)):
        changed = output.clone()
        changed[i, 0] += 1
        read += not torch.equal(head_steps(model, changed).logits, logits)
    assert step.answer == str(read)
    assert f"the {len(output)} tokens" in step.question


def test_residual_stream_and_mlp_are_those_of_the_model(steps, block):
    own = token(ROW, COLUMN)
    before, added, after = (part[own] for part in (block.input, block.projected, block.middle))
    cosine = torch.cosine_similarity(before, after, dim=0)
    expected = (
        f"of norm {added.norm():.1f} to a vector of norm {before.norm():.1f}: the sum keeps its direction"
    )
    assert f"{expected}, cosine {cosine:.2f}" in steps["The residual stream"].say
    active = int((block.hidden[own] > 0).sum())
    say = steps["Each token on its own"].say
    assert f"{block.hidden.shape[1]} units. For this token, {active} of them" in say


def test_logits_are_those_of_the_model(steps, model, image):
    with torch.inference_mode():
        logits = model(as_input(image, model))[0]
    last = block_steps(model, image, len(model.blocks) - 1)
    torch.testing.assert_close(head_steps(model, last.output).logits, logits, atol=1e-4, rtol=1e-4)
    classes = load_dataset("cifar10-mini").classes
    (first, second), (best, next_best) = logits.topk(2)
    step = steps["The class is read from one token"]
    assert f"{classes[best]} {first:.3f}, next is {classes[next_best]} with {second:.3f}" in step.say
    assert f"{100 * logits.softmax(0)[best]:.0f} % for {classes[best]}" in step.note
