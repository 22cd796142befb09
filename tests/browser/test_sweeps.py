"""Sweeps: launched on the Training page, shown on Compare."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.views import PAGES
from tests.conftest import make_folder
from tests.waiting import until
from vitcore.config import make_config
from vitcore.data import resolve
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.status import Status, SweepLink
from vitcore.runs.titles import launch_command
from vitcore.sweeps.sweep import find_sweeps

FIGURE = ".stPlotlyChart"
TRACES = (
    "[...document.querySelectorAll('.js-plotly-plot')].flatMap(e => e.data || [])"
    ".map(t => [t.name || '', [...t.x], t.y ? [...t.y] : [], t.error_y ? [...t.error_y.array] : []])"
)


pytestmark = pytest.mark.usefixtures("stop_runs")


def own_sweeps(server):
    return find_sweeps(list_runs(server.home / "runs", bundled=False))


def sweep_run(home, name, kind, *, acc, state="finished", varied=None, **config):
    """Write a run of a sweep that has ended, with its result but without weights."""
    result = {"test_acc": acc, "val_acc": acc, "n_test": 1000, "n_val": 500} if state == "finished" else {}
    status = Status(state=state, created=time.time(), active_s=60.0, result=result)
    title = f"{config['model']} {config.get('train_share', '')} {varied or ''}"
    link = SweepLink(name=name, kind=kind, varied=varied or {})
    return create_run(resolve(make_config("quick", **config)), home, title=title, status=status, sweep=link)


def traces(page):
    """Return the name, x, y and errors of every line that is drawn."""
    return page.evaluate(TRACES)


def open_form(visitor, path):
    page = visitor.open(path)
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill("1")
    field.press("Enter")
    visitor.settle()
    return page


def choose(page, visitor, label, *values):
    box = page.get_by_role("combobox", name=label)
    for value in values:
        box.fill(value)
        page.get_by_role("option", name=value, exact=True).click()
        visitor.settle()


@pytest.mark.slow
def test_study_is_launched_and_its_results_appear(visitor, server):
    colors = {"blue": (40, 60, 200), "red": (200, 60, 40)}
    make_folder(server.home / "data" / "colors", colors, 60)
    page = open_form(visitor, "training?model=ResNet&data=own%20folder")
    field = page.get_by_role("textbox", name="Folder under the data directory")
    field.fill("colors")
    field.press("Enter")
    visitor.settle()
    page.get_by_role("button", name="Sweep").click()
    page.get_by_role("radio", name="One setting at a time").click()
    launch = page.locator(".st-key-launch_sweep").get_by_role("button")
    expect(launch).to_have_count(0)  # no setting is chosen
    choose(page, visitor, "Settings", "Learning rate")
    field = page.get_by_role("textbox", name="Learning rate").last
    expect(field).to_have_value("0.017, 0.05, 0.15")
    field.fill("0.05, fast")
    field.press("Enter")
    expect(page.get_by_test_id("stAlert").filter(has_text="fast")).to_be_visible()
    field.fill("0.05, 0.01")
    field.press("Enter")
    expect(page.get_by_text(re.compile("2 runs.*1 epoch .*colors"))).to_be_visible()
    launch.dblclick()
    link = page.locator(".st-key-see_all").get_by_role("button")
    expect(link).to_be_visible()
    visitor.settle()
    (sweep,) = own_sweeps(server)  # one launch in spite of two clicks
    assert [run.meta.sweep.varied for run in sweep.runs] == [{}, {"lr": 0.01}]
    assert f"watch={sweep.runs[0].id}" in page.url
    link.click()
    expect(page.locator("h1")).to_have_text(PAGES["compare"])
    visitor.settle()
    assert "view=Sweeps" in page.url
    assert f"sweep={sweep.name}" in page.url
    until(lambda: {run.status().state for run in sweep.runs} == {"finished"}, 170)
    page.wait_for_function(f"{TRACES}[0]?.[1].length === 2")
    visitor.settle()
    results = {run.config.lr: run.status().result for run in sweep.runs}
    (line, _) = traces(page)
    assert line[1] == ["0.01", "0.05"]
    assert line[2] == pytest.approx([100 * results[lr]["test_acc"] for lr in (0.01, 0.05)])
    p = results[0.01]["test_acc"]
    assert line[3][0] == pytest.approx(100 * (p * (1 - p) / 12) ** 0.5)
    page.locator(".st-key-sweep_curves").get_by_role("button").click()
    visitor.settle()
    charts = page.locator(".curves .js-plotly-plot, .curves.js-plotly-plot")
    expect(charts).to_have_count(2)
    expect(page.get_by_text("ResNet, base").first).to_be_visible()


@pytest.mark.slow
def test_sample_sweep_is_launched_stopped_and_deleted_as_a_whole(visitor, server, busy):
    before = {sweep.name for sweep in own_sweeps(server)}
    page = open_form(visitor, "training?model=ResNet")
    page.get_by_role("button", name="Sweep").click()
    expect(
        page.get_by_text(re.compile(r"6 runs.*500 steps.*cifar10-mini.*About \d+ min.*images/s"))
    ).to_be_visible()
    steps = page.get_by_role("spinbutton", name="Steps of each run")
    steps.fill("777")
    steps.press("Enter")
    expect(page.get_by_test_id("stAlert").filter(has_text="777")).to_be_visible()
    assert {sweep.name for sweep in own_sweeps(server)} == before
    steps.fill("5000")
    steps.press("Enter")
    for share in ("5 %", "25 %", "100 %"):  # the first is added, the others are removed
        page.get_by_role("button", name=share, exact=True).click()
        visitor.settle()
    seeds = page.get_by_role("spinbutton", name="Seeds")
    seeds.fill("2")
    seeds.press("Enter")
    button = page.locator(".st-key-launch_sweep").get_by_role("button", name=re.compile(r"\b8\b"))
    expect(button).to_be_disabled()  # it takes hours
    sure = page.locator('[class*="st-key-sweep_sure"] label')
    expect(sure).to_have_count(1)  # that of the estimate before stays until the run of the page ends
    sure.click()
    button.click()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    link = page.locator(".st-key-see_all").get_by_role("button")
    expect(link).to_be_visible()
    (sweep,) = (s for s in own_sweeps(server) if s.name not in before)
    assert {(r.config.model, r.config.train_share, r.config.seed) for r in sweep.runs} == {
        (model, share, seed) for model in ("vit", "resnet") for share in (0.05, 0.1) for seed in (0, 1)
    }
    visitor.settle()
    link.click()
    visitor.settle()
    page.get_by_role("button", name="Manage").click()
    page.locator(".st-key-stop_sweep").get_by_role("button").click()
    until(lambda: {run.status().state for run in sweep.runs} == {"stopped"}, 90)
    visitor.settle()
    delete = page.locator(".st-key-delete_sweep").get_by_role("button")
    if not delete.is_visible():
        page.get_by_role("button", name="Manage").click()
    expect(page.locator(".st-key-resume_sweep").get_by_role("button")).to_be_enabled()
    page.locator(f".st-key-sure_{sweep.name} label").click()
    delete.click()
    visitor.settle()
    assert {s.name for s in own_sweeps(server)} == before


def test_finished_sweep_is_drawn_with_errors_and_its_runs_are_not_listed(visitor, server):
    home, steps = server.home / "runs", {"epochs": 10, "steps_per_epoch": 35, "data": "cifar10-mini"}
    known = {
        ("resnet", 0.1, 0): 0.50,
        ("resnet", 0.1, 1): 0.56,
        ("resnet", 1.0, 0): 0.70,
        ("vit", 0.1, 0): 0.36,
    }
    made = [
        sweep_run(home, "samples-drawn", "samples", acc=acc, model=m, train_share=share, seed=seed, **steps)
        for (m, share, seed), acc in known.items()
    ]
    made.append(
        sweep_run(
            home, "samples-drawn", "samples", acc=0, state="failed", model="vit", train_share=1.0, **steps
        )
    )
    page = visitor.open("compare?view=Sweeps&sweep=samples-drawn")
    expect(page.locator(FIGURE)).to_be_visible()
    lines = {name: (x, y, error) for name, x, y, error in traces(page)}
    assert lines["ResNet"][0] == [350, 3500]
    assert lines["ResNet"][1] == pytest.approx([53, 70])
    assert lines["ResNet"][2] == pytest.approx([3, 100 * (0.7 * 0.3 / 1000) ** 0.5])  # over seeds; binomial
    assert lines["ViT"][:2] == ([350], pytest.approx([36]))
    for text in ("10 %", r"350 steps.*64 images", "n = 1,000", r"4 of 5 .*1 failed"):
        expect(page.get_by_text(re.compile(text)).first).to_be_visible()
    visitor.check()
    page.get_by_role("radio", name="Runs").click()
    visitor.settle()
    page.get_by_role("combobox", name="Runs").fill("resnet 0.1")
    expect(page.get_by_text("No results")).to_be_visible()
    visitor.open("training")
    watch = page.get_by_role("combobox", name="Watch")
    watch.fill("ResNet, 20")  # the list shows its first entries only
    expect(page.get_by_role("option", name="ResNet, 20 epochs")).to_be_visible()
    watch.fill("resnet 0.1")
    expect(page.get_by_text("No results")).to_be_visible()
    page.keyboard.press("Escape")
    visitor.open(f"training?watch={made[0].id}")  # a link to the run shows it, with a link to its sweep
    expect(page.get_by_role("combobox", name="Watch")).to_have_value(re.compile("resnet 0.1"))
    page.locator(".st-key-see_all").get_by_role("button").click()
    expect(page.locator(FIGURE)).to_be_visible()
    assert "sweep=samples-drawn" in page.url


def test_link_to_a_missing_sweep_opens_another_one(visitor, server):
    sweep_run(server.home / "runs", "study-alone", "study", acc=0.4, model="vit", data="cifar10-mini")
    page = visitor.open("compare?view=Sweeps&sweep=../../etc")
    expect(page.locator(FIGURE)).to_be_visible()
    assert "etc" not in page.url
    assert json.dumps(traces(page))


def test_bundled_sweep_shows_commit_and_command_of_its_runs(visitor, server):
    sweep = next(s for s in find_sweeps(list_runs()) if s.name == "samples-cifar10")
    page = visitor.open(f"compare?view=Sweeps&sweep={sweep.name}")
    expect(page.get_by_text(sweep.runs[0].meta.note)).to_be_visible()  # the note of all runs is shown once
    page.get_by_role("button", name="How it was measured").click()
    for run in sweep.runs:
        expect(page.get_by_text(f"{run.title}: ").first).to_contain_text(f"commit {run.status().commit}")
    expect(page.get_by_text(launch_command(sweep.runs[-1].config))).to_be_visible()
    expect(page.get_by_role("button", name="Manage")).to_have_count(0)  # bundled sweeps cannot be changed


def test_texts_of_an_imported_run_are_not_rendered_as_markdown(visitor, server):
    run = sweep_run(server.home / "runs", "study-foreign", "study", acc=0.4, model="vit", data="cifar10-mini")
    image = "![m](http://example.invalid/m.png) **b**"
    origin = {"machine": image, "commit": image, "started": time.time()}
    run.write_status(run.stored_status().model_copy(update=origin))
    run.write_meta(run.meta.model_copy(update={"title": f"T {image}", "note": f"N {image}"}))
    page = visitor.open("compare?view=Sweeps&sweep=study-foreign")
    page.get_by_role("button", name="How it was measured").click()
    shown = image.replace("://", "\u2060://")  # with a word joiner, so that it is no link
    for text in (f"T {shown}", f"N {shown}", f"commit {shown}"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.locator("img[src*='example.invalid']")).to_have_count(0)
    visitor.open(f"training?watch={run.id}")
    page.get_by_text("Log and command").click()
    expect(page.get_by_text(f"commit {shown}").first).to_be_visible()
    expect(page.locator("img[src*='example.invalid']")).to_have_count(0)
    visitor.check()
