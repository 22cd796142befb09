"""The Attention page around the explorer: images, class maps, downloads, visitors, other ViTs."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from dashboard.shared import model_outputs
from tests.browser.conftest import Visitor
from tests.browser.explorer_page import (
    EXPLORER,
    click,
    expect_shown,
    grid_values,
    patch_position,
)
from tests.browser.test_pages import attention_ready, upload
from tests.made_runs import make_run
from tests.uploads import png
from tests.waiting import until
from vitcore.analysis.attention import capture
from vitcore.models import load_run


def test_images_are_chosen_by_the_predictions_of_the_model(visitor, open_explorer, server, data):
    """A small model, because it has to read all test images."""
    small = {"patch_size": 8, "num_layers": 1, "num_heads": 2, "embed_dim": 16, "hidden_dim": 16}
    run = make_run(server.home / "runs", "small", model="vit", seed=3, **small)
    page = open_explorer(f"?run={run.id}&class=misclassified&image=2")
    top = page.locator(".xp-class").first
    expect(page.locator(".xp-name")).to_have_text(re.compile(r"misclassified.*\b2 of \d+"))
    expect(top.locator(".true")).to_have_count(0)
    open_explorer(f"?run={run.id}&class=surest")
    probabilities = model_outputs.predictions(run, data)
    highest = probabilities.max()
    expect(top).to_contain_text(data.classes[probabilities[probabilities.max(axis=1).argmax()].argmax()])
    expect(top).to_contain_text(re.compile(rf"{100 * highest:.0f}(\.\d)? %"))


def test_class_maps_of_both_models_are_shown(visitor, open_explorer):
    page = open_explorer("?speaks=dog&minus=cat")
    expect(page.get_by_role("img", name=re.compile("dog.*cat"))).to_have_count(2)
    expect(page.get_by_role("img", name=re.compile(r"stage 3 of 3.*dog"))).to_be_visible()
    expect(page.locator(".st-key-figure_lens .js-plotly-plot")).to_be_visible()
    open_explorer("?speaks=dog&stage=1")
    expect(page.get_by_role("img", name=re.compile(r"ResNet.*stage 1 of 3.*dog"))).to_be_visible()


@pytest.mark.slow
def test_method_is_chosen_with_the_keyboard_and_its_checks_are_in_the_link(visitor):
    page = visitor.open("attention?view=Class+maps&beside_method=occlusion&set_windows=4")
    expect(page.get_by_role("img", name=re.compile("ResNet: Occlusion"))).to_be_visible()
    method = page.locator(".st-key-method").get_by_role("combobox")
    method.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("Attention roll")
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name=re.compile("ViT: Attention rollout"))).to_be_visible()
    page.locator(".st-key-check").locator("input").focus()
    page.keyboard.press("Space")
    expect(page.locator(".st-key-figure_deletion .js-plotly-plot")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name=re.compile("random weights"))).to_have_count(2)
    until(lambda: "check=true" in page.url, seconds=10)
    assert "method=rollout" in page.url
    areas = page.locator("table").filter(has_text="area under the curve").inner_text()
    visitor.open(page.url.removeprefix(visitor.url).lstrip("/"))
    expect(page.get_by_role("img", name=re.compile("ViT: Attention rollout, random weights"))).to_be_visible()
    table = page.locator("table").filter(has_text="area under the curve")
    until(lambda: table.inner_text() == areas)


def test_view_is_downloaded_as_png_svg_and_arrays(visitor, open_explorer, data):
    page = open_explorer("?query=2.2")
    with page.expect_download() as caught:
        page.locator(".xp").get_by_role("button", name="PNG").click()
    with Image.open(caught.value.path()) as picture:
        assert picture.width > 2400
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 100
    with page.expect_download() as caught:
        page.locator(".xp").get_by_role("button", name="SVG").click()
    root = xml.etree.ElementTree.parse(caught.value.path()).getroot()
    assert len(root.findall(".//{*}image")) == 63 + 2 + 2  # maps, image, large map and two color scales
    with page.expect_download() as caught:
        page.get_by_role("button", name=re.compile(r"\.npz")).click()
    found = np.load(io.BytesIO(caught.value.path().read_bytes()))
    image = data.test.images[np.flatnonzero(data.test.labels == 3)[0]]
    assert np.array_equal(found["image"], image)
    assert found["weights"].shape == (6, 8, 65, 65)


def test_two_visitors_see_separate_images(visitor, open_explorer, server, browser):
    page = open_explorer("?class=frog")
    context = browser.new_context()
    other = Visitor(context.new_page(), server.url)
    other.open("attention?class=truck")
    attention_ready(other)
    for one, kind in ((page, "frog"), (other.page, "truck"), (page, "frog")):
        click(one, 4, 4)
        expect(one.locator(".xp-name")).to_contain_text(kind)
        assert one.evaluate("document.querySelector('.xp').explorer.header.name").startswith(kind)
    frames = [window.locator(".xp").get_attribute("data-frame") for window in (page, other.page)]
    assert frames[0] != frames[1]
    other.check()
    context.close()


def test_uploaded_image_is_explored_and_not_part_of_the_link(visitor, open_explorer):
    page = open_explorer()
    upload(page, "blue.png", png())
    expect(page.locator(".xp-name")).to_have_text("blue.png, center square")
    assert "blue" not in page.url
    visitor.settle()
    expect(page.locator('input[type="file"]')).to_have_count(0)  # the popover is closed
    before = page.locator(".xp").get_attribute("data-frame")
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("radio", name="Whole image").click()
    expect(page.locator(".xp")).not_to_have_attribute("data-frame", before)
    expect(page.get_by_role("img", name="The whole image, padded")).to_be_visible()  # the popover stays open


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({"patch_size": 2, "num_layers": 6, "num_heads": 8, "embed_dim": 32, "hidden_dim": 32}, 257),
        (
            {
                "patch_size": 8,
                "num_layers": 1,
                "num_heads": 1,
                "embed_dim": 16,
                "hidden_dim": 16,
                "pool": "mean",
            },
            16,
        ),
        ({"patch_size": 4, "num_layers": 13, "num_heads": 16, "embed_dim": 32, "hidden_dim": 16}, 65),
    ],
)
def test_vits_of_other_shapes_are_explored(visitor, open_explorer, server, options, tokens):
    run = make_run(server.home / "runs", f"shape {tokens}", model="vit", **options)
    page = open_explorer(f"?run={run.id}")
    side = int(tokens**0.5)
    page.mouse.move(*patch_position(page, 2, 3, side))
    expect_shown(page, "2.3")
    values = grid_values(page, options["num_layers"], options["num_heads"])
    assert values.shape == (side * side,)
    assert 0 < values.sum() <= 1.001
    visitor.check()


@pytest.mark.slow
def test_vit_with_many_tokens_loads_the_maps_of_each_patch_on_demand(visitor, open_explorer, server, data):
    """Use 1,025 tokens and two layers of eight heads: 34 MB per image, too much for one message."""
    small = {"patch_size": 1, "num_layers": 2, "num_heads": 8, "embed_dim": 16, "hidden_dim": 16}
    run = make_run(server.home / "runs", "fine", model="vit", **small)
    page = open_explorer(f"?run={run.id}")
    expect_shown(page, "cls")
    expect(page.locator(".xp-hint")).not_to_be_empty()
    page.mouse.click(*patch_position(page, 3, 5, 32))
    expect_shown(page, "3.5")
    assert "query=3.5" in page.url
    image = data.test.images[np.flatnonzero(data.test.labels == 3)[0]]
    weights = capture(load_run(run), torch.from_numpy(image)[None]).weights[0]
    token = 1 + 2 * 32 + 4
    assert np.allclose(grid_values(page, 2, 4), weights[1, 3, token, 1:], atol=1e-4)
    page.get_by_role("button", name="key → queries").click()
    until(lambda: np.allclose(grid_values(page, 2, 4), weights[1, 3, 1:, token], atol=1e-4))


def test_new_snapshot_appears_while_the_run_trains(visitor, open_explorer, server):
    """The run has the identity of this process. Its last snapshot is written while the page is open."""
    import os

    from vitcore.runs import process

    small = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "embed_dim": 16, "hidden_dim": 16}
    run = make_run(server.home / "runs", "growing", model="vit", steps=(10, 20), **small)
    late = run.checkpoints / "step-0000030.safetensors"
    alive = {"state": "running", "pid": os.getpid(), "process_start": process.start_time(os.getpid())}
    alive |= {"boot_id": process.boot_id(), "host": process.hostname()}
    run.write_status(run.stored_status().model_copy(update=alive))
    page = open_explorer(f"?run={run.id}")
    slider = page.get_by_role("slider", name="Snapshot")
    expect(slider).to_have_attribute("max", "2")
    late.write_bytes(run.snapshots[0].read_bytes())
    expect(slider).to_have_attribute("max", "3", timeout=30_000)
    run.write_status(run.stored_status().model_copy(update={"state": "finished"}))


@pytest.mark.slow
def test_photo_is_taken_and_explored(visitor, open_explorer):
    """Chromium provides a test picture as the camera. Removing the photo shows the test image again."""
    page = open_explorer()
    before, name = page.locator(".xp").get_attribute("data-frame"), page.locator(".xp-name")
    test_image = name.inner_text()
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("radio", name="Camera").click()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    expect(page.locator(".xp")).not_to_have_attribute("data-frame", before)
    expect(name).not_to_have_text(test_image)
    visitor.settle()
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("button", name="Back to the test images").click()
    expect(page.locator(".xp")).to_have_attribute("data-frame", before)


def test_maps_follow_a_change_of_theme(visitor, open_explorer):
    page = open_explorer()
    background = f"{EXPLORER}.theme.background"
    assert page.evaluate(background) == "#fbfbfa"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{background} === '#14161a'")


def test_explorer_removes_its_listeners_when_the_page_changes(visitor, open_explorer):
    page = open_explorer()
    page.evaluate(f"window.old = {EXPLORER}")
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").click()
    page.wait_for_function("window.old.root.lifetime.aborted")
    page.get_by_test_id("stTopNavLink").filter(has_text="Attention").click()
    attention_ready(visitor)
    page.locator(".xp-image").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, "5.5")
    assert page.evaluate("window.old.state.query") is None
