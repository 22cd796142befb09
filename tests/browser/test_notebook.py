"""A notebook that Jupyter's client executes, saves and reads again, in a browser without a network."""

from __future__ import annotations

import re

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from playwright.sync_api import expect

from tests.browser.conftest import WINDOW
from tests.conftest import ROOT

WEIGHTS = """
import torch
generator = torch.Generator().manual_seed(0)
weights = [torch.rand(2, 3, 17, 17, generator=generator).softmax(-1) for _ in range(4)]
images = torch.rand(2, 3, 32, 32, generator=generator)
"""
CELLS = (
    WEIGHTS,
    "from dashboard.notebook import explore\n"
    "explore(attentions=weights, images=images, names=['cat', 'dog'])",
    "explore('vit-cifar10', images).save('x.html')\nexplore(attentions=weights[:1], images=images)",
    "explore(attentions=weights, images=images[:1])",  # refused
)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Return (the notebook after it was executed, written and read again, its folder)."""
    folder = tmp_path_factory.mktemp("notebook")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    made = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        client = NotebookClient(made, timeout=150, allow_errors=True, kernel_name="python3")
        client.resources = {"metadata": {"path": str(folder)}}
        client.execute()
    nbformat.write(made, folder / "notebook.ipynb")
    return nbformat.read(folder / "notebook.ipynb", as_version=4), folder


def outputs(notebook, cell):
    return notebook[0].cells[cell].outputs


@pytest.fixture
def output_page(browser, notebook, tmp_path):
    """Return a page with the output of the second cell, as wide as a notebook.

    The test fails on errors, warnings and requests.
    """
    (output,) = outputs(notebook, 1)
    shown = output.data["text/html"]
    file = tmp_path / "output.html"
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><body><div style="width:940px">{shown}</div>',
        encoding="utf-8",
    )
    context = browser.new_context(viewport=WINDOW, offline=True)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and faults.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert not faults


def test_cells_show_the_explorer_and_print_nothing(notebook):
    for cell in (1, 2):
        assert [output.output_type for output in outputs(notebook, cell)] == ["execute_result"]
    assert (notebook[1] / "x.html").stat().st_size > 100_000


def test_refusal_is_one_sentence(notebook):
    (output,) = outputs(notebook, 3)
    assert output.ename == "UserError"
    assert output.evalue.startswith("The weights are those of 2 images")


def test_explorer_in_a_notebook_shows_the_weights_of_both_images(output_page):
    given = {}
    exec(WEIGHTS, given)
    weights = torch.stack(given["weights"])  # [layers, B, heads, T, T]
    frame = output_page.frame_locator("iframe")
    reading, image = frame.locator(".xp-reading"), frame.locator(".xp-image")
    expect(frame.locator(".xp[data-frame]")).to_be_visible()
    frame.locator(".xp-image").click(position={"x": 5, "y": 5})  # pins row 1, column 1
    for number, name in enumerate(("cat", "dog")):
        frame.get_by_role("button", name=name, exact=True).click()
        expect(frame.locator(".xp-name")).to_have_text(name)
        image.focus()
        expect(frame.locator(".xp-title")).to_contain_text("row 1, column 1")  # also in the second image
        row = weights[3, number, 0, 1, 1:]  # the last layer, head 1, the first patch
        patch = int(row.argmax())
        expect(reading).to_contain_text(f"row {patch // 4 + 1}, column {patch % 4 + 1}.")
        shown = float(re.search(r"(0\.\d+)", reading.inner_text())[1])
        assert shown == pytest.approx(float(row.max()), abs=6e-4)


def test_maps_of_all_heads_are_next_to_the_image(output_page):
    """A notebook is narrower than a page, whose narrow layout has these maps below."""
    frame = output_page.frame_locator("iframe")
    expect(frame.locator(".xp[data-frame]")).to_be_visible()
    image, grid = (frame.locator(f".xp-{part}").bounding_box() for part in ("image", "grid"))
    assert grid["x"] > image["x"] + image["width"]
    assert grid["y"] + grid["height"] < 640


def test_saved_file_has_room_for_the_large_map_in_a_low_window(output_page, notebook):
    output_page.goto((notebook[1] / "x.html").as_uri())
    expect(output_page.locator(".xp[data-frame]")).to_be_visible()
    large = output_page.locator(".xp-large canvas").first.bounding_box()
    assert large["width"] >= 140


def test_sandbox_allows_files_and_no_access_to_the_notebook(output_page):
    frame = output_page.frame_locator("iframe")
    expect(frame.locator(".xp[data-frame]")).to_be_visible()
    with output_page.expect_download() as got:
        frame.get_by_role("button", name="SVG", exact=True).click()
    assert got.value.path().read_text("utf-8").startswith("<svg")
    inner = output_page.frames[1]
    assert (
        inner.evaluate("() => { try { return parent.document.title } catch { return 'refused' } }")
        == "refused"
    )


def test_untrusted_notebook_says_what_to_do(notebook):
    (output,) = outputs(notebook, 1)
    without = re.sub(r"<iframe.*</iframe>", "", output.data["text/html"], flags=re.S)
    assert "Trust this notebook" in without
    assert "Explorer(" in output.data["text/plain"]
