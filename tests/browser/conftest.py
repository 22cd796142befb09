"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from tests.chromium import FLAGS, find
from tests.conftest import ROOT
from tests.waiting import until
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.queue import launch
from vitcore.queue.devices import list_devices
from vitcore.runs.creation import create_run
from vitcore.runs.folder import list_runs
from vitcore.runs.process import boot_id, hostname
from vitcore.runs.status import ACTIVE, Status

expect.set_options(timeout=60_000)  # a training may be using both cores, and those of a CI may be slow
HERE = Path(__file__).resolve().parent
WINDOW = {"width": 1280, "height": 720}
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def pytest_collection_modifyitems(items):
    for item in items:  # of the whole session, not only of this folder
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = find()
    if path is None:
        if os.environ.get("VITLAB_REQUIRE_BROWSER"):
            pytest.fail("no Chromium, and VITLAB_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium on this machine, and none could be downloaded: install Chromium or Chrome")
    return {**browser_type_launch_args, "executable_path": path, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": WINDOW}


class Server:
    """A dashboard with its own folders. `start` and `stop` can be repeated."""

    def __init__(self, home):
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, command=None, cwd=ROOT, **environment):
        command = command or [sys.executable, "-m", "dashboard", "--port", str(self.port)]
        home = {f"VITLAB_{name.upper()}": str(self.home / name) for name in ("runs", "data", "talks")}
        self.log = (self.home / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **home, **environment}, stdout=self.log, stderr=self.log
        )
        until(self._is_ready, why="the server did not start")
        return self

    def _is_ready(self):
        assert self.process.poll() is None, (self.home / "server.log").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
            return True
        return False

    def stop_runs(self):
        """Stop the queued and running trainings of this server, without saving them."""
        for run in list_runs(self.home / "runs", bundled=False):
            with contextlib.suppress(UserError):  # it has just ended
                if run.status().state in ACTIVE:
                    launch.stop(run, now=True)

    def remove_runs(self):
        """Remove all runs and talks of this server. Measurements stay, since weights identify them."""
        runs = self.home / "runs"
        self.stop_runs()
        until(lambda: not any(run.status().state in ACTIVE for run in list_runs(runs, bundled=False)))
        for place in (*runs.glob("[!.]*"), *(self.home / "talks").glob("*")):
            until(partial(removed, place), why=f"{place} stays")

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.log.close()


def removed(place: Path) -> bool:
    """Remove a file or folder as far as possible. The supervisor may still be removing files in it."""
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
    return not place.exists()


SHARED = pytest.StashKey[Server]()  # the server of the session, once a test has used it


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("served")).start(VITLAB_TRAINER="tests.browser.trainer")
    request.config.stash[SHARED] = server
    yield server
    del request.config.stash[SHARED]
    server.stop()
    for found in psutil.process_iter(["cmdline"]):
        if str(server.home) in " ".join(found.info["cmdline"] or []):
            found.kill()


@pytest.fixture(scope="module", autouse=True)
def separate_files(request):
    """Remove what the tests of a file leave on the shared server, where those of the next would see it."""
    yield
    if server := request.config.stash.get(SHARED, None):
        server.remove_runs()


@pytest.fixture
def stop_runs(server):
    """Stop the trainings that a test leaves running."""
    yield
    server.stop_runs()


# True once the script has been idle for `calm` ms without interruption. `token` identifies the call.
CALM = """([idle, calm, token]) => {
  const now = performance.now();
  if (window.idle?.token !== token) window.idle = { token };
  if (!document.querySelector(idle)) window.idle.since = undefined;
  else window.idle.since ??= now;
  return now - window.idle.since >= calm;
}"""
CALM_MS = 200  # within this time a click starts the script on the server
# True once no transition is running, so that colors have their final values. Ignores endless animations.
STILL = """() => document.getAnimations().every((one) =>
  one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""


class Visitor:
    """A page and a list of its faults: errors, requests to other hosts, pictures that are fetched."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.faults = []
        self.waits = itertools.count()
        self.listeners = {"pageerror": self._pageerror, "console": self._console, "request": self._request}
        for event, listener in self.listeners.items():
            page.on(event, listener)

    def detach(self):
        """Stop collecting: another test is going to use the page."""
        for event, listener in self.listeners.items():
            self.page.remove_listener(event, listener)

    def _pageerror(self, error):
        self.faults.append(f"page error: {error}")

    def _console(self, message):
        if message.type == "error":
            self.faults.append(f"console: {message.text} {message.location.get('url', '')}")

    def _request(self, request):
        if request.url.startswith("http") and not request.url.startswith(self.url):
            self.faults.append(f"request to another host: {request.url}")
        elif request.resource_type == "image" and "/media/" in request.url:
            # the server deletes the file during another rerun; the request then gets a 404
            self.faults.append(f"picture that is not inline, see pictures.panel: {request.url}")

    def open(self, path=""):
        self.page.goto(f"{self.url}/{path}")
        self.page.wait_for_selector('[data-testid="stMain"] h1', timeout=60_000)
        self.settle()
        return self.page

    def settle(self, seconds=60):
        """Wait until the script of the page has been idle for a moment."""
        arguments = [IDLE, CALM_MS, next(self.waits)]
        self.page.wait_for_function(CALM, arg=arguments, timeout=1000 * seconds)

    def wait_for_transitions(self):
        """Wait until colors and focus rings have reached their final values."""
        self.page.wait_for_function(STILL)

    def check(self):
        """Assert that the page has no exception and no fault, and is not wider than the window."""
        assert self.page.locator('[data-testid="stException"]').count() == 0, self.page.inner_text("body")
        assert not self.faults
        too_wide = (
            "(e => e.scrollWidth > e.clientWidth + 1)(document.querySelector('[data-testid=\"stMain\"]'))"
        )
        assert not self.page.evaluate(too_wide)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Record on the test that it failed, for the fixtures that clean up after it."""
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report


class Tab:
    """A browser tab that tests share, which keeps Streamlit's JavaScript compiled: a second less per visit.

    Every test gets it empty: without a page and stored data, with the default window and color scheme.
    """

    def __init__(self, browser):
        self.context = browser.new_context(viewport=WINDOW)
        self.page = None

    def fresh(self):
        """Return the empty page."""
        self.page = self.page or self.context.new_page()
        return self.page

    def reset(self):
        """Empty the tab for the next test."""
        page = self.page
        if page.url.startswith("http"):
            page.evaluate("localStorage.clear(), sessionStorage.clear()")
        page.mouse.up()
        page.goto("about:blank")
        page.set_viewport_size(WINDOW)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    def discard(self):
        """Close the tab after a failed test, because its state is unknown."""
        self.page.close()
        self.page = None


@pytest.fixture(scope="session")
def tab(browser):
    tab = Tab(browser)
    yield tab
    tab.context.close()


@pytest.fixture
def visitor(request, server, tab):
    """Return a visitor in the shared tab."""
    visitor = Visitor(tab.fresh(), server.url)
    yield visitor
    clean = False
    try:
        visitor.check()
        clean = not request.node.failed
    finally:
        visitor.detach()
        tab.reset() if clean else tab.discard()


@pytest.fixture
def fresh_visitor(server, page):
    """Return a visitor in a new browser context, for tests with init scripts or a fake clock."""
    visitor = Visitor(page, server.url)
    yield visitor
    visitor.check()


@pytest.fixture
def stand_in():
    """Return the identity of an idle process, for runs that tests write by hand. A stop may kill it."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
    yield {
        "pid": process.pid,
        "process_start": psutil.Process(process.pid).create_time(),
        "boot_id": boot_id(),
        "host": hostname(),
    }
    process.kill()
    process.wait(10)


@pytest.fixture
def busy(server, stand_in):
    """Return a run that occupies every device, so that launched runs wait in the queue."""
    home = server.home / "runs"
    slots = [device.key for device in list_devices()]
    status = Status(state="running", created=time.time(), slots=slots, **stand_in)
    run = create_run(make_config("quick"), home, title="Occupies every device", status=status)
    yield run
    for other in list_runs(home, bundled=False):
        if other.status().state == "queued":
            launch.stop(other)
    run.write_status(status.model_copy(update={"state": "stopped", "ended": time.time()}))


@pytest.fixture(scope="session")
def data():
    """Return the bundled part of CIFAR-10."""
    from vitcore.data import load_dataset

    return load_dataset("cifar10-mini")


@pytest.fixture
def open_explorer(visitor):
    """Return a function that opens the Attention page with a query and waits for the maps."""

    def open_with(query=""):
        page = visitor.open(f"attention{query}")
        expect(page.locator(".xp[data-frame]")).to_be_visible()
        return page

    return open_with
