"""The Inductive bias page: the replay of one image, and measurements with progress and Cancel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vitcore
from tests.bundled import RESNET, VIT
from tests.conftest import TINY_RESNET
from tests.made_runs import make_run
from vitcore.analysis.robustness import occluded, permutations, shifted, shuffled
from vitcore.data.augment import normalize
from vitcore.probes import PROBES
from vitcore.probes.experiments.occlusion import cell_orders
from vitcore.probes.store import Subject, find, images_for

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
LARGE = {"embed_dim": 128, "hidden_dim": 512, "num_heads": 4, "num_layers": 6, "patch_size": 4}
RUNS = (VIT, RESNET)


@pytest.fixture(scope="module")
def models():
    return [vitcore.load(name) for name in RUNS]


@pytest.fixture(scope="module")
def cat(data):
    """Return the first cat, normalized [1, 3, 32, 32]."""
    return normalize(torch.from_numpy(data.test.images[np.flatnonzero(data.test.labels == 3)[:1]]))


@torch.no_grad()
def expected(models, *images):
    """Return the probabilities [models, classes] for one image, or for one image per model."""
    pairs = zip(models, images * len(models) if len(images) == 1 else images, strict=True)
    return torch.cat([model(x).softmax(dim=1) for model, x in pairs]).numpy()


def shown_probabilities(page):
    """Return the probabilities [models, classes] of the frame that is shown."""
    return np.array(
        page.evaluate(
            "(() => { const r = document.querySelector('.replay').replay;"
            "return r.header.models.map((_, i) => Array.from(r.probabilitiesFor(i, r.frame))); })()"
        )
    )


def expect_amount(page, *values):
    """Wait until the replay shows these values, in this order."""
    text = ".*".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in values)
    expect(page.locator(".replay output")).to_have_text(re.compile(text))


def opened(visitor, title, query="", frame=0):
    page = visitor.open(f"inductive_bias?probe={title}{query}")
    expect(page.locator(f".replay[data-frame='{frame}']")).to_be_visible()
    return page


@pytest.mark.slow
def test_dragged_image_shows_the_predictions_of_both_models(visitor, models, cat):
    page = opened(visitor, "Shift", frame=144)
    assert np.allclose(shown_probabilities(page), expected(models, cat), atol=1e-3)
    box = page.locator(".replay figure canvas").bounding_box()
    unit = box["width"] / 32
    page.mouse.move(box["x"] + 90, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 90 + 5 * unit, box["y"] + 90 - 3 * unit, steps=6)
    page.mouse.up()
    expect_amount(page, "+5", "-3")
    moved = expected(models, shifted(cat, -3, 5, "reflect"))
    assert np.allclose(shown_probabilities(page), moved, atol=1e-3)
    answer = page.locator(".replay-model").first.get_attribute("data-answer")
    assert (
        answer == page.evaluate("document.querySelector('.replay').replay.header.classes")[moved[0].argmax()]
    )
    page.keyboard.press("ArrowDown")
    expect_amount(page, "+5", "-2")
    page.get_by_role("button", name="Reset").click()
    expect_amount(page, "0", "0")
    page.get_by_role("radio", name="circular").click()
    visitor.settle()
    page.locator(".replay-model canvas").first.hover(position={"x": 2, "y": 2})
    expect_amount(page, "-8", "-8")
    assert np.allclose(
        shown_probabilities(page), expected(models, shifted(cat, -8, -8, "circular")), atol=1e-3
    )
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".replay output")).not_to_have_text(re.compile("-8.*-8"))
    page.get_by_role("button", name="Pause").click()
    expect(page).to_have_url(re.compile("border=circular"))


@pytest.mark.slow
def test_link_restores_the_shift_of_the_image(visitor, models, cat):
    page = opened(visitor, "Shift", "&shift=-3.5", frame=17 * 5 + 13)
    expect_amount(page, "+5", "-3")
    assert np.allclose(shown_probabilities(page), expected(models, shifted(cat, -3, 5, "reflect")), atol=1e-3)
    page.locator(".replay figure canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"shift=-3\.4"))
    page.get_by_role("radio", name="zero").click()  # Streamlit writes the address too
    visitor.settle()
    expect(page).to_have_url(re.compile(r"shift=-3\.4.*border=zero|border=zero.*shift=-3\.4"))
    page.get_by_role("button", name="Reset").click()
    expect(page).not_to_have_url(re.compile("shift="))
    opened(visitor, "Shuffle", "&shuffle=2.1", frame=2 * 6 + 1)
    expect_amount(page, "4 x 4")
    opened(visitor, "Shuffle", "&shuffle=9.99", frame=4 * 6 + 5)  # beyond the last frame
    opened(visitor, "Shuffle", "&shuffle=%3Cb%3E")


def test_shuffled_cells_change_by_slider_by_key_and_by_button(visitor, models, cat):
    page = opened(visitor, "Shuffle")
    classes = page.evaluate("document.querySelector('.replay').replay.header.classes")
    for i, probabilities in enumerate(expected(models, cat)):
        bars = page.locator(f".replay-model[data-model='{i}'] .replay-bars b").all_inner_texts()
        assert bars[:2] == [classes[c] for c in (-probabilities).argsort()[:2]]
    page.locator(".replay input").fill("3")
    expect_amount(page, "8 x 8")
    order = permutations(1, 64, np.arange(2))
    assert np.allclose(shown_probabilities(page), expected(models, shuffled(cat, order[:1])), atol=1e-3)
    page.get_by_role("button", name="Shuffle again").click()
    assert np.allclose(shown_probabilities(page), expected(models, shuffled(cat, order[1:])), atol=1e-3)
    page.locator(".replay figure canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect_amount(page, "4 x 4")


def test_hidden_cells_are_chosen_by_rank_or_by_painting(visitor, models, cat):
    page = opened(visitor, "Occlusion")
    page.get_by_role("button", name="most salient first", exact=True).click()
    page.locator(".replay input").fill("4")
    expect_amount(page, "16", "64")
    own = [occluded(cat, cell_orders(model, cat, np.arange(1))[1], 16) for model in models]
    assert np.allclose(shown_probabilities(page), expected(models, *own), atol=1e-3)
    box = page.locator(".replay figure canvas").first.bounding_box()
    unit = box["width"] / 8
    page.mouse.move(box["x"] + 0.5 * unit, box["y"] + 2.5 * unit)
    page.mouse.down()
    page.mouse.move(box["x"] + 2.5 * unit, box["y"] + 2.5 * unit, steps=8)
    page.mouse.up()
    expect_amount(page, "3")
    visitor.settle()
    page.wait_for_function("document.querySelector('.replay').replay.painted")
    cells = np.flatnonzero(page.evaluate("document.querySelector('.replay').replay.mask"))
    assert list(cells % 8) == [0, 1, 2]
    order = torch.tensor([[*cells, *(i for i in range(64) if i not in cells)]])
    assert np.allclose(shown_probabilities(page), expected(models, occluded(cat, order, 3)), atol=1e-3)
    expect(page).to_have_url(re.compile("painted=0000e00000000000"))
    page.reload()  # the link contains the painted cells
    expect_amount(page, "3")
    page.wait_for_function("document.querySelector('.replay').replay.painted")
    assert np.allclose(shown_probabilities(page), expected(models, occluded(cat, order, 3)), atol=1e-3)
    page.get_by_role("button", name="Reset").click()
    expect_amount(page, "0", "64")
    expect(page).not_to_have_url(re.compile("painted="))
    assert np.allclose(shown_probabilities(page), expected(models, cat), atol=1e-3)


@pytest.mark.slow
def test_measurement_shows_progress_can_be_canceled_and_is_stored(visitor, server):
    large = make_run(server.home / "runs", "Large", seed=4, **LARGE)  # slow enough to be canceled
    address = "inductive_bias?probe=Shift&run={0}&against={0}&n={1}&untrained=false"
    page = visitor.open(address.format(large.id, 1000))
    measure = page.locator(".st-key-measure").get_by_role("button")
    cancel = page.locator(".st-key-cancel_measuring").get_by_role("button")
    before = set((server.home / "runs" / ".probes").glob("shift-*"))
    measure.click()
    expect(page.get_by_text(re.compile(r"\d+ of 1,000"))).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()  # for the images so far
    cancel.click()
    expect(measure).to_be_visible()
    assert set((server.home / "runs" / ".probes").glob("shift-*")) == before
    run = make_run(server.home / "runs", "Mine", seed=3, **SMALL)
    visitor.open(address.format(run.id, 500))
    page.get_by_role("radio", name="100", exact=True).click()
    measure.click()
    expect(page.get_by_text(re.compile(r"n = 100\b")).first).to_be_visible()
    visitor.settle()
    images = images_for([run], 100)
    stored = find(PROBES["shift"], [Subject(run)], images, {}, server.home / "runs")
    steps = PROBES["shift"].steps(
        vitcore.load(run.path), None, torch.from_numpy(images.pixels), images.labels, {}
    )
    assert [values for _, values in steps][-1] == stored.values
    with page.expect_download() as got:
        page.locator(".st-key-probe_csv").get_by_role("button").click()
    lines = got.value.path().read_text().splitlines()
    assert len(lines) == 1 + 6 * 13
    assert run.id in lines[1]


@pytest.mark.slow
def test_every_experiment_gives_the_same_on_the_page_and_on_the_command_line(visitor, server, tmp_path):
    vit = make_run(server.home / "runs", "Small ViT", seed=5, **SMALL)
    resnet = make_run(server.home / "runs", "Small ResNet", model="resnet", seed=6, **TINY_RESNET)
    shutil.copytree(vit.path, tmp_path / vit.id)
    shutil.copytree(resnet.path, tmp_path / resnet.id)
    for probe in PROBES.values():
        address = f"probe={probe.title.replace(' ', '+')}&run={vit.id}&against={resnet.id}"
        page = visitor.open(f"inductive_bias?{address}&n=100&untrained=false")
        page.locator(".st-key-measure").get_by_role("button").click()
        expect(page.get_by_text(re.compile(r"n = 100\b")).first).to_be_visible(timeout=120_000)
    measured = ["--runs", vit.id, resnet.id, "--images", "100", "--json"]
    environment = os.environ | {"VITLAB_RUNS": str(tmp_path)}  # copies of the runs without measurements
    for name in ("all", *(probe.name for probe in PROBES.values() if probe.excluded_from_all)):
        command = [sys.executable, "-m", "vitcore", "probe", name, *measured]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    on_page, by_command = server.home / "runs" / ".probes", tmp_path / ".probes"
    names = {path.name for path in by_command.glob("*.json")}
    assert {name.rsplit("-", 1)[0] for name in names} == set(PROBES)
    for name in names:  # a name depends only on weights, images and settings
        first, second = (
            json.loads((folder / name).read_text())["values"] for folder in (on_page, by_command)
        )
        assert flat(first) == pytest.approx(flat(second), rel=1e-5, abs=1e-6), name


def flat(values):
    """Return all numbers of nested lists and dictionaries in order."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        return [number for value in values for number in flat(value)]
    return [values] if isinstance(values, (int, float)) else []
