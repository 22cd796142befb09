"""The Compare page below its curves: the sections, measurements, and images that open in the explorer."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from dashboard.states.attention import AttentionState
from tests.browser.views import PAGES
from tests.conftest import TINY_RESNET
from tests.made_runs import make_run
from vitcore.probes import SPEED, scores
from vitcore.probes.store import Subject, find
from vitcore.runs.folder import find_run

PAIR = "compare?runs=vit-cifar10,resnet-cifar10&tested=1000"


def stored(name, root=None):
    return scores.find_test(find_run(name, root), 1000, root)


def section(page, name):
    page.get_by_role("radio", name=name, exact=True).click()


def drawn_figure(page, key):
    """Return the Plotly figure with this key once it is drawn."""
    selector = f".st-key-{key} .js-plotly-plot"
    page.wait_for_function(f"document.querySelector('{selector}')?._fullData", timeout=60_000)
    return page.locator(selector)


def measure_button(page):
    return page.locator(".st-key-measure").get_by_role("button")


def cancel_button(page):
    return page.locator(".st-key-cancel_measuring").get_by_role("button")


def cells(page, quantity):
    row = page.locator(".scores tr").filter(has=page.get_by_role("rowheader", name=quantity))
    return row.locator("td")


def test_sections_show_the_stored_scores_of_the_bundled_pair(visitor):
    page = visitor.open(PAIR)
    vit, resnet = stored("vit-cifar10").values, stored("resnet-cifar10").values
    test = cells(page, "test images")
    expect(test.nth(0)).to_have_text(f"{100 * vit.accuracy:.2f} n = 1,000")
    expect(test.nth(1)).to_have_text(f"{100 * resnet.accuracy:.2f} n = 1,000")
    expect(cells(page, "parameters").nth(0)).to_have_text("3,195,146")
    expect(cells(page, "multiply-adds of an image").nth(1)).to_have_text("40.8")

    section(page, "Confusion")
    chart = drawn_figure(page, "confusion")
    cat, dog = vit.classes.index("cat"), vit.classes.index("dog")
    found = chart.evaluate(f"e => e._fullData.filter(t => t.type === 'heatmap').map(t => t.z[{cat}][{dog}])")
    counts = [values.confusion[cat][dog] for values in (vit, resnet)]
    assert found == [*counts, counts[0] - counts[1]]
    expect(page.get_by_text("n = 1,000").first).to_be_visible()

    section(page, "Classes")
    dots = drawn_figure(page, "classes").evaluate("e => e._fullData.filter(t => t.mode === 'markers').length")
    assert dots == 2
    section(page, "Calibration")
    for values in (vit, resnet):
        expect(drawn_figure(page, "calibration")).to_contain_text(f"ECE {100 * values.calibration.ece:.1f} %")
    section(page, "Disagreement")
    only = sum(a == t != b for a, b, t in zip(vit.predicted, resnet.predicted, vit.truth, strict=True))
    expect(page.get_by_role("radio", name=f"Only ViT, 20 epochs ({only})")).to_be_visible()
    expect(page.locator(".gallery-card")).to_have_count(min(24, only))
    section(page, "Speed to accuracy")
    drawn_figure(page, "reach")
    expect(
        page.get_by_text(re.compile(r"82\.30 %.*ResNet, 20 epochs.*\b12 of .*\b20 epochs"))
    ).to_be_visible()
    assert "show=Speed" in page.url
    visitor.settle()


def test_link_opens_its_section_and_goal(visitor):
    page = visitor.open(
        "compare?runs=vit-cifar10,resnet-cifar10&show=Speed+to+accuracy&goal=resnet-cifar10&x=images"
    )
    chart = drawn_figure(page, "reach")
    expect(chart).to_contain_text("images seen")
    expect(chart).to_contain_text("not reached")


@pytest.mark.slow
def test_click_on_an_image_opens_it_in_the_explorer(visitor):
    page = visitor.open("attention?run=vit-cifar10&class=ship&image=7")
    visitor.settle()
    page.goto(f"{visitor.url}/{PAIR}&show=Disagreement&who=second")
    card = page.locator(".gallery-card").nth(2)
    expect(card).to_be_visible()
    visitor.settle()
    assert "who=second" in page.url
    truth = card.locator(".gallery-truth").inner_text()
    number = re.search(r"test image (\d+)", card.get_attribute("aria-label"))[1]
    href = card.get_attribute("href")
    state, _ = AttentionState.read(dict(parse_qsl(urlsplit(href).query)))
    assert state == AttentionState.of(run="vit-cifar10", kind=truth, image=number)
    card.click()
    expect(page.locator("h1")).to_have_text(PAGES["attention"])
    expect_explorer(page, truth, number)
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").click()
    # in the same session, after another image
    section(page, "Disagreement")
    card = page.locator(".gallery-card").nth(5)
    expect(card).to_be_visible()
    visitor.settle()
    truth = card.locator(".gallery-truth").inner_text()
    number = re.search(r"test image (\d+)", card.get_attribute("aria-label"))[1]
    card.click()
    expect_explorer(page, truth, number)
    visitor.open(href)  # in another tab
    expect_explorer(page, *re.search(r"class=(\w+)&image=(\d+)", href).groups())


def expect_explorer(page, truth, number):
    expect(page.get_by_test_id("stNumberInputField")).to_have_value(number)
    expect(page.get_by_role("combobox", name="Images")).to_have_value(truth)
    expect(page.locator(".xp[data-frame]")).to_be_visible()
    assert "run=vit-cifar10" in page.url


@pytest.fixture
def tiny(server):
    return make_run(server.home / "runs", "tiny", model="resnet", seed=11, **TINY_RESNET)


@pytest.mark.slow
def test_measurement_fills_the_table(visitor, server, tiny):
    page = visitor.open(f"compare?runs={tiny.id}&tested=1000")
    expect(cells(page, "test images").nth(0)).to_have_text("\u2013")
    measure_button(page).click()
    expect(cells(page, "inference memory").nth(0)).not_to_have_text("\u2013", timeout=300_000)
    expect(measure_button(page)).to_have_count(0, timeout=120_000)
    root = server.home / "runs"
    found = scores.find_test(tiny, 1000, root)
    fast = find(SPEED, [Subject(tiny)], scores.speed_set(tiny), scores.speed_settings(), root)
    expect(cells(page, "test images").nth(0)).to_have_text(f"{100 * found.values.accuracy:.2f} n = 1,000")
    expect(cells(page, "inference").nth(0)).to_have_text(f"{fast.values.images_per_s:,.0f}")
    section(page, "Confusion")
    drawn_figure(page, "confusion")


def test_canceled_measurement_stores_nothing(visitor, server):
    # Takes seconds per batch
    slow = make_run(server.home / "runs", "slow", seed=3, model="vit", patch_size=2)
    page = visitor.open(f"compare?runs={slow.id}&tested=1000&show=Classes")
    measure_button(page).click()
    cancel_button(page).click()
    expect(measure_button(page)).to_be_visible()
    expect(cancel_button(page)).to_have_count(0)
    visitor.settle()
    assert scores.find_test(slow, 1000, server.home / "runs") is None


def test_runs_that_cannot_be_measured_or_compared_get_a_message(visitor, server, colors):
    other = make_run(server.home / "runs", "pets", model="resnet", seed=4, **TINY_RESNET)
    config = other.path / "config.yaml"
    config.write_text(config.read_text().replace("cifar10-mini", f"folder:{colors}"))
    runs = f"runs=vit-cifar10,vit-equal-time,{other.id}&tested=1000"
    page = visitor.open(f"compare?{runs}&show=Classes")
    messages = page.get_by_test_id("stAlert")
    expect(messages.filter(has_text=find_run("vit-equal-time").title)).to_be_visible()
    expect(messages.filter(has_text="pets")).to_be_visible()
    drawn_figure(page, "classes")
    section(page, "Disagreement")
    visitor.settle()
    assert page.locator(".gallery-card").count() == 0
    expect(messages.nth(1)).to_be_visible()
    section(page, "Scores")
    expect(cells(page, "parameters").nth(1)).to_have_text("\u2013")
    section(page, "Speed to accuracy")
    drawn_figure(page, "reach")
