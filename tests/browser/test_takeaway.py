"""Figures are taken along as PNG, SVG and CSV: what is saved is what was measured."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from vitcore.probes import PROBES
from vitcore.probes.store import Subject, find, images_for
from vitcore.runs.folder import find_run


def saved(page, format, place=0):
    with page.expect_download() as got:
        page.get_by_role("button", name=format, exact=True).nth(place).click()
    return got.value


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_as_picture_and_as_vectors(visitor, scheme):
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open("inductive_bias?probe=Frequencies")
    chart = page.locator(".js-plotly-plot").bounding_box()
    found = saved(page, "PNG")
    assert found.suggested_filename == "vitlab-fourier0.png"
    with Image.open(found.path()) as picture:
        assert picture.width == pytest.approx(3 * chart["width"], abs=9)
        ground = picture.convert("RGB").getpixel((2, 2))
        assert (sum(ground) > 600) == (scheme == "light")  # on the page's own ground
        assert len(picture.convert("RGB").getcolors(10**6)) > 20  # and something on it
    root = ET.fromstring(saved(page, "SVG").path().read_text())
    texts = " ".join(root.itertext())
    assert "ResNet" in texts
    assert "log amplitude" in texts


def test_the_data_of_curves_are_the_measured_ones(visitor):
    page = visitor.open("inductive_bias?probe=Shuffle&untrained=false")
    rows = list(csv.reader(io.StringIO(saved(page, "CSV").path().read_text())))
    assert rows[0] == ["panel", "series", "cells a side", "%", "error"]
    run = find_run("resnet-cifar10")
    stored = find(PROBES["shuffle"], [Subject(run)], images_for([run], 500), {}).values
    for panel, name in (("The answer stays", "consistency"), ("The answer is right", "accuracy")):
        mean = [float(row[3]) for row in rows if row[:2] == [panel, "ResNet"]]
        assert mean == pytest.approx([100 * v for v in stored["curves"][name]["mean"]])


def test_the_data_of_maps_are_the_counts(visitor):
    page = visitor.open("compare?show=Confusion&tested=10000&runs=vit-cifar10,resnet-cifar10")
    page.wait_for_selector(".takeaway")
    rows = list(csv.reader(io.StringIO(saved(page, "CSV").path().read_text())))
    assert rows[0] == ["panel", "series", "answer", "truth", "value"]
    cells = {row[0]: float(row[4]) for row in rows if row[2:4] == ["dog", "cat"]}
    assert len(cells) == 3  # both matrices and their difference, each under its own title
    (difference,) = (value for panel, value in cells.items() if " minus " in panel)
    first, second = (value for panel, value in cells.items() if " minus " not in panel)
    assert difference == first - second != 0
    counts = [row for row in rows[1:] if " minus " not in row[0]]
    assert len(counts) == 200  # each cell of both once, the right answers among them
    assert sum(float(row[4]) for row in counts) == 20_000
    right = sum(float(row[4]) for row in counts if row[2] == row[3] and row[0].startswith("ViT"))
    assert right == 8256  # 82.56 %, as `python -m vitcore evaluate` has it
