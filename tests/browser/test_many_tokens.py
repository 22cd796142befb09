"""The explorer of a model with so many tokens that the browser asks the server for each of them."""

from __future__ import annotations

import re

import numpy as np
import torch
from playwright.sync_api import expect

from tests.browser.explorer_page import expect_shown, grid_values, patch_position
from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.data import load_dataset
from vitcore.models import load_run

# 1,025 tokens: 25 MB of weights
MANY = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 6, "patch_size": 1}


def test_another_patch_is_sent_alone_and_equals_the_weights_of_the_model(visitor, server):
    run = make_run(server.home / "runs", "Many tokens", model="vit", **MANY)
    received = []
    visitor.page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: received.append(frame)))
    page = visitor.open(f"attention?run={run.id}&class=ship&image=2")
    expect_shown(page, "cls")
    expect(page.locator(".st-key-figure_lens .js-plotly-plot .main-svg").first).to_be_visible()
    for name in ("Rollout", "HTML"):
        button = page.locator(".xp").get_by_role("button", name=name, exact=True)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", re.compile("tokens"))
    visitor.settle()
    assert any(b"figure_lens" in part for part in received if isinstance(part, bytes))
    received.clear()
    page.mouse.click(*patch_position(page, 3, 7, side=32))
    expect_shown(page, "3.7")
    expect(page.locator(".xp.waiting")).to_have_count(0)
    visitor.settle()
    assert received
    assert not any(b"figure_lens" in part for part in received if isinstance(part, bytes))
    mini = load_dataset("cifar10-mini").test
    image = mini.images[np.flatnonzero(mini.labels == 8)[1]]
    weights = capture(load_run(run), torch.from_numpy(image)[None]).weights[0]
    token = 1 + 2 * 32 + 6
    assert np.allclose(grid_values(page, 5, 2), weights[4, 1, token, 1:], atol=3e-4)


def test_painted_image_of_many_tokens_is_computed_again(visitor, server):
    run = make_run(server.home / "runs", "Many tokens", model="vit", **MANY)
    page = visitor.open(f"attention?run={run.id}")
    expect_shown(page, "cls")
    before = page.locator(".xp").get_attribute("data-frame")
    page.get_by_role("button", name="Brush").click()
    page.mouse.click(*patch_position(page, 10, 10, side=32))
    expect(page.locator(f".xp:not([data-frame='{before}']):not(.waiting)")).to_have_count(1)
    expect(page.get_by_text("was").first).to_be_visible()


def test_side_by_side_gets_one_token_of_both_images_at_a_time(visitor, server):
    run = make_run(server.home / "runs", "Many tokens", model="vit", **MANY)
    link = f"attention?view=Side+by+side&run={run.id}&class=ship&image=2&right_class=ship&right_image=3"
    page = visitor.open(f"{link}&layer=5&head=2")
    expect(page.locator(".pair[data-shown='0 0']")).to_be_visible()
    expect(page.locator(".pair").get_by_role("button", name="HTML")).to_be_disabled()
    box = page.locator(".pair-image").nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 6.5 / 32, box["y"] + box["height"] * 2.5 / 32)
    token = 1 + 2 * 32 + 6
    expect(page.locator(f".pair[data-shown='{token} {token}']")).to_be_visible()
    page.wait_for_url(re.compile(r"query=3\.7"))
    values = page.evaluate("document.querySelector('.pair').pair.values.map((one) => [...one])")
    mini = load_dataset("cifar10-mini").test
    images = mini.images[np.flatnonzero(mini.labels == 8)[[1, 2]]]
    weights = capture(load_run(run), torch.from_numpy(images)).weights
    assert np.allclose(values, weights[:, 4, 1, token, 1:], atol=3e-4)
