"""Trainings launched from the page: watched, reloaded, stopped, resumed, renamed, deleted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.trainer import LONG
from tests.conftest import TINY_RESNET, make_folder
from tests.made_runs import make_run
from tests.waiting import until
from vitcore.runs.folder import find_run, list_runs


def launch(visitor, epochs, folder=None):
    """Launch a ResNet, on a folder below the data directory if one is given."""
    page = visitor.open("training?model=ResNet" + ("&data=own%20folder" if folder else ""))
    if folder:
        field = page.get_by_role("textbox", name="Folder under the data directory")
        field.fill(folder)
        field.press("Enter")
        visitor.settle()
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill(str(epochs))
    field.press("Enter")
    visitor.settle()
    page.get_by_role("button", name="Launch training").click()
    expect(page.locator(".st-key-stop").get_by_role("button")).to_be_visible()
    return page


# the number of points of the longest curve of the run in the address
POINTS = """(() => {
  const run = new URLSearchParams(location.search).get("watch");
  const charts = [...document.querySelectorAll(".curves")];
  const own = charts.filter((e) => (e.dataset.view || "").includes(run));
  return Math.max(0, ...own.map((e) => +e.dataset.points));
})()"""


def points(page):
    return page.evaluate(POINTS)


def wait_for_points(page, least, seconds=120):
    """Wait until the longest curve of the run in the address has `least` points."""
    page.wait_for_function(f"{POINTS} >= {least}", timeout=1000 * seconds)


def test_launched_run_is_watched_through_a_reload_until_it_finishes(visitor, server):
    make_folder(server.home / "data" / "two colors", {"blue": (40, 60, 200), "red": (200, 60, 40)}, 60)
    page = launch(visitor, epochs=12, folder="two colors")
    run = re.search(r"watch=(resnet-quick-[\d-]+)", page.url)[1]
    wait_for_points(page, 1)
    first = points(page)
    page.reload()
    page.wait_for_selector("h1")
    wait_for_points(page, first)
    page.get_by_text("Log and command").click()  # stays open when the run ends
    expect(page.get_by_text("--config")).to_be_visible()
    expect(page.get_by_text("Test accuracy").first).to_be_visible(timeout=180_000)
    wait_for_points(page, first + 1)
    visitor.settle()
    expect(page.get_by_text("12/12")).to_be_visible()
    expect(page.get_by_text("--config")).to_be_visible()
    visitor.open(f"compare?runs={run}")
    hour, minute = re.search(r"-(\d\d)(\d\d)\d\d$", run).groups()
    label = re.compile(rf"ResNet quick.*12 epochs.*\({hour}:{minute}\)")
    expect(page.get_by_role("button", name=label)).to_be_visible()


def test_stopped_run_is_resumed(visitor):
    page = launch(visitor, epochs=LONG)
    wait_for_points(page, 1)
    page.locator(".st-key-stop").get_by_role("button").click()
    expect(page.locator(".st-key-resume").get_by_role("button")).to_be_visible()
    before = points(page)
    visitor.settle()  # the page reruns when a run ends
    page.locator(".st-key-resume").get_by_role("button").click()
    expect(page.locator(".st-key-stop").get_by_role("button")).to_be_visible()
    wait_for_points(page, before + 1)
    page.locator(".st-key-stop").get_by_role("button").click()
    expect(page.locator(".st-key-resume").get_by_role("button")).to_be_visible()


def test_run_is_renamed_and_deleted(visitor, server):
    run = make_run(server.home / "runs", "unnamed", model="resnet", **TINY_RESNET).id
    page = visitor.open(f"training?watch={run}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").last.fill("My <b>run</b>")
    page.get_by_role("textbox", name="Note").fill("Slow start.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Slow start.").first).to_be_visible()
    visitor.settle()
    assert run in page.url
    assert find_run(run, server.home / "runs").title == "My <b>run</b>"
    expect(page.get_by_role("combobox", name="Watch")).to_have_value(re.compile("My <b>run</b>"))
    delete = page.locator(".st-key-delete").get_by_role("button")
    if not delete.is_visible():
        page.get_by_role("button", name="Edit").click()
    page.locator(f".st-key-sure_run_{run} label").click()
    delete.click()
    expect(page.get_by_role("combobox", name="Watch")).not_to_have_value(re.compile("My <b>run</b>"))
    visitor.settle()
    assert run not in [r.id for r in list_runs(server.home / "runs", bundled=False)]


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "a moment later"])
def test_double_click_launches_one_run(visitor, server, busy, pause):
    """The second click may interrupt the script run that the first one started."""
    home = server.home / "runs"

    def launched_runs():
        return {run.id for run in list_runs(home, bundled=False)} - before

    page = visitor.open("training?model=ResNet")
    before = {run.id for run in list_runs(home, bundled=False)}
    button = page.get_by_role("button", name="Launch training")
    button.click()
    if pause:
        until(launched_runs)
    button.click()
    expect(page.locator(".st-key-stop")).to_be_visible()
    visitor.settle()
    (new,) = launched_runs()
    assert f"watch={new}" in page.url
