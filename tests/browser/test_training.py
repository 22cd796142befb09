"""A training launched from the page: watched, reloaded, left alone, found again, stopped."""

from __future__ import annotations

import re
import sys
import time

import pytest
from playwright.sync_api import expect

from dashboard.__main__ import loopback
from tests.browser.conftest import Server, Visitor
from vitcore.runs.folder import find_run, list_runs


def launch(visitor, epochs, model="ResNet"):
    page = visitor.open(f"training?model={model}")
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill(str(epochs))
    field.press("Enter")
    visitor.settle()
    page.get_by_role("button", name="Launch training").click()
    expect(page.get_by_role("button", name="Stop training")).to_be_visible()
    return page


def points(page):
    """The number of points of the longest curve of the run in the address."""
    run = page.url.split("watch=")[1].split("&")[0]
    charts = (
        f"[...document.querySelectorAll('.curves')].filter(e => (e.dataset.view || '').includes('{run}'))"
    )
    return page.evaluate(f"Math.max(0, ...{charts}.map(e => +e.dataset.points))")


def wait_for_points(page, least, seconds=120):
    end = time.monotonic() + seconds
    while points(page) < least:
        assert time.monotonic() < end, page.inner_text("body")
        page.wait_for_timeout(300)


def test_launch_watch_reload_and_see_it_finish(visitor):
    page = launch(visitor, epochs=1)
    run = re.search(r"watch=resnet-quick-([\d-]+)", page.url)[1]
    wait_for_points(page, 1)
    first = points(page)
    page.reload()
    page.wait_for_selector("h1")
    wait_for_points(page, first)
    page.get_by_text("Log and command").click()  # while it runs: what was opened stays open when it ends
    expect(page.get_by_text("--config")).to_be_visible()
    expect(page.get_by_text("Test accuracy").first).to_be_visible(timeout=180_000)
    wait_for_points(page, 5)
    visitor.settle()
    expect(page.get_by_text("epoch 1/1")).to_be_visible()
    expect(page.get_by_text("--config")).to_be_visible()
    visitor.open("compare")  # which opens with the newest run
    expect(page.get_by_role("button", name=f"Remove ResNet quick ({run})")).to_be_visible()


def test_stop_saves_and_resume_goes_on(visitor):
    page = launch(visitor, epochs=500)
    wait_for_points(page, 1)
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_role("button", name="Resume training")).to_be_visible()
    expect(page.get_by_text("Stopped on request")).to_be_visible()
    before = points(page)
    visitor.settle()  # the whole page is drawn anew when a run ends; nobody clicks within that moment
    page.get_by_role("button", name="Resume training").click()
    expect(page.get_by_role("button", name="Stop training")).to_be_visible()
    wait_for_points(page, before + 1)
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_role("button", name="Resume training")).to_be_visible()


@pytest.mark.parametrize(
    ("model", "role", "setting", "value", "words"),
    [
        ("ViT", "spinbutton", "Embedding", "100", "embed_dim 100 is not divisible by num_heads 8"),
        ("ViT", "spinbutton", "Patch size", "5", "not divisible by patch_size 5"),
        ("MLP-Mixer", "spinbutton", "Token dim", "3", "token_dim is 3: it must be at least 8"),
        ("ResNet", "textbox", "Channels", "8, 16", "c_hidden has 2 stages and num_blocks 3"),
        ("DenseNet", "textbox", "Layers", "6, many", "must be a whole number"),
    ],
)
def test_a_wrong_setting_gets_a_sentence_and_launches_nothing(
    visitor, server, model, role, setting, value, words
):
    before = len(list_runs(server.home / "runs", bundled=False))
    page = visitor.open(f"training?model={model}")
    page.get_by_role("button", name="More").click()
    field = page.get_by_role(role, name=setting)
    field.fill(value)
    field.press("Enter")
    visitor.settle()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Launch training").click()
    expect(page.get_by_text(words)).to_be_visible()
    assert len(list_runs(server.home / "runs", bundled=False)) == before


def test_negative_epochs_get_a_sentence_that_goes_when_mended(visitor, server):
    before = len(list_runs(server.home / "runs", bundled=False))
    page = visitor.open("training?model=ResNet")
    field = page.get_by_role("spinbutton", name="Epochs")
    for value in ("-5", "10"):
        field.fill(value)
        field.press("Enter")
        visitor.settle()
        if value == "-5":
            page.get_by_role("button", name="Launch training").click()
            expect(page.get_by_text("epochs is -5: it must be at least 1")).to_be_visible()
    expect(page.get_by_text("it must be at least 1")).to_have_count(0)
    assert len(list_runs(server.home / "runs", bundled=False)) == before


def test_a_folder_outside_the_data_directory_is_refused(visitor, server):
    page = visitor.open("training?data=own%20folder")
    field = page.get_by_role("textbox", name="Folder under the data directory")
    field.fill("../../../etc")
    field.press("Enter")
    visitor.settle()
    page.get_by_role("button", name="Launch training").click()
    expect(page.get_by_text("Name a folder below")).to_be_visible()


def test_a_run_is_named_and_deleted(visitor, server):
    page = launch(visitor, epochs=500)
    run = page.url.split("watch=")[1].split("&")[0]
    wait_for_points(page, 1)
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_role("button", name="Resume training")).to_be_visible()
    visitor.settle()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").last.fill("My <b>run</b>")
    page.get_by_role("textbox", name="Note").fill("Too slow a start.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Too slow a start.").first).to_be_visible()
    visitor.settle()
    assert run in page.url
    assert find_run(run, server.home / "runs").title == "My <b>run</b>"
    expect(page.get_by_role("combobox", name="Watch")).to_have_value(re.compile("My <b>run</b>"))
    if not page.get_by_role("button", name="Delete for good").is_visible():
        page.get_by_role("button", name="Edit").click()
    page.get_by_text("I do not need this run any more").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("combobox", name="Watch")).not_to_have_value(re.compile("My <b>run</b>"))
    visitor.settle()
    assert run not in [r.id for r in list_runs(server.home / "runs", bundled=False)]


@pytest.mark.parametrize(("host", "fits"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)])
def test_what_only_this_machine_reaches(host, fits):
    assert loopback(host) == fits


def test_a_dashboard_for_others_shows_everything_and_launches_nothing(browser, tmp_path):
    server = Server(tmp_path)
    command = [sys.executable, "-m", "dashboard", "--port", str(server.port), "--host", "0.0.0.0"]
    server.start(command)
    try:
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        visitor = Visitor(page, server.url)
        visitor.open("training")
        expect(page.get_by_role("button", name="Launch training")).to_be_disabled()
        expect(page.get_by_text("recipe modern").first).to_be_visible()
        visitor.open("compare")
        page.get_by_role("button", name="Published models").click()
        expect(page.get_by_role("button", name="Download and import")).to_be_disabled()
        visitor.check()
        page.context.close()
        assert "Read-only" in (tmp_path / "server.log").read_text()
    finally:
        server.stop()


@pytest.mark.parametrize("apart_ms", [0, 450], ids=["at once", "a moment later"])
def test_a_double_click_launches_once_and_shows_the_run(visitor, server, apart_ms):
    """Within a moment, the second click interrupts the script that the first one began."""
    home = server.home / "runs"
    page = visitor.open("training?model=ResNet")
    before = {run.id for run in list_runs(home, bundled=False)}
    button = page.get_by_role("button", name="Launch training")
    button.click()
    page.wait_for_timeout(apart_ms)
    button.click()
    expect(page.get_by_role("button", name="Stop training")).to_be_visible()
    visitor.settle()
    (new,) = {run.id for run in list_runs(home, bundled=False)} - before
    assert f"watch={new}" in page.url
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_role("button", name="Resume training")).to_be_visible()


def test_a_training_outlives_browser_and_dashboard_and_is_found_again(browser, tmp_path):
    server = Server(tmp_path).start()
    try:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        visitor = Visitor(context.new_page(), server.url)
        page = launch(visitor, epochs=500)
        wait_for_points(page, 1)
        address = page.url.removeprefix(f"{server.url}/")
        visitor.check()
        context.close()
        (run,) = list_runs(tmp_path / "runs", bundled=False)
        step = run.status().step
        server.stop()
        end = time.monotonic() + 60
        while run.status().step <= step and time.monotonic() < end:
            time.sleep(0.2)
        assert run.status().state == "running"
        assert run.status().step > step

        server.start()
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        visitor = Visitor(context.new_page(), server.url)
        page = visitor.open(address)
        wait_for_points(page, 2)
        page.get_by_role("button", name="Stop training").click()
        expect(page.get_by_role("button", name="Resume training")).to_be_visible()
        visitor.check()
        context.close()
        assert run.status().state == "stopped"
    finally:
        server.stop()
