"""The stepper through one convolution of a ResNet: steps, pointer, keys, links and file."""

from __future__ import annotations

import re
import statistics

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vitcore
from tests.browser.steppers import CONVOLUTION, reading
from tests.browser.test_standalone import offline  # noqa: F401
from tests.browser.views import VIEWS
from vitcore.analysis.convolution_steps import convolution_steps, window

VIEW, expect_state, point = CONVOLUTION.view, CONVOLUTION.expect_state, CONVOLUTION.point
STEPPER = CONVOLUTION.script


def choose(page, kind):
    page.get_by_role("button", name=re.compile(rf"^\d {kind}$")).click()


def test_steps_lead_from_the_first_convolution_to_the_first_block(visitor):
    page = visitor.open(VIEW)
    expect_state(page, step=1, block=0, kind="window")
    back, onward = page.locator("[data-do='back']"), page.locator("[data-do='next']")
    expect(back).to_be_disabled()
    for kind in ("kernel", "products", "sum", "norm", "relu"):
        onward.click()
        expect_state(page, kind=kind)
    expect(onward).to_have_text("Block 1")
    onward.click()
    expect_state(page, block=1, convolution=1, step=1)
    page.locator(".convolution").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect_state(page, block=1, convolution=2, step=1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect_state(page, convolution=2, step=1)


STEPS = [  # kind, panel, two places in it, and what is written out
    ("Window", "reads", (0.2, 0.2), (0.7, 0.6), r"^Input channel \d+, row \d+, column \d+: "),
    ("Kernel", "kernel", (0.1, 0.1), (0.5, 0.4), r"^Weight of input channel \d+ at row \d, column \d"),
    ("Products", "grid values", (0.1, 0.1), (0.9, 0.9), r" × .* = "),
    ("Sum", "rows", (0.5, 0.05), (0.5, 0.3), r"6 smaller terms\) = .*all 64 channels: "),
    ("Batch norm", "before", (0.1, 0.1), (0.8, 0.8), r"channel 1: \(.*\) / .* × .* = "),
    ("Residual", "sum", (0.1, 0.1), (0.8, 0.8), r"channel 1: .* \(shortcut\) = "),
    ("ReLU", "after", (0.1, 0.1), (0.8, 0.8), r"channel 1: max\(0, .*\) = "),
    (
        "Classifier",
        "classes",
        (0.5, 0.05),
        (0.5, 0.95),
        r"^\w+: .*smaller terms\) .*\(offset\) = .*; softmax .*\s%",
    ),
]


def test_pointer_writes_out_a_number_of_every_step_without_the_server(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open(f"{VIEW}&block=9&convolution=2")
    expect_state(page, step=1, block=9)
    visitor.settle()
    count = len(sent)
    for kind, panel, first, second, words in STEPS:
        choose(page, kind)
        point(page, panel, *first)
        expect(reading(page)).to_have_text(re.compile(words))
        before = reading(page).inner_text()
        point(page, panel, *second)
        expect(reading(page)).not_to_have_text(before)
        expect(reading(page)).to_have_text(re.compile(words))
    choose(page, "Window")
    page.evaluate(f"{STEPPER}.times.length = 0")
    for step in range(12):
        point(page, "image", 0.1 + 0.07 * step, 0.5)
    assert len(sent) == count
    assert statistics.median(page.evaluate(f"{STEPPER}.times")) < 16


def test_numbers_are_those_of_the_model(visitor, data):
    model = vitcore.load("resnet-cifar10")
    image = data.test.images[np.flatnonzero(data.test.labels == data.classes.index("ship"))[1]]
    image = torch.from_numpy(image[None].copy())
    page = visitor.open(f"{VIEW}&class=ship&image=2&block=4&channel=5&position=16.1&step=4")
    expect_state(page, block=4, channel=5, position="16.1", kind="sum")
    convolution = convolution_steps(model, image, 4).convolutions[0]
    at = window(convolution, 4, 15, 0)
    assert page.evaluate(f"{STEPPER}.at.total") == pytest.approx(
        float(convolution.output[4, 15, 0]), abs=1e-5
    )
    assert page.evaluate(f"Array.from({STEPPER}.at.sums)") == pytest.approx(at.sums.tolist(), abs=1e-5)
    shown = reading(page).inner_text().rstrip(".").replace("\u2212", "-").rsplit(" ", 1)[1]
    assert float(shown) == pytest.approx(float(at.total), abs=6e-4)


def test_link_repeats_block_convolution_channel_position_and_step(visitor):
    page = visitor.open(VIEW)
    expect_state(page, block=0, position="17.17")
    page.mouse.click(*point(page, "image", 0.11, 0.05))  # row 2, column 4 of 32
    expect_state(page, position="2.4")
    page.locator(".convolution").focus()
    page.keyboard.press("]")
    expect_state(page, block=1, position="2.4")
    page.keyboard.press("c")
    page.keyboard.press(".")
    page.keyboard.press("Shift+ArrowDown")
    expect_state(page, convolution=2, channel=2, position="3.4")
    choose(page, "Residual")
    expect_state(page, kind="residual")
    visitor.settle()
    page.reload()
    expect_state(page, block=1, convolution=2, channel=2, position="3.4", kind="residual")
    page.get_by_role("button", name="Block 4", exact=True).click()  # has half the resolution
    expect_state(page, block=4, convolution=2, position="2.2", kind="residual")


def test_channel_is_chosen_in_the_picture_of_all_channels(visitor):
    page = visitor.open(f"{VIEW}&step=2")
    expect_state(page, kind="kernel", channel=1)
    page.mouse.click(*point(page, "outputs", 0.95, 0.05))
    expect_state(page, channel=4)
    expect(page.locator(".inside-channel")).to_have_text("4 of 16")


def test_other_model_keeps_the_view_inside(visitor):
    page = visitor.open("attention?view=Inside+a+block&run=vit-cifar10")
    expect(page.locator(".inside[data-layer]")).to_be_visible()
    page = visitor.open("attention?view=Inside+a+block&run=resnet-cifar10")
    expect_state(page, step=1)
    page.get_by_text("Class maps", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which regions support a class?")


def test_file_of_the_view_works_without_a_network(visitor, offline, tmp_path):  # noqa: F811
    page = visitor.open(f"{VIEW}&block=2&channel=3&position=4.5&step=3")
    expect_state(page, block=2, step=3)
    with page.expect_download() as got:
        page.locator(".convolution .files").get_by_role("button", name="HTML").click()
    path = tmp_path / "convolution.html"
    got.value.save_as(path)
    assert path.stat().st_size < 1.5e6
    offline.goto(path.as_uri())
    expect_state(offline, block=2, step=3, channel=3, position="4.5")
    offline.locator(".convolution").focus()
    offline.keyboard.press("ArrowRight")
    expect_state(offline, kind="sum")
    offline.get_by_role("button", name="Convolution 2").click()
    expect_state(offline, convolution=2)
    point(offline, "rows", 0.5, 0.1)
    expect(reading(offline)).to_contain_text("smaller terms")


@pytest.mark.parametrize(
    ("link", "position"),
    [
        ("query=3.4", "11.15"),  # the middle of the patch, 4 pixels wide
        ("query=3.4&position=5.6", "5.6"),
        ("", "17.17"),  # CLS has no place
    ],
)
def test_convolution_next_to_a_block_begins_at_its_patch(visitor, link, position):
    page = visitor.open(f"{VIEWS['a block and a convolution']}&beside=resnet-cifar10&run=vit-cifar10&{link}")
    expect(page.locator(".convolution")).to_have_attribute("data-position", position, timeout=60_000)


def test_position_stays_when_cls_is_chosen_and_the_page_is_loaded_again(visitor):
    page = visitor.open(f"{VIEWS['a block and a convolution']}&beside=resnet-cifar10&query=3.4")
    convolution = page.locator(".convolution")
    expect(convolution).to_have_attribute("data-position", "11.15", timeout=60_000)
    page.get_by_role("button", name="CLS", exact=True).click()
    page.wait_for_url(re.compile(r"position=11\.15"))
    page.reload()
    expect(convolution).to_have_attribute("data-position", "11.15", timeout=60_000)


def test_two_steppers_keep_their_steps_apart(visitor):
    page = visitor.open(f"{VIEWS['a block and a convolution']}&beside=resnet-cifar10")
    block, convolution = page.locator(".inside:not(.convolution)"), page.locator(".convolution")
    expect(block).to_have_attribute("data-step", "5", timeout=60_000)
    expect(convolution).to_have_attribute("data-step", "4", timeout=60_000)
    convolution.locator('[data-do="next"]').click()
    expect(convolution).to_have_attribute("data-step", "5")
    block.locator('[data-do="next"]').click()
    expect(block).to_have_attribute("data-step", "6")
    page.evaluate("document.querySelector('.inside:not(.convolution)').stepper.set({ query: 1 + 8 * 1 + 5 })")
    expect(convolution).to_have_attribute("data-position", "7.23")  # the middle of patch 2.6, 4 pixels wide
    page.wait_for_url(re.compile(r"(?=.*[?&]step=6)(?=.*convolution_step=5)"))
    assert "position=" not in page.url
    page.reload()
    expect(convolution).to_have_attribute("data-position", "7.23", timeout=60_000)
    expect(convolution).to_have_attribute("data-step", "5", timeout=60_000)
    expect(block).to_have_attribute("data-step", "6", timeout=60_000)
