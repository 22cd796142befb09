"""The Patches page in Chromium: steps by button, key and play; positions by pointer; sizes, links."""

from __future__ import annotations

import re

import numpy as np
import torch
from playwright.sync_api import expect
from safetensors.torch import load_file, save_file

import vitcore
from tests.made_runs import make_run
from vitcore.data import load_dataset

STEPS = ".steps[data-step='{}']"


def at(page, step):
    expect(page.locator(STEPS.format(step))).to_be_visible()


def still(page, step):
    """Until the movement to a step has ended."""
    page.wait_for_selector(f".steps[data-step='{step}'][data-still='true']")


def point(page, x, y):
    """The pointer to a place of the stage, in shares of its width and height."""
    stage = page.locator(".steps-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def painted(page, selector):
    """The pixels of a canvas, to compare."""
    return page.evaluate(f"document.querySelector('{selector}').toDataURL()")


def test_steps_change_by_button_by_key_and_by_playing(visitor):
    page = visitor.open("patches")
    at(page, 1)
    expect(page.get_by_text("[3, 32, 32]: 32 x 32 pixels in three colors, 3,072 numbers.")).to_be_visible()
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


def test_tokens_equal_the_embedding_of_the_model(visitor):
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


def test_hovering_patches_and_positions_needs_no_server(visitor):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    page = visitor.open("patches")
    at(page, 1)
    visitor.settle()
    count = len(sent)
    read, steps = page.locator(".steps-hover"), page.locator(".steps")
    point(page, 0.02, 0.05)
    expect(read).to_have_text("Patch 1: row 1, column 1.")
    page.get_by_role("button", name="3 Sequence").click()  # the patch stays chosen
    still(page, 3)
    expect(read).to_have_text("Patch 1: row 1, column 1.")
    point(page, 0.98, 0.1)
    expect(read).to_have_text(re.compile(r"Patch 64: row 8, column 8. Number 2 of 48, red: \d+\.$"))
    page.get_by_role("button", name="4 Projection").click()
    still(page, 4)
    point(page, 0.5, 0.5)
    expect(read).to_have_text(re.compile(r"Patch \d+: .* Number 1\d\d of 256: .?\d\.\d\d\.$"))
    page.get_by_role("button", name="5 Positions").click()
    still(page, 5)
    point(page, 0.5, 0.5)
    expect(read).to_have_text(re.compile(r"Number \d+ of 256: .+ [+\u2212] \d\.\d{3} = .?\d\.\d{3}\.$"))
    steps.focus()
    before = int(steps.get_attribute("data-patch"))
    page.keyboard.press("Shift+ArrowRight")
    expect(steps).to_have_attribute("data-patch", str(before + 1))
    alike, one = page.locator(".similarity-all"), painted(page, ".similarity-chosen")
    alike.scroll_into_view_if_needed()
    box = alike.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.06, box["y"] + box["height"] * 0.19)
    expect(page.locator(".similarity")).to_have_attribute("data-chosen", "8")
    page.wait_for_function(f"document.querySelector('.similarity-chosen').toDataURL() !== '{one}'")
    expect(page.get_by_text("The position of row 2, column 1 is most like that of row")).to_be_visible()
    alike.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".similarity")).to_have_attribute("data-chosen", "9")
    large = page.locator(".similarity-chosen").bounding_box()
    page.mouse.move(large["x"] + 5, large["y"] + 5)
    expect(page.locator(".similarity-value")).to_have_text(
        re.compile(r"^To row 1, column 1: \u2212?\d\.\d\d\.$")
    )
    assert len(sent) == count


def test_patches_move_while_playing_but_not_with_reduced_motion(fresh_visitor):
    page = fresh_visitor.open("patches")
    page.clock.install()
    at(page, 1)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_selector(".steps[data-step='3'][data-still='false']")
    first = painted(page, ".steps-stage")
    page.wait_for_function(f"document.querySelector('.steps-stage').toDataURL() !== {first!r}")
    page.get_by_role("button", name="Pause").click()
    page.clock.fast_forward(5000)  # ms: more than a step takes
    at(page, 3)
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Back").click()
    two_frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(two_frames)
    assert page.locator(".steps").get_attribute("data-still") == "true"
    page.get_by_role("button", name="Play").click()
    at(page, 3)
    page.get_by_role("button", name="2 Patches").click()  # a step of one's own ends the play
    page.clock.fast_forward(5000)
    at(page, 2)


def test_link_opens_its_step_and_later_steps_update_the_address(visitor):
    page = visitor.open("patches?step=3&patch=8")
    at(page, 3)
    page.get_by_role("button", name="Next").click()
    at(page, 4)
    assert "step=4" in page.url
    assert "patch=8" in page.url
    page.get_by_role("radio", name="16").click()
    expect(page.locator(".steps[data-tokens='4'][data-step='4']")).to_be_visible()
    visitor.settle()
    assert "step=4" in page.url
    assert "patch=16" in page.url
    page.get_by_test_id("stTopNavLink").filter(has_text="Attention").click()
    expect(page.locator("h1")).to_have_text("Where does each patch look?")
    visitor.settle()
    assert "step=" not in page.url
    visitor.open("patches?step=77")
    at(page, 1)


def test_stepper_fits_the_first_screen_and_follows_the_theme(visitor):
    page = visitor.page
    page.emulate_media(color_scheme="light")
    visitor.open("patches?step=3")
    still(page, 3)
    foot = page.locator(".steps").bounding_box()
    assert foot["y"] + foot["height"] <= 720
    light, column = painted(page, ".steps-stage"), painted(page, ".similarity-all")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"document.querySelector('.steps-stage').toDataURL() !== {light!r}")
    page.wait_for_function(f"document.querySelector('.similarity-all').toDataURL() !== {column!r}")
    corner = "getComputedStyle(document.querySelector('.steps')).color"
    assert page.evaluate(corner) == "rgb(231, 232, 234)"


def test_patch_size_changes_the_tokens_and_the_address(visitor):
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


def test_model_without_positions_and_cls_is_described(visitor, server):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(server.home / "runs", "placeless", model="vit", position="none", pool="mean", **small)
    page = visitor.open(f"patches?run={run.id}")
    expect(page.locator(".steps[data-tokens='16']")).to_be_visible()
    page.get_by_role("button", name="4 Projection").click()
    expect(page.get_by_text("[16, 16]: one matrix")).to_be_visible()
    expect(page.get_by_text("it does not know where a patch was")).to_be_visible()


def test_diverged_model_gets_a_message(visitor, server):
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}
    run = make_run(server.home / "runs", "diverged", model="vit", **small)
    state = load_file(run.best)
    state["input_layer.weight"][:] = float("nan")
    save_file(state, run.best)
    page = visitor.open(f"patches?run={run.id}&step=5")
    still(page, 5)
    expect(page.get_by_text("has diverged: some of its weights are not numbers")).to_be_visible()


SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1}


def test_images_of_48_pixels_are_shown_with_the_patch_size_of_the_model(visitor, server, colors):
    seen = {"model": "vit", "data": f"folder:{colors}", **SMALL}
    run = make_run(server.home / "runs", "large images", image_size=48, patch_size=6, **seen)
    page = visitor.open(f"patches?run={run.id}&step=4")
    still(page, 4)
    expect(page.get_by_role("radio", name="6", exact=True)).to_be_checked()
    expect(page.get_by_text("[65, 16]: one matrix turns the 108 numbers")).to_be_visible()
    expect(page.get_by_text("For one image of 48 x 48 pixels")).to_be_visible()
    expect(page.locator(".similarity[data-chosen='36']")).to_be_visible()
    cells = page.get_by_test_id("stDataFrame").locator("td")
    expect(cells.filter(has_text="6 x 6  (shown)")).to_have_count(1)
    expect(cells.filter(has_text="577")).to_have_count(1)  # tokens of 2 x 2, with CLS
    page.get_by_role("radio", name="2", exact=True).click()
    expect(page.get_by_text("reads patches of 6 x 6 pixels: choose 6")).to_be_visible()
    page.get_by_role("button", name="2 Patches").click()
    expect(page.get_by_text("24 x 24 squares of 2 x 2 pixels, row by row.")).to_be_visible()


def test_image_of_one_patch_gets_a_message_instead_of_similarities(visitor, server, colors):
    seen = {"model": "vit", "data": f"folder:{colors}", **SMALL}
    run = make_run(server.home / "runs", "one patch", image_size=16, patch_size=16, **seen)
    page = visitor.open(f"patches?run={run.id}&step=5")
    still(page, 5)
    expect(page.locator(".steps[data-tokens='1']")).to_be_visible()
    expect(page.get_by_text("The whole image is one patch")).to_be_visible()
