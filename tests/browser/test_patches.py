"""The Patches page: the stepper, the similarity of positions, patch sizes and links."""

from __future__ import annotations

import re

import numpy as np
import torch
from playwright.sync_api import expect
from safetensors.torch import load_file, save_file

import vitcore
from tests.browser.views import PAGES
from tests.bundled import VIT
from tests.made_runs import make_run
from vitcore.data import load_dataset

STEPS = ".steps[data-step='{}']"


def expect_step(page, step):
    expect(page.locator(STEPS.format(step))).to_be_visible()


def wait_for_rest(page, step):
    """Wait until the movement to a step has ended."""
    page.wait_for_selector(f".steps[data-step='{step}'][data-still='true']")


def point(page, x, y):
    """Move the pointer to a point of the stage, given as fractions of its width and height."""
    stage = page.locator(".steps-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def pixels(page, selector):
    """Return the pixels of a canvas as a data URL."""
    return page.evaluate(f"document.querySelector('{selector}').toDataURL()")


def test_steps_change_by_button_and_by_key(visitor):
    page = visitor.open("patches")
    expect_step(page, 1)
    text = page.locator(".steps-text")
    expect(text).to_have_text(re.compile(r"\[3, 32, 32\].*3,072"))
    expect(page.get_by_role("button", name="Back")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect_step(page, 2)
    page.get_by_role("button", name="3 Sequence").click()
    expect(text).to_have_text(re.compile(r"\b64\b.*3 x 4 x 4 = 48"))
    page.locator(".steps").focus()
    page.keyboard.press("ArrowRight")
    expect_step(page, 4)
    expect(text).to_contain_text("[65, 256]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect_step(page, 2)
    page.get_by_role("button", name="5 Positions").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()


def test_tokens_equal_the_embedding_of_the_model(visitor):
    page = visitor.open("patches?class=ship&image=2")
    expect_step(page, 1)
    data = load_dataset("cifar10-mini")
    image = torch.from_numpy(data.test.images[np.flatnonzero(data.test.labels == 8)[1]])[None]
    model = vitcore.load(VIT)
    from vitcore.analysis.attention import as_input

    with torch.inference_mode():
        expected = model.embed(as_input(image, model))[0].flatten().numpy()
    shown = page.evaluate(
        "(() => { const s = document.querySelector('.steps').stepper;"
        "return Array.from(s.tokens, (v, i) => v + s.positions[i]); })()"
    )
    assert np.allclose(shown, expected, atol=1e-5)


def test_hovering_patches_and_positions_needs_no_server(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open("patches")
    expect_step(page, 1)
    visitor.settle()
    count = len(sent)
    hovered, steps = page.locator(".steps-hover"), page.locator(".steps")
    point(page, 0.02, 0.05)
    expect(hovered).to_have_text(re.compile("Patch 1.*row 1, column 1"))
    page.get_by_role("button", name="3 Sequence").click()  # the patch stays chosen
    wait_for_rest(page, 3)
    expect(hovered).to_have_text(re.compile("Patch 1.*row 1, column 1"))
    point(page, 0.98, 0.1)
    expect(hovered).to_have_text(re.compile(r"Patch 64.*row 8, column 8.* 2 of 48.*red.*\d"))
    page.get_by_role("button", name="4 Projection").click()
    wait_for_rest(page, 4)
    point(page, 0.5, 0.5)
    expect(hovered).to_have_text(re.compile(r"Patch \d+.* 1\d\d of 256.*\d\.\d\d"))
    page.get_by_role("button", name="5 Positions").click()
    wait_for_rest(page, 5)
    point(page, 0.5, 0.5)
    expect(hovered).to_have_text(re.compile(r"\d+ of 256.* [+\u2212] \d\.\d{3} = .?\d\.\d{3}"))
    steps.focus()
    before = int(steps.get_attribute("data-patch"))
    page.keyboard.press("Shift+ArrowRight")
    expect(steps).to_have_attribute("data-patch", str(before + 1))
    maps, chosen = page.locator(".similarity-all"), pixels(page, ".similarity-chosen")
    maps.scroll_into_view_if_needed()
    box = maps.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.06, box["y"] + box["height"] * 0.19)
    expect(page.locator(".similarity")).to_have_attribute("data-chosen", "8")
    page.wait_for_function(f"document.querySelector('.similarity-chosen').toDataURL() !== '{chosen}'")
    expect(page.locator(".similarity-text")).to_have_text(re.compile(r"row 2, column 1.*row \d, column \d"))
    maps.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".similarity")).to_have_attribute("data-chosen", "9")
    large = page.locator(".similarity-chosen").bounding_box()
    page.mouse.move(large["x"] + 5, large["y"] + 5)
    expect(page.locator(".similarity-value")).to_have_text(re.compile(r"row 1, column 1.*\d\.\d\d"))
    assert len(sent) == count


def test_steps_are_played_and_patches_move_unless_motion_is_reduced(fresh_visitor):
    page = fresh_visitor.open("patches")
    page.clock.install()
    expect_step(page, 1)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_selector(".steps[data-step='3'][data-still='false']")
    first = pixels(page, ".steps-stage")
    page.wait_for_function(f"document.querySelector('.steps-stage').toDataURL() !== {first!r}")
    page.get_by_role("button", name="Pause").click()
    page.clock.fast_forward(5000)  # ms: longer than a step
    expect_step(page, 3)
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Back").click()
    two_frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(two_frames)
    assert page.locator(".steps").get_attribute("data-still") == "true"
    page.get_by_role("button", name="Play").click()
    expect_step(page, 3)
    page.get_by_role("button", name="2 Patches").click()  # choosing a step stops playing
    page.clock.fast_forward(5000)
    expect_step(page, 2)
    page.get_by_role("button", name="5 Positions").click()
    page.get_by_role("button", name="Play").click()
    expect_step(page, 1)  # starts again after the last step
    for step in (2, 3, 4, 5):
        page.clock.fast_forward(5000)
        expect_step(page, step)
    page.clock.fast_forward(5000)
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # playing has ended


def test_link_opens_its_step_and_later_steps_update_the_address(visitor):
    page = visitor.open("patches?step=3&patch=8")
    expect_step(page, 3)
    page.get_by_role("button", name="Next").click()
    expect_step(page, 4)
    assert "step=4" in page.url
    assert "patch=8" in page.url
    page.get_by_role("radio", name="16").click()
    expect(page.locator(".steps[data-tokens='4'][data-step='4']")).to_be_visible()
    visitor.settle()
    assert "step=4" in page.url
    assert "patch=16" in page.url
    page.get_by_test_id("stTopNavLink").filter(has_text="Attention").click()
    expect(page.locator("h1")).to_have_text(PAGES["attention"])
    visitor.settle()
    assert "step=" not in page.url
    visitor.open("patches?step=77")
    expect_step(page, 1)


def test_stepper_fits_the_first_screen_and_follows_the_theme(visitor):
    page = visitor.page
    page.emulate_media(color_scheme="light")
    visitor.open("patches?step=3")
    wait_for_rest(page, 3)
    box = page.locator(".steps").bounding_box()
    assert box["y"] + box["height"] <= 720
    stage, maps = pixels(page, ".steps-stage"), pixels(page, ".similarity-all")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"document.querySelector('.steps-stage').toDataURL() !== {stage!r}")
    page.wait_for_function(f"document.querySelector('.similarity-all').toDataURL() !== {maps!r}")
    color = "getComputedStyle(document.querySelector('.steps')).color"
    assert page.evaluate(color) == "rgb(231, 232, 234)"


def test_patch_size_changes_the_tokens_and_the_address(visitor):
    page = visitor.open("patches")
    page.get_by_role("radio", name="16").click()
    expect(page.locator(".steps[data-tokens='4']")).to_be_visible()
    page.get_by_role("button", name="3 Sequence").click()
    text = page.locator(".steps-text")
    expect(text).to_contain_text("3 x 16 x 16 = 768")
    page.get_by_role("button", name="4 Projection").click()
    expect(text).to_have_text(re.compile(r"\b4\b"))  # the patch size that the model reads
    assert "patch=16" in page.url
    visitor.open("patches?patch=2")
    expect(page.locator(".steps[data-tokens='256']")).to_be_visible()


def test_model_without_positions_and_cls_is_described(visitor, server):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(server.home / "runs", "no positions", model="vit", position="none", pool="mean", **small)
    page = visitor.open(f"patches?run={run.id}")
    expect(page.locator(".steps[data-tokens='16']")).to_be_visible()
    page.get_by_role("button", name="4 Projection").click()
    expect(page.locator(".steps-text")).to_contain_text("[16, 16]")
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(page.locator(".similarity")).to_have_count(0)


def test_diverged_model_gets_a_message(visitor, server):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(server.home / "runs", "diverged", model="vit", **small)
    state = load_file(run.best)
    state["input_layer.weight"][:] = float("nan")
    save_file(state, run.best)
    page = visitor.open(f"patches?run={run.id}&step=5")
    wait_for_rest(page, 5)
    expect(page.get_by_test_id("stAlert").filter(has_text=run.id)).to_be_visible()


SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1}


def test_images_of_48_pixels_are_shown_with_the_patch_size_of_the_model(visitor, server, colors):
    seen = {"model": "vit", "data": f"folder:{colors}", "classes": ("blue", "red"), **SMALL}
    run = make_run(server.home / "runs", "large images", image_size=48, patch_size=6, **seen)
    page = visitor.open(f"patches?run={run.id}&step=4")
    wait_for_rest(page, 4)
    expect(page.get_by_role("radio", name="6", exact=True)).to_be_checked()
    text = page.locator(".steps-text")
    expect(text).to_have_text(re.compile(r"\[65, 16\].*\b108\b"))
    expect(page.get_by_text(re.compile(r"48 x 48\b")).first).to_be_visible()
    expect(page.locator(".similarity[data-chosen='36']")).to_be_visible()
    cells = page.get_by_test_id("stDataFrame").locator("td")
    expect(cells.filter(has_text="6 x 6")).to_have_count(1)
    expect(cells.filter(has_text="577")).to_have_count(1)  # tokens of 2 x 2, with CLS
    page.get_by_role("radio", name="2", exact=True).click()
    expect(text).to_contain_text("6 x 6")
    page.get_by_role("button", name="2 Patches").click()
    expect(text).to_have_text(re.compile("24 x 24 .*2 x 2 "))


def test_image_of_one_patch_gets_a_message_instead_of_similarities(visitor, server, colors):
    seen = {"model": "vit", "data": f"folder:{colors}", "classes": ("blue", "red"), **SMALL}
    run = make_run(server.home / "runs", "one patch", image_size=16, patch_size=16, **seen)
    page = visitor.open(f"patches?run={run.id}&step=5")
    wait_for_rest(page, 5)
    expect(page.locator(".steps[data-tokens='1']")).to_be_visible()
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(page.locator(".similarity")).to_have_count(0)
