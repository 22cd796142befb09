"""The stepper through one block of a ViT: steps, pointer, keys, links and file."""

from __future__ import annotations

import math
import re
import statistics

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vitcore
from tests.browser.steppers import BLOCK, reading
from tests.browser.test_standalone import offline  # noqa: F401
from tests.bundled import VIT
from vitcore.analysis.block_steps import block_steps

VIEW, expect_state, point = BLOCK.view, BLOCK.expect_state, BLOCK.point
STEPPER = BLOCK.script


def show_terms(page, step):
    """Show a step, and wait until the weights of the number that is written out are there."""
    page.locator(".inside ol button").nth(step - 1).click()
    expect_state(page, step=step)
    page.wait_for_function(f"{STEPPER}.sum.weights")


def test_ten_steps_by_button_and_by_key(visitor):
    page = visitor.open(VIEW)
    expect_state(page, step=1, layer=6)
    back, onward = (page.get_by_role("button", name=name, exact=True) for name in ("Back", "Next"))
    expect(back).to_be_disabled()
    for step in range(2, 11):
        onward.click()
        expect_state(page, step=step)
    expect(onward).to_be_disabled()
    expect(page.locator(".inside ol [aria-current='step']")).to_have_text("10 Classifier")
    page.get_by_role("button", name="3 Scores").click()
    page.locator(".inside").focus()
    page.keyboard.press("ArrowRight")
    expect_state(page, step=4)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect_state(page, step=2)


STEPS = [  # step, panel, place in it, and what is written out
    (1, "input", r"channel \d+ of 256: \(.*\) / .* = "),
    (2, "k", r"number \d+ of 32 of its key in head 1: "),
    (3, "scores", r"q · k = .*29 smaller terms\) = .*; divided by √32: "),
    (4, "weights", r"exp\(.*\) / .* = .*\s%"),
    (5, "v", r"weight .*\s% × norm .* of all norms"),
    (6, "projected", r"channel \d+ of 256: .*\(253 smaller terms\) .*\(offset\) = "),
    (7, "sum1", r"channel \d+ of 256: .* \(attention\) = "),
    (8, "active", r"unit \d+: .*\(offset\) = .*; GELU\(.*\) = "),
    (9, "sum2", r"channel \d+ of 256: .* \(MLP\) = "),
    (10, "classes", r"\w+: .*smaller terms\) .*\(offset\) = .*; softmax .*\s%"),
]


def test_pointer_writes_out_a_number_of_every_step_without_the_server(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open(f"{VIEW}&step=8")  # with the patches of units, which only this step needs
    expect_state(page, step=8)
    for step in (2, 6, 9, 8):
        show_terms(page, step)
    visitor.settle()
    count = len(sent)
    for step, panel, words in STEPS:
        page.locator(".inside ol button").nth(step - 1).click()
        expect_state(page, step=step)
        texts = set()
        for x, y in ((0.31, 0.25), (0.77, 0.85)):
            point(page, panel, x, y)
            expect(reading(page)).to_have_text(re.compile(words))
            if step != 10:
                expect(reading(page)).not_to_have_text(next(iter(texts), "nothing"))
            texts.add(reading(page).inner_text())
    point(page, "image", 0.1, 0.1)
    for _ in range(6):
        page.mouse.move(*point(page, "pooled", 0.2))
        page.mouse.move(*point(page, "pooled", 0.8))
    assert len(sent) == count
    times = page.evaluate(f"{STEPPER}.times.slice(-20)")
    assert statistics.median(times) < 16


def test_patches_of_units_arrive_when_their_step_is_opened(visitor):
    page = visitor.open(f"{VIEW}&layer=2&step=7")
    expect_state(page, step=7)
    assert page.evaluate(f"{STEPPER}.block.header.units.length") == 0
    page.get_by_role("button", name="8 MLP").click()
    page.wait_for_function(f"{STEPPER}.block.header.units.length > 0")
    expect_state(page, step=8, layer=2)
    page.get_by_role("button", name="9 Output").click()
    expect_state(page, step=9, layer=2)


def test_score_and_logit_are_those_of_the_model(visitor, data):
    model = vitcore.load(VIT)
    image = data.test.images[np.flatnonzero(data.test.labels == data.classes.index("ship"))[1]]
    image = torch.from_numpy(image[None].copy())
    page = visitor.open(f"{VIEW}&class=ship&image=2&layer=3&head=5&query=2.3&step=3")
    expect_state(page, step=3, layer=3, head=5, query="2.3")
    point(page, "image", 0.95, 0.95)  # the last patch
    text = reading(page)
    expect(text).to_have_text(re.compile("^Row 8, column 8"))
    expected = block_steps(model, image, 2).scores[4, 1 + 8 + 2, 64]
    shown = text.inner_text().rstrip(".").replace("\u2212", "-").rsplit(" ", 1)[1]
    assert float(shown) == pytest.approx(float(expected), abs=6e-4)
    page.get_by_role("button", name="10 Classifier").click()  # loads the last block
    expect_state(page, step=10, layer=6)
    with torch.inference_mode():
        from vitcore.analysis.attention import as_input

        logits = model(as_input(image, model))[0]
    assert page.evaluate(f"Array.from({STEPPER}.block.logits)") == pytest.approx(logits.tolist(), abs=1e-5)


def numbers_of(text):
    """Return the terms of a sum that is written out, and its value."""
    written, value = text.replace("\u2212", "-").split(": ", 1)[1].rstrip(".").split(" = ")
    written = re.sub(r" \((?:\d+ smaller terms|offset)\)", "", written).replace("- ", "+ -")
    products = [[float(part.strip("()")) for part in term.split(" \u00d7 ")] for term in written.split(" + ")]
    return [math.prod(product) for product in products], float(value)


@pytest.mark.parametrize(("step", "panel"), [(2, "k row"), (6, "projected row")])
def test_number_that_is_pointed_at_is_the_sum_of_the_terms_next_to_it(visitor, data, step, panel):
    page = visitor.open(f"{VIEW}&class=ship&image=2&layer=3&head=5&query=2.3")
    expect_state(page, step=1, layer=3)
    show_terms(page, step)
    point(page, panel, 0.3)
    expect(reading(page)).to_have_text(re.compile(r"\(offset\) = "))
    terms, value = numbers_of(reading(page).inner_text())
    assert sum(terms) == pytest.approx(value, abs=5e-3)  # each term is rounded to three decimals
    shown = page.evaluate(f"{STEPPER}.layout.panels.find((one) => one.id === 'terms').items")
    assert sum(item["value"] for item in shown[:-1]) == pytest.approx(shown[-1]["value"], abs=1e-5)
    image = data.test.images[np.flatnonzero(data.test.labels == data.classes.index("ship"))[1]]
    block = vitcore.load(VIT).blocks[2]
    steps = block_steps(vitcore.load(VIT), torch.from_numpy(image[None].copy()), 2)
    token, row = page.evaluate(f"[{STEPPER}.sum.token, {STEPPER}.sum.row]")
    layer = (block.attn.in_proj_weight, block.attn.in_proj_bias)
    inputs = steps.attention_input
    if step == 6:
        layer, inputs = (block.attn.out_proj.weight, block.attn.out_proj.bias), steps.joined
    with torch.inference_mode():
        expected = torch.nn.functional.linear(inputs[token], *layer)[row]
    assert shown[-1]["value"] == pytest.approx(float(expected), rel=1e-5, abs=1e-5)
    assert value == pytest.approx(float(expected), abs=6e-4)


def test_link_and_file_repeat_the_number_that_was_clicked(visitor, offline, tmp_path):  # noqa: F811
    page = visitor.open(f"{VIEW}&layer=3&query=2.3&step=7")
    expect_state(page, step=7, layer=3)
    place = point(page, "mlpInput", 0.808, 0.33)
    written = re.compile(r"^Row 7, column [345], channel 8\d of 256: \(.* mean .*variance .* = ")
    expect(reading(page)).to_have_text(written)
    text = reading(page).inner_text()
    page.mouse.click(*place)  # pins what the pointer shows: a pixel has two channels
    point(page, "input", 0.1, 0.1)  # only while the pointer is there
    expect(reading(page)).not_to_have_text(text)
    page.mouse.move(5, 5)
    expect(reading(page)).to_have_text(text)
    # in any order: the number alone may have been written while the pointer was there
    page.wait_for_url(re.compile(r"(?=.*array=mlpInput)(?=.*token=7\.[345])(?=.*number=8\d)"))
    visitor.settle()
    page.reload()
    expect(reading(page)).to_have_text(text)
    with page.expect_download() as got:
        page.locator(".inside .files").get_by_role("button", name="HTML").click()
    path = tmp_path / "number.html"
    got.value.save_as(path)
    offline.goto(path.as_uri())
    expect(reading(offline)).to_have_text(text)
    page.get_by_role("button", name="8 MLP").click()
    expect_state(page, step=8)
    page.wait_for_function("!location.search.includes('number=')")


def test_link_repeats_token_block_head_step_and_temperature(visitor):
    page = visitor.open(f"{VIEW}&layer=1")
    expect_state(page, step=1, layer=1)
    page.mouse.click(*point(page, "image", 0.4, 0.3))  # row 3, column 4
    expect_state(page, query="3.4")
    page.locator(".inside").focus()
    page.keyboard.press(".")
    page.keyboard.press("]")
    expect_state(page, layer=2, head=2)
    page.keyboard.press("Shift+ArrowDown")
    expect_state(page, query="4.4")
    page.get_by_role("button", name="4 Softmax").click()
    page.get_by_role("slider", name="Temperature of the softmax").fill("0.5")
    expect(page.locator(".inside-temperature output")).to_have_text("3.160, not the model's")
    expect(page.locator(".inside-text")).to_contain_text("not the model's")
    visitor.settle()
    page.reload()
    expect_state(page, step=4, layer=2, head=2, query="4.4")
    expect(page.locator(".inside-temperature output")).to_have_text("3.160, not the model's")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(".inside-temperature output")).to_have_text("1, the model's")
    page.get_by_text("Maps", exact=True).click()  # the explorer has the same patch, layer and head
    expect(page.locator(".xp[data-shown='4.4']")).to_be_visible()
    expect(page.locator(".xp-large-title")).to_have_text("Layer 2, head 2")


def test_next_step_after_the_output_is_the_next_block(visitor):
    page = visitor.open(f"{VIEW}&layer=5&step=9")
    expect_state(page, step=9, layer=5)
    onward = page.locator("[data-do='next']")
    expect(onward).to_have_text("Block 6")
    onward.click()
    expect_state(page, step=1, layer=6)


def test_playing_continues_in_the_next_block(visitor):
    page = visitor.open(f"{VIEW}&layer=5&step=9")
    expect_state(page, step=9, layer=5)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".inside[data-layer='6'][data-step='2'][data-playing='true']")).to_be_visible(
        timeout=30_000
    )


def test_classifier_of_an_earlier_block_is_one_step_of_the_history(visitor):
    page = visitor.open(f"{VIEW}&layer=2&head=3&query=3.4&step=3")
    expect_state(page, step=3, layer=2)
    page.get_by_role("button", name="10 Classifier").click()
    expect_state(page, step=10, layer=6)
    visitor.settle()
    page.go_back()
    expect_state(page, step=3, layer=2, head=3, query="3.4")
    visitor.settle()
    page.go_forward()
    expect_state(page, step=10, layer=6, head=3, query="3.4")


def test_file_of_the_view_works_without_a_network(visitor, offline, tmp_path):  # noqa: F811
    page = visitor.open(f"{VIEW}&layer=2&step=4&query=3.3")
    expect_state(page, step=4, layer=2)
    with page.expect_download() as got:
        page.locator(".inside .files").get_by_role("button", name="HTML").click()
    path = tmp_path / "block.html"
    got.value.save_as(path)
    assert path.stat().st_size < 5e6
    offline.goto(path.as_uri())
    expect_state(offline, step=4, layer=2, query="3.3")
    offline.locator(".inside").focus()
    offline.keyboard.press("ArrowRight")
    expect_state(offline, step=5)
    point(offline, "v", 0.3, 0.5)
    expect(reading(offline)).to_contain_text("of all norms")
    show_terms(offline, 6)
    point(offline, "projected row", 0.7)
    expect(reading(offline)).to_have_text(re.compile(r"\(offset\) = "))
    expect(offline.get_by_role("button", name="10 Classifier")).to_be_disabled()  # needs another block
