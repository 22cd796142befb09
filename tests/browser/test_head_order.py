"""The maps of the explorer ordered by what the heads do, which is measured when it is first asked for."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.explorer_page import EXPLORER, cell_position, leave_image
from tests.made_runs import make_run
from vitcore.probes import HEADS
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject

SMALL = {"patch_size": 8, "num_layers": 2, "num_heads": 3, "embed_dim": 24, "hidden_dim": 16}


@pytest.fixture
def unmeasured(server):
    return make_run(server.home / "runs", "heads", model="vit", **SMALL)


def test_heads_are_measured_on_request_and_then_ordered(visitor, open_explorer, server, unmeasured):
    page = open_explorer(f"?run={unmeasured.id}")
    page.locator(".xp-order select").select_option("entropy")
    page.get_by_role("button", name=re.compile("Measure now")).click()
    # for a moment, the page has the explorer of the run before as well
    expect(page.locator(".xp[data-order='entropy']").first).to_be_visible(timeout=60_000)
    expect(page.locator(".xp")).to_have_count(1)
    expect(page.get_by_role("button", name=re.compile("Measure now"))).to_have_count(0)
    *_, last = measure(HEADS, [Subject(unmeasured)], HEADS.images, root=server.home / "runs")
    means = np.array(last.result.values.entropy.mean)
    shown = page.evaluate(f"{EXPLORER}.plan.cells.map((cell) => [cell.r, cell.c])")
    assert [means[layer, head] for layer, head in shown] == sorted(means.ravel())
    assert "order=entropy" in page.url
    with page.expect_download() as caught:
        page.get_by_role("button", name="Heads as CSV").click()
    rows = list(csv.DictReader(caught.value.path().open()))
    entropies = [float(row["mean"]) for row in rows if row["quantity"].startswith("entropy")]
    assert entropies == means.ravel().tolist()
    assert {row["images"] for row in rows} == {"200"}


def test_ordered_head_is_chosen_by_its_map_and_described(visitor, open_explorer, server, unmeasured):
    *_, last = measure(HEADS, [Subject(unmeasured)], HEADS.images, root=server.home / "runs")
    page = open_explorer(f"?run={unmeasured.id}&order=self&layer=1&head=2")
    frame, summary = page.locator(".xp"), page.locator(".xp-summary")
    expect(frame).to_have_attribute("data-order", "self")
    expect(summary).to_contain_text(f"{100 * last.result.values.to_self.mean[0][1]:.2f} ±")
    page.mouse.click(*cell_position(page, 2, 3))
    leave_image(page)
    expect(frame).to_have_attribute("data-cell", "2.3")
    expect(summary).to_contain_text(f"{last.result.values.distance.mean[1][2]:.2f} ±")
    page.locator(".xp-image").focus()
    page.keyboard.press("[")
    expect(frame).to_have_attribute("data-cell", "1.3")
    order = page.locator(".xp-order select")
    order.focus()
    page.keyboard.press("Home")  # the order of the layers
    expect(frame).to_have_attribute("data-order", "layers")
    visitor.settle()
    assert "order" not in page.url
