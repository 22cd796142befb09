"""Rehearsals, and a fair pair from its launch to the table of runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_queue import own_runs, set_epochs
from tests.browser.views import PAGES
from tests.waiting import until
from vitcore.runs.metrics import event_files

CHART = "document.querySelector('.st-key-watch_train_acc .curves')"


pytestmark = pytest.mark.usefixtures("stop_runs")


@pytest.mark.slow
def test_rehearsal_predicts_the_cost_until_the_settings_change(visitor, server):
    page = visitor.open("training?model=ResNet")
    before = len(own_runs(server))
    page.get_by_role("button", name="Rehearse").click()
    cancel = page.locator(".st-key-cancel_rehearsal").get_by_role("button")
    expect(cancel).to_be_visible()
    words = re.compile(r"\d (s|min|h)\b.*\d\.\d GB.*\d MB.*\d steps.*cpu")
    expect(page.get_by_text(words)).to_be_visible(timeout=180_000)
    set_epochs(visitor, 20)
    expect(page.get_by_text(words)).to_have_count(0)
    assert len(own_runs(server)) == before
    page.get_by_role("button", name="Rehearse").click()
    cancel.click()
    expect(cancel).to_have_count(0)


@pytest.mark.slow
def test_fair_pair_is_launched_watched_and_found_in_the_table(visitor, server):
    page = visitor.open("training?model=ResNet")
    page.get_by_role("button", name="Fair pair").click()
    expect(page.get_by_text(re.compile("Both: 10 epochs"))).to_be_visible()
    page.get_by_role("combobox", name="With").click()
    page.get_by_role("option", name="PreActResNet", exact=True).click()
    field = page.get_by_role("spinbutton", name="Epochs").last
    field.fill("1")
    field.press("Enter")
    visitor.settle()
    expect(page.get_by_text(re.compile("Both: 1 epoch"))).to_be_visible()
    before = {run.id for run in own_runs(server)}
    page.locator(".st-key-launch_pair").get_by_role("button").click()
    expect(page.locator(".st-key-stop").get_by_role("button")).to_be_visible()
    new = [run for run in own_runs(server) if run.id not in before]
    assert {run.config.model for run in new} == {"resnet", "preactresnet"}
    assert new[0].meta.pair == new[1].meta.pair
    page.keyboard.press("Escape")
    expect(page.locator(".eight-card")).to_have_count(8, timeout=120_000)
    expect(page.get_by_text("Test accuracy").first).to_be_visible(timeout=240_000)
    visitor.settle()
    slider = page.get_by_role("slider", name="Epoch shown")
    expect(slider).to_have_value("1")
    late = page.locator(".eight").inner_text()
    slider.press("ArrowLeft")
    expect(slider).to_have_value("0")
    visitor.settle()
    assert page.locator(".eight").inner_text() != late

    second = next(run for run in new if run.id not in page.url)
    until(lambda: event_files(second.path), 240)  # Compare lists runs with curves or weights
    chart = page.locator(".st-key-watch_train_acc .curves")
    chart.wait_for()
    page.wait_for_function(f"{CHART}?._fullData?.filter(t => t.showlegend).length == 2", timeout=120_000)
    page.get_by_text(re.compile(r"^All runs")).click()
    page.get_by_role("textbox", name="Find").fill(second.id)
    page.keyboard.press("Enter")
    visitor.settle()
    table = page.locator('[class*="st-key-runs_table"] canvas').first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 55)  # the checkbox of the only row
    visitor.settle()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("h1")).to_have_text(PAGES["compare"])
    visitor.settle()
    assert f"runs={second.id}" in page.url
    expect(page.get_by_text("PreActResNet quick").first).to_be_visible()
