"""The Patches page in Chromium: steps by button, key and play; positions by pointer; sizes, links."""

from __future__ import annotations

import re

import numpy as np
import torch
from playwright.sync_api import expect

import vitcore
from tests.made_runs import make_run
from vitcore.data import load_dataset

STEPS = ".steps[data-step='{}']"


def at(page, step):
    expect(page.locator(STEPS.format(step))).to_be_visible()


def test_steps_by_button_by_key_and_by_play(visitor):
    page = visitor.open("patches")
    at(page, 1)
    expect(page.get_by_text("[3, 32, 32]: 32 x 32 pixels in three colours, 3,072 numbers.")).to_be_visible()
    expect(page.get_by_role("button", name="Back")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    at(page, 2)
    page.get_by_role("button", name="3 Sequence").click()
    expect(page.get_by_text("64 tokens of 3 x 4 x 4 = 48")).to_be_visible()
    page.locator(".steps").focus()
    page.keyboard.press("ArrowRight")
    at(page, 4)
    expect(page.get_by_text("[65, 256]: one matrix")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    at(page, 2)
    page.get_by_role("button", name="5 Positions").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Play").click()
    at(page, 1)
    for step in (2, 3, 4, 5):
        at(page, step)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_the_tokens_are_those_of_the_model(visitor):
    page = visitor.open("patches?class=ship&image=2")
    at(page, 1)
    data = load_dataset("cifar10-mini")
    image = torch.from_numpy(data.test.images[np.flatnonzero(data.test.labels == 8)[1]])[None]
    model = vitcore.load("vit-cifar10")
    from vitcore.analysis.attention import as_input

    with torch.inference_mode():
        expected = model.embed(as_input(image))[0].flatten().numpy()
    shown = page.evaluate(
        "(() => { const s = document.querySelector('.steps').stepper;"
        "return Array.from(s.tokens, (v, i) => v + s.positions[i]); })()"
    )
    assert np.allclose(shown, expected, atol=1e-5)


def test_hovering_a_patch_and_a_position_asks_nobody(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open("patches")
    at(page, 1)
    page.wait_for_timeout(1000)
    count = len(sent)
    box = page.locator(".steps canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + (box["height"] - 24) / 2 + 5)
    expect(page.locator(".steps-hover")).to_have_text("Patch 37: row 5, column 5.")
    alike = page.locator(".alike-all")
    alike.scroll_into_view_if_needed()
    box = alike.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.06, box["y"] + box["height"] * 0.19)
    expect(page.locator(".alike")).to_have_attribute("data-chosen", "8")
    expect(page.get_by_text("The position of row 2, column 1 is most like that of row")).to_be_visible()
    alike.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".alike")).to_have_attribute("data-chosen", "9")
    assert len(sent) == count


def test_patch_size_changes_the_sequence_and_the_address(visitor):
    page = visitor.open("patches")
    page.get_by_role("radio", name="16").click()
    expect(page.locator(".steps[data-tokens='4']")).to_be_visible()
    page.get_by_role("button", name="3 Sequence").click()
    expect(page.get_by_text(re.compile("4 tokens of 3 . 16 . 16 = 768"))).to_be_visible()
    page.get_by_role("button", name="4 Projection").click()
    expect(page.get_by_text("choose 4 to see its tokens")).to_be_visible()
    assert "patch=16" in page.url
    visitor.open("patches?patch=2")
    expect(page.locator(".steps[data-tokens='256']")).to_be_visible()


def test_a_model_without_positions_and_cls_says_so(visitor, server):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(server.home / "runs", "placeless", model="vit", position="none", pool="mean", **small)
    page = visitor.open(f"patches?run={run.id}")
    expect(page.locator(".steps[data-tokens='16']")).to_be_visible()
    page.get_by_role("button", name="4 Projection").click()
    expect(page.get_by_text("[16, 16]: one matrix")).to_be_visible()
    expect(page.get_by_text("it does not know where a patch was")).to_be_visible()
