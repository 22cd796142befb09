"""The view of token features: the pointer, its switches, its link, large models, and the file from disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import expect

import vitcore
from tests.browser.explorer_page import hover, patch_position
from tests.bundled import VIT
from tests.made_runs import make_run
from vitcore.analysis.attention import capture
from vitcore.data import load_dataset

VALUES = "Array.from(document.querySelector('.features').view.values)"


def stream(number=0):
    """Return the tokens after every block for a bundled image of a ship. [L + 1, T, D]"""
    mini = load_dataset("cifar10-mini").test
    image = mini.images[np.flatnonzero(mini.labels == 8)[number]]
    return capture(vitcore.load(VIT), torch.from_numpy(image)[None]).hidden[0]


def test_hovered_similarities_equal_those_of_the_model_without_the_server(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page = visitor.open("attention?view=Token+features&class=ship&layer=4")
    shown = page.locator(".features")
    expect(shown).to_have_attribute("data-shown", "cls")
    expect(page.locator(".st-key-figure_sinks .main-svg").first).to_be_visible()
    visitor.settle()
    count, hidden = len(sent), stream()
    hover(page, 3, 5)
    expect(shown).to_have_attribute("data-shown", "3.5")
    expected = F.cosine_similarity(hidden[4], hidden[4, 1 + 2 * 8 + 4][None], dim=-1)
    assert np.allclose(page.evaluate(VALUES), expected, atol=1e-3)
    page.mouse.click(*patch_position(page, 3, 5))
    large = page.locator(".xp-large canvas").bounding_box()
    page.mouse.move(large["x"] + 1.5 / 8 * large["width"], large["y"] + 6.5 / 8 * large["height"])
    expect(shown).to_have_attribute("data-patch", "7.2")
    value = f"{expected[1 + 6 * 8 + 1]:.2f}".replace("-", "\u2212")
    expect(page.locator(".xp-reading")).to_contain_text(f"{value} at row 7, column 2")
    page.get_by_role("button", name="norm", exact=True).click()
    expect(shown).to_have_attribute("data-feature", "norm")
    assert np.allclose(page.evaluate(VALUES), hidden[4].norm(dim=-1), rtol=1e-4)
    page.keyboard.press("]")
    expect(shown).to_have_attribute("data-point", "5")
    for part in ("query=3.5", "layer=5", "feature=norm"):
        assert part in page.url
    assert len(sent) == count


def test_layer_of_a_large_model_is_loaded_when_it_is_chosen(visitor, server):
    # 11 points x 1,024 patches x 384 channels: 8.7 MB
    sizes = {"embed_dim": 384, "hidden_dim": 16, "num_heads": 1, "num_layers": 9, "patch_size": 1}
    run = make_run(server.home / "runs", "Large features", model="vit", **sizes)
    page = visitor.open(f"attention?view=Token+features&run={run.id}&query=1.1")
    shown = page.locator(".features[data-frame]")
    expect(shown).to_be_visible()
    loaded = "[...document.querySelector('.features').view.features.keys()].join()"
    assert page.evaluate(loaded) == "9"
    visitor.settle()
    page.locator(".xp-image").focus()
    page.keyboard.press("[")
    page.wait_for_function(f"{loaded} === '9,8'")
    expect(shown).to_have_attribute("data-point", "8")
    values = page.evaluate(VALUES)
    assert values[1] == pytest.approx(1, abs=1e-3)
    assert "layer=8" in page.url


@pytest.fixture
def offline(browser):
    """Return a page without a network. The test fails on errors and requests."""
    context = browser.new_context(offline=True)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: request.url.startswith("http") and faults.append(request.url))
    yield page
    context.close()
    assert not faults


def test_file_works_from_disk_with_all_layers(visitor, offline, tmp_path):
    page = visitor.open("attention?view=Token+features&class=ship&query=2.2&feature=components")
    expect(page.locator(".features[data-frame]")).to_be_visible()
    visitor.settle()
    with page.expect_download() as caught:
        page.get_by_role("button", name="HTML", exact=True).click()
    file = tmp_path / "features.html"
    caught.value.save_as(file)
    page = offline
    page.goto(file.as_uri())
    shown = page.locator(".features[data-frame]")
    expect(shown).to_have_attribute("data-feature", "components")
    expect(shown).to_have_attribute("data-shown", "2.2")
    page.get_by_role("button", name="similarity", exact=True).click()
    page.mouse.move(*patch_position(page, 5, 6))
    expect(shown).to_have_attribute("data-shown", "5.6")
    hidden = stream()
    expected = F.cosine_similarity(hidden[6], hidden[6, 1 + 4 * 8 + 5][None], dim=-1)
    assert np.allclose(page.evaluate(VALUES), expected, atol=1e-3)
