"""The queue on the Training page: killed, moved, stopped, copied and simultaneous launches."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WINDOW, Visitor
from tests.browser.test_training import launch, wait_for_points
from tests.browser.trainer import LONG
from tests.waiting import until
from vitcore.config import make_config
from vitcore.queue import launch as background
from vitcore.queue import order
from vitcore.runs.creation import create_run
from vitcore.runs.folder import find_run, list_runs
from vitcore.runs.status import Status


def own_runs(server):
    return list_runs(server.home / "runs", bundled=False)


pytestmark = pytest.mark.usefixtures("stop_runs")


def watched_run(page, server):
    return find_run(re.search(r"watch=([\w-]+)", page.url)[1], server.home / "runs")


def set_epochs(visitor, epochs):
    field = visitor.page.get_by_role("spinbutton", name="Epochs")
    field.fill(str(epochs))
    field.press("Enter")
    visitor.settle()


def test_killed_training_is_shown_as_failed_within_ten_seconds_and_resumes(visitor, server):
    page = launch(visitor, epochs=LONG)
    wait_for_points(page, 1)
    run = watched_run(page, server)
    os.kill(run.status().pid, signal.SIGKILL)
    expect(page.get_by_text("failed", exact=True)).to_be_visible(timeout=10_000)
    assert run.status().state == "failed"
    page.locator(".st-key-resume").get_by_role("button").click()
    expect(page.locator(".st-key-stop").get_by_role("button")).to_be_visible()
    expect(page.get_by_text("running", exact=True)).to_be_visible()


def test_queued_runs_are_moved_and_stopped(visitor, server, busy):
    page = visitor.open("training?model=ResNet")
    ids = []
    for epochs in (502, 503):
        set_epochs(visitor, epochs)
        page.get_by_role("button", name="Launch training").click()
        expect(page.get_by_role("button", name=re.compile(rf"queue \({epochs - 501}\)"))).to_be_visible()
        visitor.settle()
        ids.append(watched_run(page, server).id)
    expect(page.get_by_text("2nd")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"queue \(")).click()
    expect(page.get_by_text(busy.title).first).to_be_visible()  # the run on the device
    page.locator(f".st-key-up_{ids[1]}").get_by_role("button").click()
    expect(page.get_by_text("2nd")).to_have_count(0)
    assert [run.id for run in order.waiting(server.home / "runs")] == ids[::-1]
    visitor.settle()
    page.keyboard.press("Escape")
    page.locator(".st-key-stop").get_by_role("button").click()
    expect(page.locator(".st-key-resume")).to_be_visible()
    assert [run.id for run in order.waiting(server.home / "runs")] == ids[:1]


def test_fair_pair_is_launched_with_the_epochs_of_the_form_and_its_popover_closes(visitor, server, busy):
    page = visitor.open("training?model=ResNet")
    set_epochs(visitor, 4)
    set_epochs(visitor, 3)
    before = {run.id for run in own_runs(server)}
    page.get_by_role("button", name="Fair pair").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_contain_text("Both: 3 epochs")
    page.locator(".st-key-launch_pair").get_by_role("button").click()
    expect(page.get_by_test_id("stToast")).to_contain_text("2 runs are queued")
    expect(body).to_have_count(0)
    new = [run for run in own_runs(server) if run.id not in before]
    assert sorted(run.config.epochs for run in new) == [3, 3]
    visitor.settle()
    assert any(run.id in page.url for run in new)

    page.get_by_role("button", name=re.compile(r"queue \(2\)")).click()
    page.locator(f".st-key-remove_{new[0].id}").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name=re.compile(r"queue \(1\)"))).to_be_visible()
    assert find_run(new[0].id, server.home / "runs").status().state == "stopped"


def test_selected_runs_of_the_table_are_stopped_and_deleted(visitor, server, busy):
    home = server.home / "runs"
    runs = [background.launch(make_config("quick"), home, title=f"bulk {i}") for i in range(2)]
    page = visitor.open("training?all=true&find=bulk")
    table = page.locator('[class*="st-key-runs_table"] canvas').first
    table.scroll_into_view_if_needed()

    def select_all():
        box = table.bounding_box()
        page.mouse.click(box["x"] + 17, box["y"] + 17)
        visitor.settle()

    select_all()
    page.locator(".st-key-stop_selected").get_by_role("button").click()
    expect(page.get_by_test_id("stToast").filter(has_text="bulk 0")).to_be_visible()
    assert {run.status().state for run in runs} == {"stopped"}
    visitor.settle()
    delete = page.locator('[class*="st-key-delete_selected"]').get_by_role("button")
    if delete.is_disabled():
        select_all()
    delete.click()
    page.locator('[class*="st-key-sure_"] label').filter(has_text="2 runs").click()
    page.locator(".st-key-delete_runs").get_by_role("button").click()
    expect(page.get_by_test_id("stToast").filter(has_text="Deleted 2 runs")).to_be_visible()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    assert not {run.id for run in runs} & {run.id for run in own_runs(server)}


def test_training_that_ignores_a_stop_is_ended_at_once(visitor, server, stand_in):
    """The process ignores the request to stop."""
    status = Status(state="running", created=time.time(), slots=["cpu"], **stand_in)
    run = create_run(make_config("quick"), server.home / "runs", status=status)
    page = visitor.page
    page.goto(f"{visitor.url}/training?watch={run.id}")
    page.locator(".st-key-stop").get_by_role("button").click()
    page.locator(".st-key-abort").get_by_role("button").click()
    expect(page.locator(".st-key-resume")).to_be_visible()
    until(lambda: run.status().state == "stopped")  # once the supervisor has recorded the end


def test_settings_of_a_run_are_copied_and_changed(visitor, server, busy):
    page = visitor.open("training?watch=vit-cifar10")
    page.get_by_role("button", name="Copy settings").click()
    expect(page.locator(".st-key-uncopy")).to_be_visible()
    visitor.settle()
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("20")
    before = {run.id for run in own_runs(server)}
    set_epochs(visitor, 3)
    page.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name="cifar10-mini").click()
    visitor.settle()
    page.get_by_role("button", name="Launch training").click()
    expect(page.locator(".st-key-stop")).to_be_visible()
    (run,) = [run for run in own_runs(server) if run.id not in before]
    same = find_run("vit-cifar10").config.model_dump() | {"epochs": 3, "data": "cifar10-mini"}
    assert run.config.model_dump() == same
    page.locator(".st-key-uncopy").get_by_role("button").click()
    visitor.settle()
    expect(page.locator(".st-key-uncopy")).to_have_count(0)


@pytest.mark.slow
def test_simultaneous_launches_of_two_visitors_start_one_run(browser, server, busy):
    contexts = [browser.new_context(viewport=WINDOW) for _ in range(2)]
    visitors = [Visitor(context.new_page(), server.url) for context in contexts]
    before = {run.id for run in own_runs(server)}
    for visitor in visitors:
        visitor.open("training?model=ResNet")
        set_epochs(visitor, 507)
    buttons = [v.page.get_by_role("button", name="Launch training") for v in visitors]
    for button in buttons:
        button.dispatch_event("click")  # does not wait for the rerun
    for visitor in visitors:
        expect(visitor.page.locator(".st-key-stop")).to_be_visible()
        visitor.settle()
        visitor.check()
    (run,) = {run.id for run in own_runs(server)} - before
    assert [run in visitor.page.url for visitor in visitors] == [True, True]
    for context in contexts:
        context.close()
