"""The sample efficiency drawing of the Overview page."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET

import pytest

from dashboard.drawing import svg

NS = "{http://www.w3.org/2000/svg}"


def point(model, label, images, mean, error=0.01):
    return {"model": model, "label": label, "images": images, "mean": mean, "error": error, "chance": 0.1}


POINTS = [
    point("vit", "ViT", 1000, 0.3),
    point("vit", "ViT", 10_000, 0.5),
    point("vit", "ViT", 100_000, None),
    point("resnet", "Res<Net", 1000, 0.6),
    point("resnet", "Res<Net", 10_000, 0.8),
]


def test_points_are_drawn_to_scale_and_labels_are_text():
    root = ET.fromstring(svg.sample_efficiency(POINTS))
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{NS}circle")]
    assert len(circles) == 4  # unfinished points are not drawn
    low, high, first, second = circles
    assert low[0] == first[0]
    assert high[0] == second[0] > low[0]
    scale = (first[1] - second[1]) / 0.2  # pixels for a share of 1, from one pair
    assert low[1] - high[1] == pytest.approx(0.2 * scale, abs=0.2)  # and the same for the other
    assert low[1] - first[1] == pytest.approx(0.3 * scale, abs=0.2)
    texts = [t.text for t in root.iter(f"{NS}text")]
    assert {"1,000", "10,000", "ViT", "Res<Net", "chance", "training images (log scale)"} <= set(texts)
    assert "100,000" not in texts
    width = float(root.get("viewBox").split()[2])
    assert all(0 <= float(t.get("x")) <= width for t in root.iter(f"{NS}text"))


def test_points_have_a_text_description():
    assert svg.spoken(POINTS[:3]) == "ViT 1,000: 30.0 %, ViT 10,000: 50.0 %"


def test_html_labels_have_the_positions_of_the_svg_labels():
    drawn = ET.fromstring(svg.sample_efficiency(POINTS))
    page = ET.fromstring(svg.as_html(POINTS).replace('alt="">', 'alt=""/>'))
    width, height = (float(v) for v in drawn.get("viewBox").split()[2:])
    texts = {t.text: t for t in drawn.iter(f"{NS}text")}
    spans = {s.text: dict(part.split(":") for part in s.get("style").split(";")) for s in page.iter("span")}
    assert spans.keys() == texts.keys()
    for words, style in spans.items():
        assert float(style["left"][:-1]) / 100 * width == pytest.approx(float(texts[words].get("x")), abs=0.1)
        below = float(texts[words].get("y")) - float(style["top"][:-1]) / 100 * height
        assert below == pytest.approx(0.35 * svg.SIZE, abs=0.1)  # a baseline is below the middle
    picture = base64.b64decode(page.find("img").get("src").partition(",")[2])
    assert not list(ET.fromstring(picture).iter(f"{NS}text"))
    assert page.get("aria-label") == drawn.get("aria-label")
