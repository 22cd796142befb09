"""The attention explorer: hovering, pinned patches, keys, controls, links, snapshots and the brush."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vitcore
from tests.browser.explorer_page import (
    EXPLORER,
    SHOWN,
    cell_position,
    click,
    expect_shown,
    grid_values,
    hover,
    leave_image,
    patch_position,
)
from tests.browser.test_pages import attention_ready
from tests.bundled import VIT
from vitcore.analysis.attention import capture, rollout


def test_hovered_maps_equal_the_weights_of_the_model_without_the_server(visitor, data):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open("attention?class=ship&image=3")
    attention_ready(visitor)
    image = data.test.images[np.flatnonzero(data.test.labels == 8)[2]]
    trace = capture(vitcore.load(VIT), torch.from_numpy(image)[None])
    weights = trace.weights[0]  # [6, 8, 65, 65]
    expect_shown(page, "cls")
    for layer, head in np.ndindex(6, 8):
        assert np.allclose(grid_values(page, layer + 1, head + 1), weights[layer, head, 0, 1:], atol=3e-4)
    visitor.settle()
    count = len(sent)
    for row in range(1, 9):
        for column in range(1, 9):
            hover(page, row, column)
    expect_shown(page, "8.8")
    assert len(sent) == count
    assert np.allclose(grid_values(page, 3, 5), weights[2, 4, 64, 1:], atol=3e-4)
    assert np.allclose(grid_values(page, 3, 9), weights[2, :, 64, 1:].mean(dim=0), atol=3e-4)  # means
    assert np.allclose(grid_values(page, 7, 9), weights[:, :, 64, 1:].mean(dim=(0, 1)), atol=3e-4)
    leave_image(page)
    expect_shown(page, "cls")
    page.get_by_role("button", name="key → queries").click()
    hover(page, 2, 7)
    expect_shown(page, "2.7")
    assert np.allclose(grid_values(page, 4, 2), weights[3, 1, 1:, 15], atol=3e-4)
    assert page.evaluate("document.querySelector('.xp').explorer.maps.masses[1]") == pytest.approx(
        float(weights[0, 1, 0, 15]), abs=3e-4
    )


def test_clicks_pin_two_patches_and_escape_clears_them(visitor, open_explorer):
    page = open_explorer()
    click(page, 3, 4)
    leave_image(page)
    expect_shown(page, "3.4")
    assert "query=3.4" in page.url
    a = grid_values(page, 5, 1)
    click(page, 6, 6)
    leave_image(page)
    expect_shown(page, "difference")
    assert "second=6.6" in page.url
    difference = grid_values(page, 5, 1)
    hover(page, 6, 6)
    expect_shown(page, "6.6")
    assert np.allclose(difference, a - grid_values(page, 5, 1), atol=1e-6)
    expect(page.locator(".xp-large canvas")).to_have_count(2)
    expect(page.locator(".xp-large canvas").last).to_be_visible()
    page.keyboard.press("Escape")
    leave_image(page)
    expect_shown(page, "cls")
    assert "query" not in page.url
    assert "second" not in page.url


def test_head_is_chosen_by_its_map_and_by_its_dot(visitor, open_explorer):
    page = open_explorer()
    frame = page.locator(".xp")
    grid, large = (page.locator(part).bounding_box() for part in (".xp-grid", ".xp-large"))
    assert large["x"] - grid["x"] - grid["width"] < 60  # a low window has no empty space between the maps
    assert large["width"] > 220
    page.mouse.move(*cell_position(page, 2, 7))
    expect(frame).to_have_attribute("data-cell", "2.7")
    page.mouse.click(*cell_position(page, 4, 3))
    leave_image(page)
    expect(frame).to_have_attribute("data-cell", "4.3")
    assert "layer=4" in page.url
    assert "head=3" in page.url
    dot = page.evaluate(
        f"(() => {{ const x = {EXPLORER}, b = x.canvas.plot.getBoundingClientRect();"
        "let best = null, far = 0; x.header.distance.forEach((r, l) => r.forEach((d, h) => { if (d > far) "
        "[far, best] = [d, [b.left + x.plot.px(d), b.top + x.plot.py(x.header.entropy[l][h]),"
        "l + 1, h + 1]]; }));"
        "return best; })()"
    )
    page.mouse.click(dot[0], dot[1])
    leave_image(page)
    expect(frame).to_have_attribute("data-cell", f"{dot[2]}.{dot[3]}")


def test_patch_head_and_map_are_chosen_by_keyboard(visitor, open_explorer):
    page = open_explorer()
    frame = page.locator(".xp")
    page.locator(".xp-image").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, "5.5")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect_shown(page, "4.6")
    page.keyboard.press("[")
    page.keyboard.press(".")
    expect(frame).to_have_attribute("data-cell", "5.2")
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(frame).to_have_attribute("data-cell", "7.2")  # the mean over layers
    page.keyboard.press(",")
    page.keyboard.press(",")
    expect(frame).to_have_attribute("data-cell", "7.9")
    page.keyboard.press("r")
    expect(page.locator(".xp-large-title")).to_contain_text("Rollout")
    assert "map=rollout" in page.url
    page.keyboard.press("c")
    expect_shown(page, "cls")
    expect(page.locator(".xp-live")).to_have_text(re.compile(r"CLS.*Rollout.*\d\.\d"))


def test_rollout_equals_that_of_the_model(visitor, open_explorer, data):
    page = open_explorer("?map=rollout&query=2.3")
    image = data.test.images[np.flatnonzero(data.test.labels == 3)[0]]
    trace = capture(vitcore.load(VIT), torch.from_numpy(image)[None])
    expect_shown(page, "2.3")
    drawn = page.evaluate("Array.from(document.querySelector('.xp').explorer.values[0])")
    assert np.allclose(drawn, rollout(trace.weights)[0, 11, 1:], atol=3e-4)


def test_color_scale_is_shared_per_layer_or_per_map(visitor, open_explorer):
    page = open_explorer()
    maxima = "Array.from(document.querySelector('.xp').explorer.maxima)"
    expect(page.locator(".xp-scale-labels")).to_contain_text("layer")
    assert len(set(page.evaluate(maxima))) == 7
    large = f"[{EXPLORER}.limits[0], Math.max(...{EXPLORER}.values[0])]"
    for scale in ("shared", "layer"):
        page.get_by_role("button", name=scale).click()
        limit, largest = page.evaluate(large)
        assert limit == largest  # the large map has its own scale
    page.get_by_role("button", name="shared").click()
    page.wait_for_function(f"new Set({maxima}).size === 1")
    assert "scale=shared" in page.url
    page.get_by_role("button", name="per map").click()
    expect(page.locator(".xp-scale-labels")).to_contain_text("map")
    assert "scale=map" in page.url


def test_link_shows_the_same_view_in_another_browser(visitor, open_explorer, browser):
    page = open_explorer("?class=dog&image=4")
    click(page, 2, 2)
    page.mouse.click(*cell_position(page, 3, 6))
    page.get_by_role("button", name="key → queries").click()
    page.get_by_role("button", name="positions only").click()
    leave_image(page)
    expect(page.get_by_role("button", name="positions only")).to_have_attribute("aria-pressed", "true")
    visitor.settle()
    expect(page).to_have_url(re.compile("query=2.2"))  # the browser pinned it and wrote it into the address
    link, values = page.url, grid_values(page, 3, 6)
    other = browser.new_page()
    other.goto(link)
    expect(other.locator(SHOWN.format("2.2"))).to_be_visible()
    expect(other.locator(".xp")).to_have_attribute("data-cell", "3.6")
    expect(other.locator(".xp-name")).to_have_text(re.compile("dog.* 4 of 100"))
    assert np.array_equal(grid_values(other, 3, 6), values)
    other.close()


def test_positions_only_shows_the_weights_for_an_image_of_the_mean_color(visitor, open_explorer):
    from vitcore.analysis.inside import positions_only

    page = open_explorer()
    before = page.locator(".xp").get_attribute("data-frame")
    page.get_by_role("button", name="positions only").click()
    expect(page.locator(".xp")).not_to_have_attribute("data-frame", before)
    weights = positions_only(vitcore.load(VIT)).weights[0]
    assert np.allclose(grid_values(page, 2, 2), weights[1, 1, 0, 1:], atol=3e-4)
    page.get_by_role("button", name="image", exact=True).click()
    expect(page.locator(".xp")).to_have_attribute("data-frame", before)


def test_snapshots_are_chosen_and_played(visitor, open_explorer):
    page = open_explorer("?run=vit-cifar10")
    frame, step = page.locator(".xp"), page.locator(".xp-step")
    best = frame.get_attribute("data-frame")
    expect(step).to_contain_text("best")
    page.get_by_role("slider", name="Snapshot").fill("1")
    expect(step).to_contain_text("1,053")
    expect(frame).not_to_have_attribute("data-frame", best)
    visitor.settle()
    assert "snapshot=1053" in page.url
    explorer = "document.querySelector('.xp').explorer"
    assert not page.evaluate(f"{explorer}.header.has_image")  # the browser has it, and draws it again
    assert page.evaluate(f"{explorer}.image.length") == 3 * 32 * 32
    page.evaluate("vitlabFrames.clear(), vitlabImages.clear()")  # as after many others: all is sent again
    page.get_by_role("button", name="Play").click()
    expect(step).to_contain_text("2,457")
    expect(step).to_contain_text("best")
    expect(frame).to_have_attribute("data-frame", best)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    visitor.settle()


def test_painted_image_changes_the_prediction_and_is_part_of_the_link(visitor, open_explorer):
    page = open_explorer()
    before = page.locator(".xp").get_attribute("data-frame")
    page.get_by_role("button", name="Brush").click()
    page.mouse.move(*patch_position(page, 3, 3))
    page.mouse.down()
    page.mouse.move(*patch_position(page, 5, 6), steps=12)
    page.mouse.up()
    expect(page.locator(".xp")).not_to_have_attribute("data-frame", before)
    expect(page.locator(".xp-prediction u")).to_have_count(4)  # probabilities before painting
    painted = page.locator(".xp").get_attribute("data-frame")
    difference = page.evaluate(
        "(() => { const x = document.querySelector('.xp').explorer, i = x.mask.indexOf(1);"
        "const pixel = x.picture.getContext('2d').getImageData(i % 32, Math.floor(i / 32), 1, 1).data;"
        "return x.header.mean.map((v, k) => Math.abs(v - pixel[k])) })()"
    )
    assert max(difference) <= 1  # painted pixels have the mean color, also below a map
    visitor.settle()
    visitor.page.goto(page.url)
    attention_ready(visitor)
    expect(page.locator(".xp")).to_have_attribute("data-frame", painted)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".xp")).to_have_attribute("data-frame", before)
    expect(page.locator(".xp-prediction u")).to_have_count(0)
    page.locator(".xp-image").hover()
    page.keyboard.press("Control+z")  # undoes Clear
    expect(page.locator(".xp")).to_have_attribute("data-frame", painted)


def test_plot_shows_the_heads_over_test_images(visitor, open_explorer):
    page = open_explorer()
    of_one = page.evaluate("document.querySelector('.xp').explorer.header.distance")
    page.get_by_role("button", name="test images", exact=True).click()
    page.wait_for_function("document.querySelector('.xp').explorer.header.count === 200")
    assert page.evaluate("document.querySelector('.xp').explorer.header.distance") != of_one
