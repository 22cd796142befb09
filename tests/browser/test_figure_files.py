"""Figures can be downloaded as PNG, SVG and CSV: the files hold what was measured."""

from __future__ import annotations

import csv
import io
import os
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from dashboard.compare import measured
from dashboard.compare.confusion_figures import confusions
from dashboard.compare.figures import calibration
from tests.bundled import RESNET, VIT
from tests.made_runs import make_run
from vitcore.probes import PROBES
from vitcore.probes.store import Subject, find, images_for
from vitcore.runs import process
from vitcore.runs.folder import find_run
from vitcore.runs.predictions import Predictions, write_predictions


def saved(part, format, place=0):
    """Download a file of the figure at index `place` of a page or a part of it."""
    with getattr(part, "page", part).expect_download() as got:
        part.locator(".figure-files").get_by_role("button", name=format, exact=True).nth(place).click()
    return got.value


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figure_is_saved_as_png_and_svg_in_the_colors_of_the_theme(visitor, scheme):
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open("inductive_bias?probe=Frequencies")
    chart = page.locator(".js-plotly-plot").bounding_box()
    found = saved(page, "PNG")
    assert found.suggested_filename == "vitlab-fourier0.png"
    with Image.open(found.path()) as picture:
        assert picture.width == pytest.approx(3 * (chart["width"] + 2 * 12), abs=9)  # room around it
        ground = picture.convert("RGB").getpixel((2, 2))
        assert (sum(ground) > 600) == (scheme == "light")  # the background of the page
        assert len(picture.convert("RGB").getcolors(10**6)) > 20  # and something on it
    root = ET.fromstring(saved(page, "SVG").path().read_text())
    texts = " ".join(root.itertext())
    assert "ResNet" in texts
    assert "ResNet depth" in texts


def table(download):
    """Return the rows of a downloaded CSV file, with numbers as floats and empty cells as None."""
    return [[number(cell) for cell in row] for row in csv.reader(io.StringIO(download.path().read_text()))]


def number(cell):
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def test_curves_in_the_csv_file_are_the_stored_measurement(visitor):
    page = visitor.open("inductive_bias?probe=Shuffle&untrained=false")
    rows = table(saved(page, "CSV"))
    assert rows[0] == ["panel", "series", "cells a side", "%", "standard error"]
    run = find_run(RESNET)
    stored = find(PROBES["shuffle"], [Subject(run)], images_for([run], 500), {}).values.model_dump()
    for panel, name in (("Prediction unchanged", "consistency"), ("Prediction correct", "accuracy")):
        of = [row for row in rows if row[:2] == [panel, "ResNet"]]
        assert [row[2] for row in of] == stored["x"]
        assert [row[3] for row in of] == pytest.approx([100 * v for v in stored["curves"][name]["mean"]])


@pytest.mark.parametrize(
    ("section", "draw"),
    [
        ("Confusion", confusions),
        ("Calibration", calibration),
    ],
)
def test_csv_file_of_a_chart_holds_the_rows_of_the_figure(visitor, section, draw):
    names = ("vit-cifar10", "resnet-cifar10")
    page = visitor.open(f"compare?show={section}&tested=10000&runs={','.join(names)}")
    page.wait_for_selector(".figure-files")
    items = measured.look_up([find_run(name) for name in names], 10_000)
    rows = draw([item.shown for item in items]).rows
    assert len(rows) > 50
    assert table(saved(page, "CSV")) == rows


# for each address: the stems of the files, and the beginning of the CSV file of each
PICTURES = {
    "": {"first-look": "map,row,column,value", "sample-efficiency": "model,training images,"},
    "patches?step=3": {
        "patches-sequence": "row,column,red 1,red 2",
        "filters": "component,share of variance,channel,row,column,weight",
        "positions": "row,column,to row,to column,cosine",
    },
    "attention?class=ship": {"what-supports-ship": "map,row,column,value"},
    "attention?run=resnet-cifar10&class=ship": {"Grad-CAM-for-ship": "map,row,column,value"},
    "compare?show=Disagreement&runs=vit-cifar10,resnet-cifar10": {
        "disagreement": 'class,test image,"ViT, 20 epochs: prediction"',
    },
    "inductive_bias?probe=Shuffle&shuffle=2.0": {"shuffle": "model,grid,order,airplane"},
}


@pytest.mark.parametrize("path", PICTURES)
def test_pictures_are_downloaded_as_png_svg_and_csv(visitor, path):
    page = visitor.open(path)
    if not path:  # Overview has its downloads in the popover
        page.get_by_role("button", name="How it works").click()
        page.get_by_text("Download").click()
    groups = page.locator(".files:not(.curves-frame .files)")  # curves have one CSV for all
    expect(groups.first.locator("button").first).to_be_visible()
    if "Shuffle" in path or "run=resnet" in path:
        page.wait_for_selector(
            ".replay[data-frame='12'], .figure-files[data-kind='pictures']", timeout=60_000
        )
    files = {}
    for i in range(groups.count()):
        for format in ("PNG", "SVG", "CSV"):
            with page.expect_download() as got:
                groups.nth(i).get_by_role("button", name=format, exact=True).click()
            files[got.value.suggested_filename] = got.value.path()
    for stem, names in PICTURES[path].items():
        name = f"vitlab-{stem.lower()}"
        assert files[f"{name}.csv"].read_text().startswith(names)
        root = ET.fromstring(files[f"{name}.svg"].read_text())
        assert "@font-face" in "".join(root.itertext())  # the font is embedded
        with Image.open(files[f"{name}.png"]) as picture:
            assert picture.width == pytest.approx(3 * float(root.get("width")), abs=3)
            assert len(picture.convert("RGB").getcolors(10**7)) > 20


def test_csv_of_a_shuffled_image_has_the_probabilities_of_the_models(visitor, data):
    import torch

    import vitcore
    from vitcore.analysis.robustness import permutations, shuffled
    from vitcore.data.augment import normalize

    page = visitor.open("inductive_bias?probe=Shuffle&shuffle=2.0")
    page.wait_for_selector(".replay[data-frame='12']", timeout=60_000)
    with page.expect_download() as got:
        page.locator(".replay .files").get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(got.value.path().read_text())))
    (downloaded,) = ([float(v) for v in row[3:]] for row in rows if row[:3] == ["ViT", "4 x 4 cells", "1"])
    cat = torch.from_numpy(data.test.images[[data.test.labels.tolist().index(3)]])
    order = permutations(1, 16, np.arange(1))
    with torch.no_grad():
        probabilities = vitcore.load(VIT)(shuffled(normalize(cat), order)).softmax(dim=1)[0]
    assert downloaded == pytest.approx(probabilities.tolist(), abs=1e-4)


def learning(server, data, state):
    """A run with answers to eight validation images at three epochs, and these answers."""
    shares = np.random.default_rng(4).dirichlet(np.ones(10), (3, 8)).astype(np.float32)
    images, truth = data.test.images[:8], data.test.labels[:8].astype(np.int64)
    moments = np.array([0, 30, 60]), np.array([0.0, 1.0, 2.0])
    found = Predictions(images, truth, data.classes, *moments, shares)
    run = make_run(server.home / "runs", f"learning, {state}", model="resnet")
    write_predictions(run.path, found)
    alive = {"pid": os.getpid(), "process_start": process.start_time(os.getpid())}
    alive |= {"boot_id": process.boot_id(), "host": process.hostname(), "step": 60, "steps": 600}
    run.write_status(run.stored_status().model_copy(update={**alive, "state": state}))
    return run, found


def test_predictions_for_validation_images_are_downloaded(visitor, server, data):
    run, found = learning(server, data, "finished")
    page = visitor.open(f"training?watch={run.id}")
    page.get_by_role("slider", name="Epoch shown").press("ArrowLeft")
    first = found.probabilities[1, 0, found.truth[0]]
    expect(page.locator(".eight-bars").first).to_have_attribute("title", re.compile(f": {100 * first:.0f} %"))
    visitor.settle()
    rows = list(csv.reader(io.StringIO(saved(page, "CSV").path().read_text())))
    assert rows[0] == ["image", "true class", "class", "epoch", "step", "probability"]
    for i, truth in enumerate(found.truth):
        mine = [row for row in rows if row[:2] == [str(i + 1), data.classes[truth]]]
        downloaded = {row[2]: float(row[5]) for row in mine if row[3:5] == ["1", "30"]}
        expected = dict(zip(data.classes, found.probabilities[1, i].tolist(), strict=True))
        assert downloaded == pytest.approx(expected, abs=1e-6)
        bars = [float(row[5]) for row in mine if row[2] == data.classes[truth]]
        assert bars == pytest.approx(found.probabilities[:, i, truth].tolist(), abs=1e-6)
    svg = saved(page, "SVG")
    assert svg.suggested_filename == "vitlab-validation-images.svg"
    texts = list(ET.fromstring(svg.path().read_text()).itertext())
    for i, truth in enumerate(found.truth):
        top = found.probabilities[1, i].argmax()
        word = "correct" if top == truth else "wrong"
        assert f"{data.classes[top]} {100 * found.probabilities[1, i, top]:.0f} %, {word}" in texts
    with Image.open(saved(page, "PNG").path()) as picture:
        assert len(picture.convert("RGB").getcolors(10**7)) > 500  # the images are on it


def test_download_buttons_stay_in_place_while_a_panel_ticks(visitor, server, data):
    run, _ = learning(server, data, "running")
    page = visitor.page
    page.goto(f"{server.url}/training?watch={run.id}")
    page.locator(".figure-files button", has_text="CSV").wait_for(timeout=60_000)
    was = page.locator(".figure-files").element_handle()
    page.wait_for_function("(window.kept = document.querySelector('.figure-files img'))?.naturalWidth === 32")
    place = was.bounding_box()
    run.write_status(run.stored_status().model_copy(update={"step": 90, "epoch": 2.9}))
    expect(page.get_by_text("epoch 2.9 of")).to_be_visible()  # it has ticked
    run.write_status(run.stored_status().model_copy(update={"step": 99, "epoch": 3.1}))
    expect(page.get_by_text("epoch 3.1 of")).to_be_visible()
    assert was.evaluate("e => e.isConnected && e.querySelector('img') === window.kept")
    assert was.bounding_box() == place
    run.write_status(run.stored_status().model_copy(update={"state": "finished"}))
