"""axe-core on every page, light and dark: no violation at all, not only no serious one."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Visitor

VIEWS = {
    "overview": "",
    "patches": "patches",
    "attention": "attention",
    "attention of a CNN": "attention?run=resnet-cifar10",
    "training": "training",
    "compare": "compare?show=Scores",
    "confusion": "compare?show=Confusion",
    "sweeps": "compare?view=Sweeps",
    "inductive bias, live": "inductive_bias?probe=Shift",
    "inductive bias, curves": "inductive_bias?probe=Ablation",
    "sample efficiency": "inductive_bias?probe=Sample+efficiency",
    "talk, explorer": "?talk=why&step=3",
    "talk, figure": "?talk=why&step=7",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", VIEWS.values(), ids=list(VIEWS))
def test_axe_finds_nothing(browser, server, path, scheme):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page = context.new_page()
    visitor = Visitor(page, server.url)
    page.goto(f"{server.url}/{path}")
    page.wait_for_selector("h1", timeout=60_000)
    visitor.settle()
    page.wait_for_timeout(500)  # colours run through their transitions
    found = Axe().run(page).response["violations"]
    said = [
        f"{one['impact']}, {one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found
        for node in one["nodes"]
    ]
    context.close()
    assert not said, "\n".join(said)


OPENED = {
    "guide": ("attention", "How it works"),
    "talk": ("", "Talk"),
    "command of an experiment": ("inductive_bias", "How it was measured"),
    "export": ("training?watch=resnet-cifar10", "Export"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("path", "button"), OPENED.values(), ids=list(OPENED))
def test_axe_finds_nothing_in_what_opens(visitor, path, button, scheme):
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open(path)
    page.get_by_role("button", name=button).first.click()
    page.wait_for_selector('[data-testid="stPopoverBody"]')
    visitor.settle()
    page.wait_for_timeout(500)  # colours run through their transitions
    assert not [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(page).response["violations"]]


def test_the_scores_of_a_narrow_window_can_be_scrolled_by_keyboard(visitor):
    visitor.page.set_viewport_size({"width": 420, "height": 900})
    page = visitor.open("compare?show=Scores&runs=vit-cifar10,resnet-cifar10")
    frame = page.get_by_role("region", name="Scores")
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth")
    frame.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.scores-frame').scrollLeft > 0")


def test_axe_would_find_something(browser):
    context = browser.new_context()
    page = context.new_page()
    page.set_content(
        "<html lang='en'><body style='background:#fff'><p style='color:#aaa'>faint</p><img src='a'>"
    )
    found = {one["id"] for one in Axe().run(page).response["violations"]}
    context.close()
    assert {"color-contrast", "image-alt"} <= found
