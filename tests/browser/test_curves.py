"""Curves of running trainings: they grow, keep zoom and hidden curves, and can be downloaded."""

from __future__ import annotations

import csv
import io
import re
import time

import pytest
from playwright.sync_api import expect
from torch.utils.tensorboard import SummaryWriter

from vitcore.config import make_config
from vitcore.runs import process
from vitcore.runs.creation import create_run
from vitcore.runs.metrics import read_scalars
from vitcore.runs.status import Status

CHART = ".st-key-watch_train_acc .curves"


@pytest.fixture
def running(server):
    """Return a run with the identity of this process, and a function that adds points to its curves."""
    now = time.time()
    status = Status(state="running", created=now, heartbeat=now, steps=10_000, **process.identity())
    run = create_run(make_config("quick", epochs=100), server.home / "runs", status=status)
    writer, count = SummaryWriter(str(run.path)), 0

    def step(points=20):
        nonlocal count
        for _ in range(points):
            for tag in ("train_acc", "val_acc", "train_loss", "val_loss"):
                writer.add_scalar(tag, 0.5 + 0.001 * (count % 100), count)
            writer.add_scalar("epoch", count / 100, count)
            count += 1
        writer.flush()

    yield run, step
    writer.close()
    run.write_status(status.model_copy(update={"state": "stopped", "ended": time.time()}))


def drawn_chart(page, key):
    """Return the chart with this key once it is drawn."""
    selector = f'[class*="st-key-{key}"] .curves'
    page.wait_for_function(f"document.querySelector('{selector}')?._fullData", timeout=60_000)
    return page.locator(selector)


def state_of(page):
    return page.evaluate(
        f"""() => {{
          const div = document.querySelector("{CHART}");
          return {{
            range: div._fullLayout.xaxis.range.map(v => +v.toFixed(4)),
            hidden: div._fullData.filter(t => t.visible === "legendonly").map(t => t.name),
            points: +div.dataset.points,
            same: div === window.seen,
          }};
        }}"""
    )


@pytest.mark.slow
def test_zoom_and_hidden_curves_survive_ten_ticks_of_a_live_chart(visitor, running):
    run, step = running
    step()
    page = visitor.page
    page.goto(f"{visitor.url}/training?watch={run.id}")  # not `open`: the page reruns all the time
    page.wait_for_function(f"document.querySelector('{CHART}')?.dataset.points > 0", timeout=60_000)
    drawn_chart(page, "watch_train_acc")
    page.locator(f"{CHART} .legendtoggle").first.click()
    # Plotly waits for a second click, which would show only this curve
    hidden = "_fullData.some((trace) => trace.visible === 'legendonly')"
    page.wait_for_function(f"document.querySelector('{CHART}').{hidden}")
    box = page.locator(f"{CHART} .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function(f"!document.querySelector('{CHART}')._fullLayout.xaxis.autorange")
    page.evaluate(f"window.seen = document.querySelector('{CHART}')")
    main = "document.querySelector('[data-testid=\"stMain\"]').scrollTop"
    page.evaluate(f"{main} = 80")
    before, scrolled = state_of(page), page.evaluate(main)
    assert scrolled > 0
    assert before["hidden"] == ["training"]
    assert 0 < before["range"][0] < before["range"][1] < 0.19
    for tick in range(10):
        step()
        page.wait_for_function(f"document.querySelector('{CHART}').dataset.points >= {40 + 20 * tick}")
    after = state_of(page)
    assert after == {**before, "points": 220, "same": True}
    assert page.evaluate(main) == scrolled
    page.get_by_role("slider", name="Smoothing").press("End")  # adds curves before the hidden one
    count = f"document.querySelector('{CHART}')._fullData.length"
    page.wait_for_function(f"{count} >= 5")
    assert set(state_of(page)["hidden"]) <= {"training", ""}
    visible = f"[...document.querySelector('{CHART}')._fullData].filter(t => t.visible === true)"
    assert set(page.evaluate(f"{visible}.map(t => t.legendgroup)")) == {"validation"}


def test_curves_are_downloaded_as_png_svg_and_csv(visitor):
    page = visitor.open("training?watch=resnet-cifar10")
    drawn_chart(page, "watch_train_acc")
    frame = page.locator(".st-key-watch_train_acc")
    kinds = {"PNG": b"\x89PNG", "SVG": b"<svg"}
    for kind, start in kinds.items():
        with page.expect_download() as saved:
            frame.get_by_role("button", name=kind).click()
        data = saved.value.path().read_bytes()
        assert data.startswith(start)
        assert saved.value.suggested_filename == f"vitlab-accuracy.{kind.lower()}"
    with page.expect_download() as saved:
        page.locator(".st-key-csv_watch").get_by_role("button").click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text())))
    from vitcore.runs.folder import find_run

    curves = read_scalars(find_run("resnet-cifar10").path).curves
    assert len(rows) == sum(len(curve.steps) for curve in curves.values())
    values = [float(row["value"]) for row in rows if row["tag"] == "val_acc"]
    assert values == curves["val_acc"].values.tolist()


def test_curves_have_the_axis_scale_smoothing_and_metrics_of_the_link(visitor):
    page = visitor.open(
        "compare?runs=vit-cifar10,resnet-cifar10&x=images&log=true&smooth=0.9&more_compare=true"
    )
    loss = drawn_chart(page, "compare_train_loss")
    expect(loss).to_contain_text("images seen")
    assert loss.evaluate("e => e._fullLayout.yaxis.type") == "log"
    ends = loss.evaluate("e => Math.max(...e._fullData.flatMap(t => t.x))")
    assert ends == pytest.approx(20 * 45_000, rel=0.02)
    assert loss.evaluate("e => e._fullData.filter(t => t.hoverinfo === 'skip').length") >= 4  # raw curves
    expect(drawn_chart(page, "compare_of_lr")).to_contain_text("learning rate")
    best = drawn_chart(page, "compare_train_acc").evaluate(
        "e => e._fullData.filter(t => t.marker?.symbol === 'diamond-open').map(t => t.y[0])"
    )
    assert best == pytest.approx([82.30, 89.64], abs=0.01)


def test_pointer_shows_the_values_and_a_zoom_is_reset(visitor):
    page = visitor.open("training?watch=vit-cifar10")
    chart = drawn_chart(page, "watch_train_acc")
    frame = page.locator(".st-key-watch_train_acc")
    values, reset = frame.locator(".values"), frame.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_hidden()
    box = chart.locator(".nsewdrag").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.8 * box["width"], middle)
    expect(values).to_contain_text(
        re.compile(r"^epoch \d+(\.\d)?training \d+\.\d\d %validation \d+\.\d\d %$")
    )
    left = values.bounding_box()
    assert left["x"] + left["width"] < box["x"] + 0.6 * box["width"]  # not under the pointer
    page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    page.mouse.up()
    expect(reset).to_be_visible()
    reset.click()
    expect(reset).to_be_hidden()
    low, high = chart.evaluate("e => e._fullLayout.xaxis.range")
    assert (low, high) == (pytest.approx(0, abs=1), pytest.approx(20, abs=1.5))


def test_event_files_of_other_programs_are_compared(visitor, server):
    writer = SummaryWriter(str(server.home / "runs" / "somebody" / "version_0"))
    for step in range(5000):
        writer.add_scalar("eval/score", float(step == 1234), step)
    writer.close()
    page = visitor.open("compare?runs=somebody/version_0&x=step&more_compare=true")
    chart = drawn_chart(page, "compare_of_eval")
    assert chart.evaluate("e => Math.max(...e._fullData[0].y)") == 1  # thinning keeps the only spike
    assert chart.evaluate("e => e._fullData[0].x.length") < 2000
    page.get_by_text("epoch", exact=True).first.click()
    visitor.settle()
    notes = page.get_by_test_id("stAlert").filter(has_text="somebody/version_0")
    expect(notes.first).to_be_visible()


def test_curves_on_compare_grow_while_a_run_trains(visitor, running):
    run, step = running
    step()
    page = visitor.page
    page.goto(f"{visitor.url}/compare?runs={run.id},vit-cifar10&x=step")
    chart = drawn_chart(page, "compare_train_acc")
    own = f"e._fullData.filter(t => t.legendgroup === '{run.id}')"
    longest = f"e => Math.max(...{own}.map(t => t.x.length))"
    assert chart.evaluate(longest) == 20
    step()
    page.wait_for_function(f"e => ({longest})(e) >= 40", arg=chart.element_handle(), timeout=20_000)
