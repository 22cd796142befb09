"""Standalone HTML files, opened from disk without a network."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import subprocess
import sys

import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.talk.__main__ import main
from dashboard.talk.files import find_talk
from tests.browser.conftest import WINDOW
from tests.bundled import RESNET, VIT
from tests.conftest import ROOT
from tests.waiting import until

SHIP = "http://127.0.0.1:8501/attention?run=vit-cifar10&class=ship&image=2&query=2.3&layer=1"


def write(source, out):
    """Run `python -m dashboard.talk` in this process, so that torch is imported once."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        patch.setattr(sys, "argv", ["dashboard.talk", source, "-o", str(out)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                stderr.write(code)
                code = 1
        finally:
            logging.disable(logging.NOTSET)
    return subprocess.CompletedProcess(sys.argv, code, stdout.getvalue(), stderr.getvalue())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standalone")
    command = [sys.executable, "-m", "dashboard.talk", SHIP, "-o", str(folder / "explorer.html")]
    by_command = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    for done, name in ((by_command, "explorer.html"), (write("why", folder / "why.html"), "why.html")):
        assert done.returncode == 0, done.stderr
        assert name in done.stdout
    return folder


@pytest.fixture
def offline(browser):
    """Return a page without a network. The test fails on errors, warnings and requests."""
    context = browser.new_context(viewport=WINDOW, offline=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and faults.append(request.url))
    yield page
    context.close()
    assert not faults


def test_explorer_file_follows_pointer_and_keys(files, offline):
    page = offline
    path = files / "explorer.html"
    assert path.stat().st_size < 2e6
    page.goto(path.as_uri())
    title = page.locator(".xp-title")
    expect(title).to_contain_text("row 2, column 3")  # the query of the link
    expect(page.locator(".xp-large-title")).to_contain_text("Layer 1")
    image = page.locator(".xp-image")
    image.hover(position={"x": 5, "y": 5})
    expect(title).to_contain_text("row 1, column 1")
    image.click(position={"x": 5, "y": 5})
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    expect(page.locator(".xp-large-title")).to_contain_text("Layer 2")
    page.keyboard.press("b")  # the brush needs the model
    expect(page.locator(".xp.brushing")).to_have_count(0)
    expect(page.get_by_role("button", name="Brush")).to_be_hidden()
    with page.expect_download() as got:
        page.get_by_role("button", name="SVG").click()
    assert got.value.path().read_text().startswith("<svg")


def test_explorer_file_has_the_weights_of_the_model(files, offline, data):
    import torch

    import vitcore
    from vitcore.analysis.attention import capture

    page = offline
    page.goto((files / "explorer.html").as_uri())
    expect(page.locator(".xp[data-frame]")).to_be_visible()
    image = data.test.images[np.flatnonzero(data.test.labels == data.classes.index("ship"))[1]]
    weights = capture(vitcore.load("vit-cifar10"), torch.from_numpy(image[None].copy())).weights[0]
    row = weights[0, 0, 1 + 8 + 2, 1:]  # layer 1, head 1, row 2, column 3
    reading = page.locator(".xp-reading").inner_text()
    found = float(re.search(r"(0\.\d+)", reading)[1])
    assert found == pytest.approx(float(row.max()), abs=6e-4)
    patch = int(row.argmax())
    assert f"row {patch // 8 + 1}, column {patch % 8 + 1}" in reading


def test_explorer_file_keeps_the_view_of_the_page(visitor, offline, tmp_path):
    """The file contains what was pinned or chosen only in the browser."""
    page = visitor.open("attention?class=ship&image=2")
    expect(page.locator(".xp[data-frame]")).to_be_visible()
    page.locator(".xp-image").click(position={"x": 5, "y": 5})
    page.get_by_role("button", name="per map").click()
    page.mouse.move(2, 2)
    for _ in range(2):  # it can be saved again
        with page.expect_download() as got:
            page.locator(".xp-bar").get_by_role("button", name="HTML").click()
    assert got.value.suggested_filename == f"vitlab-explorer-{VIT}.html"
    got.value.save_as(tmp_path / "seen.html")
    visitor.settle()
    expect(page.locator(".xp-title")).to_contain_text("row 1, column 1")  # the page keeps its view
    offline.goto((tmp_path / "seen.html").as_uri())
    expect(offline.locator(".xp-title")).to_contain_text("row 1, column 1")
    expect(offline.get_by_role("button", name="per map")).to_have_attribute("aria-pressed", "true")
    expect(offline.get_by_role("button", name="HTML")).to_be_hidden()


def test_talk_file_shows_every_step_by_key(files, offline):
    page = offline
    path = files / "why.html"
    assert path.stat().st_size < 10e6
    page.goto(path.as_uri())
    steps = find_talk("why").steps
    for number, step in enumerate(steps, start=1):
        expect(page.locator(".talk-count")).to_have_text(f"{number} / {len(steps)}")
        shown = page.locator(".standalone-step:not([hidden])")
        expect(shown.locator("h1")).to_have_text(step.title)
        view = shown.locator(
            ".xp[data-frame], .steps-stage, .similarity, .replay, .main-svg, .talk-pictures img"
        )
        expect(view.first).to_be_visible()
        page.keyboard.press("PageDown")
    page.keyboard.press("Home")
    expect(page.locator(".talk-count")).to_have_text(f"1 / {len(steps)}")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    predictions = page.locator(".standalone-step:not([hidden]) .replay-predictions")
    before = predictions.inner_text()
    page.get_by_role("slider").last.fill("3")  # shuffled cells give other predictions, without a model
    expect(predictions).not_to_have_text(before)
    page.reload()
    expect(page.locator(".talk-count")).to_have_text(f"6 / {len(steps)}")
    assert page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")


def test_figures_in_the_file_follow_window_and_theme_even_while_hidden(files, offline):
    """A figure that was drawn in a small window fills a larger one when it is shown again."""
    page = offline
    page.emulate_media(color_scheme="light")
    page.clock.install()
    page.goto((files / "why.html").as_uri() + "#7")
    plot = page.locator(".standalone-step:not([hidden]) .main-svg").first
    expect(plot).to_be_visible()
    page.keyboard.press("PageDown")
    page.clock.fast_forward(1200)  # ms: the step does not change by itself
    expect(page.locator(".talk-count")).to_contain_text("8 /")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.keyboard.press("PageUp")
    expect(page.locator(".talk-count")).to_contain_text("7 /")

    def box_of(name):  # None while it is drawn; the file's policy forbids wait_for_function
        return page.locator(f".standalone-step:not([hidden]) {name}").first.bounding_box()

    until(
        lambda: (box := box_of(".main-svg")) and abs(box["width"] - box_of(".standalone-figure")["width"]) < 2
    )
    assert box_of(".standalone-figure")["width"] > 1700
    large = until(lambda: box_of(".xtitle"))["height"]
    page.set_viewport_size({"width": 1280, "height": 720})  # while the figure is shown
    until(lambda: (box := box_of(".xtitle")) and abs(box["height"] * 1.5 - large) < 2)
    title = page.locator(".standalone-step:not([hidden]) .xtitle").first
    expect(title).to_have_css("fill", "rgb(27, 30, 35)")
    page.evaluate("window.location.hash = '8'")
    expect(page.locator(".talk-count")).to_contain_text("8 /")
    page.keyboard.press("PageUp")
    page.emulate_media(color_scheme="dark")
    expect(title).to_have_css("fill", "rgb(231, 232, 234)")


def test_painted_cells_are_in_the_file(tmp_path, offline):
    import torch

    import vitcore
    from vitcore.analysis.robustness import occluded
    from vitcore.data import load_dataset
    from vitcore.data.augment import normalize

    talk = tmp_path / "painted.yaml"
    link = "inductive_bias?probe=Occlusion&painted=00003c3c3c3c0000"
    talk.write_text(f"title: T\nsteps:\n  - {{title: P, say: S, link: '{link}'}}\n")
    out = tmp_path / "painted.html"
    assert write(str(talk), out).returncode == 0
    offline.goto(out.as_uri())
    expect(offline.locator(".replay output")).to_have_text(re.compile(r"\b16\b"))
    data = load_dataset("cifar10-mini")
    cat = normalize(torch.from_numpy(data.test.images[[data.test.labels.tolist().index(3)]]))
    cells = [8 * r + c for r in range(2, 6) for c in range(2, 6)]  # 3c is 00111100
    order = torch.tensor([[*cells, *(i for i in range(64) if i not in cells)]])
    with torch.no_grad():
        probabilities = vitcore.load(RESNET)(occluded(cat, order, 16)).softmax(dim=1)[0]
    prediction = offline.locator(".replay-model").nth(1)
    assert prediction.get_attribute("data-answer") == data.classes[int(probabilities.argmax())]
    expect(prediction.locator("h3")).to_contain_text(f"{100 * float(probabilities.max()):.0f} %")


def test_markup_in_a_talk_is_shown_as_text(tmp_path, offline):
    markup = (
        "</script><script>window.hacked = 1</script><img src=http://127.0.0.1:1/x onerror=window.hacked=2>"
    )
    talk = tmp_path / "markup.yaml"
    talk.write_text(
        f"title: '{markup}'\nsteps:\n  - title: 'T'\n    say: '{markup}'\n    note: '{markup}'\n    link: /\n"
    )
    talk.write_text(talk.read_text().replace(f"title: '{markup}'", "title: '<b>'"))
    out = tmp_path / "markup.html"
    assert write(str(talk), out).returncode == 0
    offline.goto(out.as_uri())
    expect(offline.locator("section h1")).to_have_text("T")
    expect(offline.locator("section .st-key-talk_words p")).to_contain_text("</script><script>")
    offline.keyboard.press("n")
    expect(offline.locator(".talk-note")).to_contain_text("window.hacked = 1")
    assert offline.evaluate("window.hacked") is None


def test_file_has_the_error_of_a_failed_step_and_all_other_steps(tmp_path, offline):
    talk, out = tmp_path / "mine.yaml", tmp_path / "mine.html"
    links = ("patches?class=cat&step=2", "attention?run=gone%3Cb%3E", "attention?class=ship")
    steps = "".join(f"  - {{title: T{i}, say: S, link: '{link}'}}\n" for i, link in enumerate(links, start=1))
    talk.write_text(f"title: Mine\nsteps:\n{steps}")
    done = write(str(talk), out)
    assert done.returncode == 3
    step, _, sentence = done.stderr.strip().splitlines()[-1].partition("T2: ")
    assert step == "Step 2, "
    assert "run gone<b>" in sentence
    assert "without a server" in done.stdout
    offline.goto(out.as_uri())
    shown = offline.locator(".standalone-step:not([hidden])")
    expect(shown.locator(".steps-stage")).to_be_visible()
    offline.keyboard.press("PageDown")
    expect(shown.locator("h1")).to_have_text("T2")
    expect(shown.locator(".standalone-missing")).to_have_text(sentence.replace("`", ""))
    offline.keyboard.press("PageDown")
    expect(shown.locator(".xp[data-frame]")).to_be_visible()
    expect(offline.locator(".talk-count")).to_have_text("3 / 3")


def test_refused_files_are_reported_in_one_line(tmp_path):
    done = write("attention?run=resnet-cifar10", tmp_path / "out.html")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    done = write("http://127.0.0.1:8501/patches?class=ship&step=3", tmp_path / "out.html")
    assert done.returncode == 1
    assert "patches" in done.stderr
    done = write("https://example.org/attention?class=ship", tmp_path / "out.html")
    assert done.returncode == 1
    assert "example.org" in done.stderr
    (tmp_path / "bad.yaml").write_text("title: Mine: yours\n")
    done = write(str(tmp_path / "bad.yaml"), tmp_path / "out.html")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("bad.yaml, line 1: ")
    done = write(SHIP, tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert not (tmp_path / "out.html").exists()
