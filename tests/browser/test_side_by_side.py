"""Two explorers side by side: one pointer for both, their difference, links, files, own images and talks."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tests.made_runs import make_run
from tests.uploads import png
from vitcore.analysis.attention import capture
from vitcore.data import load_dataset
from vitcore.models import load_run

PAIR = "document.querySelector('.pair').pair"
CLASSES = load_dataset("cifar10-mini").classes
SMALL = {
    "classes": CLASSES,
    "model": "vit",
    "num_layers": 2,
    "num_heads": 2,
    "embed_dim": 16,
    "hidden_dim": 16,
}


@pytest.fixture
def run(server):
    return make_run(server.home / "runs", "pair", patch_size=4, steps=(10, 20), **SMALL)


def open_pair(visitor, run, more=""):
    page = visitor.open(f"attention?view=Side+by+side&run={run.id}{more}")
    expect(page.locator(".pair[data-frame]")).to_be_visible()
    visitor.settle()
    return page


def patch_of(page, side, row, column, count=8):
    """Return the middle of a patch of the image of a side, in pixels of the window."""
    box = page.locator(".pair-image").nth(side).bounding_box()
    return box["x"] + (column - 0.5) * box["width"] / count, box["y"] + (row - 0.5) * box["height"] / count


def shown(page, tokens):
    expect(page.locator(f".pair[data-shown='{tokens}']")).to_be_visible()


def image_of(data, label, number):
    return data.test.images[np.flatnonzero(data.test.labels == label)[number - 1]]


def weights_of(run, image, path=None):
    return capture(load_run(run, path), torch.from_numpy(image[None].copy())).weights[0].numpy()


def values(page):
    """Return the large maps of both sides and their difference."""
    text = f"[...{PAIR}.values, {PAIR}.largeDifference].map((one) => one && Array.from(one))"
    return [found and np.array(found) for found in page.evaluate(text)]


def test_maps_of_heads_fill_most_of_their_column_in_a_small_window(visitor):
    page = visitor.open("attention?view=Side+by+side&run=vit-cifar10-gpu")
    expect(page.locator(".pair[data-frame]")).to_be_visible()
    visitor.settle()
    for scroll in page.locator(".pair-scroll").all():
        width, grid, overflow = scroll.evaluate(
            "e => [e.clientWidth, e.querySelector('.pair-grid').clientWidth, e.scrollHeight - e.clientHeight]"
        )
        assert grid > 0.7 * width
        assert overflow <= 0


@pytest.mark.parametrize("window", [(1280, 720), (1920, 1080)])
def test_both_sides_and_their_reading_fit_into_the_window(visitor, window):
    width, height = window
    visitor.page.set_viewport_size({"width": width, "height": height})
    page = visitor.open("attention?view=Side+by+side&run=vit-cifar10-gpu")
    expect(page.locator(".pair[data-frame]")).to_be_visible()
    visitor.settle()
    for part in ("h1", ".pair-image", ".pair-grid", ".pair .xp-legend", ".pair-reading"):
        for element in page.locator(part).all():
            expect(element).to_be_in_viewport(ratio=1)
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("e => e.scrollHeight - e.clientHeight") == 0


def test_pointer_is_on_the_same_patch_of_both_images_without_the_server(visitor, run, data):
    sent = []
    visitor.page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page = open_pair(visitor, run, "&right_class=ship&right_image=3&layer=1&head=2")
    count = len(sent)
    for side in (0, 1):
        page.mouse.move(*patch_of(page, side, 3, 5))
        shown(page, "21 21")
        both = [weights_of(run, image_of(data, *which))[0, 1, 21, 1:] for which in ((3, 1), (8, 3))]
        left, right, difference = values(page)
        np.testing.assert_allclose(left, both[0], atol=3e-4)
        np.testing.assert_allclose(right, both[1], atol=3e-4)
        np.testing.assert_allclose(difference, both[0] - both[1], atol=6e-4)
    assert len(sent) == count
    limit = page.evaluate(f"{PAIR}.limits[2]")
    assert limit == pytest.approx(np.abs(difference).max(), rel=1e-3)
    labels = page.locator("section[data-side='2'] .xp-scale-labels").first
    expect(labels).to_have_text(f"\u2212{limit:.3f}0+{limit:.3f}")


def test_link_keeps_the_patch_the_head_and_the_right_image(visitor, run):
    page = open_pair(visitor, run, "&right_class=dog&right_image=4")
    page.mouse.click(*patch_of(page, 1, 2, 3))
    page.mouse.move(5, 5)
    shown(page, "11 11")
    page.locator(".pair-image").first.focus()
    page.keyboard.press("ArrowRight")
    shown(page, "12 12")
    page.keyboard.press(".")
    page.keyboard.press("[")
    expect(page.locator(".pair")).to_have_attribute("data-cell", "1.2 1.2")
    visitor.settle()
    assert all(part in page.url for part in ("query=2.4", "head=2", "layer=1", "right_class=dog"))
    before = values(page)
    visitor.open(page.url.removeprefix(visitor.url).lstrip("/"))
    shown(page, "12 12")
    for old, new in zip(before, values(page), strict=True):
        assert np.array_equal(old, new)
    page.locator(".pair-image").first.focus()
    page.keyboard.press("Escape")
    shown(page, "0 0")


def test_snapshots_of_both_sides_are_chosen(visitor, run, data):
    page = open_pair(visitor, run, "&versus=snapshots&query=1.1&layer=1")
    frame = page.locator(".pair").get_attribute("data-frame")
    page.get_by_label("Snapshot on the right").select_option("20")
    expect(page.locator(".pair")).not_to_have_attribute("data-frame", frame)
    page.get_by_label("Snapshot on the left").select_option("10")
    page.wait_for_function(f"{PAIR}.header.sides[0].step === 'step 10'")
    visitor.settle()
    assert "right_snapshot=20" in page.url
    assert "snapshot=10" in page.url
    image = image_of(data, 3, 1)
    for found, path in zip(values(page), run.snapshots, strict=False):
        np.testing.assert_allclose(found, weights_of(run, image, path)[0, 0, 1, 1:], atol=3e-4)


def test_models_with_other_images_have_the_place_marked_and_no_difference(visitor, run, server):
    other = make_run(server.home / "runs", "coarse", data="photos", image_size=64, patch_size=16, **SMALL)
    page = open_pair(visitor, run, f"&versus=models&right_run={other.id}")
    page.mouse.move(*patch_of(page, 0, 3, 8))
    shown(page, f"{1 + 2 * 8 + 7} {1 + 1 * 4 + 3}")
    expect(page.locator(".pair-notes")).to_have_text(re.compile("8 x 8.*4 x 4"))
    expect(page.locator(".pair-notes")).to_have_text(re.compile("32 x 32.*enlarged"))
    assert page.evaluate(f"{PAIR}.images.map((image) => image.length)") == [3 * 32**2, 3 * 64**2]
    sides = values(page)
    assert [len(side) for side in sides[:2]] == [8**2, 4**2]
    assert sides[2] is None
    expect(page.locator("section[data-side='2'] .pair-grid")).to_be_hidden()


def test_two_own_images_are_compared_and_not_part_of_the_link(visitor, run):
    page = open_pair(visitor, run)
    for side, name, color in ((0, "blue.png", (30, 90, 200)), (1, "red.png", (200, 30, 30))):
        page.get_by_role("button", name=re.compile("Own image")).nth(side).click()
        file = {"name": name, "mimeType": "image/png", "buffer": png(color=color)}
        page.locator('input[type="file"]').set_input_files(file)
        expect(page.locator(".pair-name").nth(side)).to_contain_text(name)
        visitor.settle()
    expect(page.locator(".pair-name").first).to_contain_text("blue.png")
    assert "blue" not in page.url
    assert "red" not in page.url
    pixels = page.evaluate(f"{PAIR}.images.map((image) => Array.from(image.slice(0, 3)))")
    assert pixels[1] == [200, 30, 30] != pixels[0]


def test_maps_are_saved_as_csv_png_and_file(visitor, run, browser, tmp_path):
    page = open_pair(visitor, run, "&layer=1&query=4.4")
    with page.expect_download() as caught:
        page.locator(".pair").get_by_role("button", name="CSV").click()
    rows = list(csv.reader(caught.value.path().open()))
    left, right, difference = values(page)
    np.testing.assert_allclose(np.array(rows[1:], float)[:, 2:].T, [left, right, difference], rtol=1e-6)
    with page.expect_download() as caught:
        page.locator(".pair").get_by_role("button", name="PNG").click()
    assert caught.value.path().stat().st_size > 20_000
    with page.expect_download() as caught:
        page.locator(".pair").get_by_role("button", name="HTML").click()
    file = tmp_path / "pair.html"
    file.write_bytes(caught.value.path().read_bytes())
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    other.route("http*://**", lambda route: route.abort())
    other.goto(file.as_uri())
    expect(other.locator(".pair[data-shown='28 28']")).to_be_visible()
    for here, there in zip((left, right, difference), values(other), strict=True):
        assert np.array_equal(here, there)
    other.close()


def test_talk_shows_both_sides_and_follows_the_pointer(visitor, run, server):
    folder = server.home / "talks"
    folder.mkdir(exist_ok=True)
    link = f"attention?view=Side+by+side&run={run.id}&query=2.2&versus=snapshots&right_snapshot=20"
    step = f"  - title: Two snapshots\n    say: What did the training change?\n    link: {link}\n"
    (folder / "pair.yaml").write_text(f"title: Pair\nsteps:\n{2 * step}")
    page = visitor.open("?talk=pair&step=1")
    shown(page, "10 10")
    assert page.evaluate(f"{PAIR}.sides.map((side) => side.step)") == ["", "step 20"]
    page.mouse.move(*patch_of(page, 1, 3, 5))
    shown(page, "21 21")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("step=2"))
