"""What both steppers have in common: playing, files, talks, and a layout that fits the window."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from dashboard.talk.files import find_talk
from tests.browser.steppers import BLOCK, CONVOLUTION, Stepper, reading
from tests.browser.test_standalone import offline, write  # noqa: F401


@dataclass(frozen=True)
class Case:
    """A stepper with the step that the tests save and the step that they show in a talk."""

    stepper: Stepper
    saved: str  # the step in the address
    file_stem: str
    csv: bytes  # the beginning of its CSV file
    linked: str  # the step of the talk in the address
    shown: dict[str, object]  # its state
    panel: tuple[str, float, float]  # where the talk's pointer is
    written: str  # the number there
    colored: str  # the array in the colors of the legend below the drawing, if there is one
    other: str  # the button of another block
    after: dict[str, object]  # the state after it was pressed
    parameter: str  # which the talk keeps out of the address


CASES = [
    pytest.param(
        Case(
            stepper=BLOCK,
            saved="step=5",
            file_stem="block-6-values",
            csv=b"token,",
            linked="class=cat&image=1&layer=2&head=4&step=3",
            shown={"step": 3, "layer": 2, "head": 4},
            panel=("scores", 0.5, 0.5),
            written="q \u00b7 k",
            colored="",
            other="Block 3",
            after={"step": 3, "layer": 3, "head": 4},
            parameter="layer",
        ),
        id="block",
    ),
    pytest.param(
        Case(
            stepper=CONVOLUTION,
            saved="block=2&step=4",
            file_stem="block-2-convolution-1-sum",
            csv=b"input channel,",
            linked="class=cat&image=1&block=2&channel=4&step=2",
            shown={"step": 2, "block": 2, "channel": 4},
            panel=("kernel", 0.2, 0.2),
            written="Weight of input channel",
            colored="weights",
            other="Block 3",
            after={"kind": "kernel", "block": 3, "channel": 4},
            parameter="block",
        ),
        id="convolution",
    ),
]


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return request.param


@pytest.fixture
def talk(case, tmp_path):
    """Write a talk of one step, which shows the stepper."""
    path = tmp_path / "inside.yaml"
    link = f"{case.stepper.view}&{case.linked}"
    path.write_text(f"title: Inside\nsteps:\n  - title: One step\n    say: A sentence.\n    link: {link}\n")
    return path


def test_playing_moves_to_the_next_step(visitor, case):
    page, selector = visitor.open(case.stepper.view), case.stepper.selector
    case.stepper.expect_state(page, step=1)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(f"{selector}[data-step='2'][data-playing='true']")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(f"{selector}[data-playing='false']")).to_be_visible()


@pytest.mark.parametrize("format_name", ["PNG", "SVG", "CSV"])
def test_step_can_be_saved(visitor, case, format_name):
    page = visitor.open(f"{case.stepper.view}&{case.saved}")
    case.stepper.expect_state(page)
    begin = {"PNG": b"\x89PNG", "SVG": b"<svg", "CSV": case.csv}[format_name]
    with page.expect_download() as got:
        page.locator(f"{case.stepper.selector} .files").get_by_role("button", name=format_name).click()
    assert got.value.path().read_bytes().startswith(begin)
    assert got.value.suggested_filename == f"vitlab-{case.file_stem}.{format_name.lower()}"


def test_step_of_a_talk_follows_the_pointer(visitor, server, case, talk):
    place = server.home / "talks" / "inside.yaml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(talk.read_text())
    try:
        page = visitor.open("?talk=inside&step=1")
        case.stepper.expect_state(page, **case.shown)
        case.stepper.point(page, *case.panel)
        expect(reading(page)).to_contain_text(case.written)
        expect(page.locator(".inside-formula")).to_be_visible()
        expect(page.locator(".inside-text")).to_be_hidden()  # the talk has its own sentence
        page.get_by_role("button", name=case.other, exact=True).click()
        case.stepper.expect_state(page, **case.after)
        assert case.parameter not in page.url  # the talk keeps its address
    finally:
        place.unlink()


def test_file_of_a_talk_has_the_stepper(offline, case, talk, tmp_path):  # noqa: F811
    out = tmp_path / "inside.html"
    done = write(str(talk), out)
    assert done.returncode == 0, done.stderr
    offline.goto(out.as_uri())
    case.stepper.expect_state(offline, **case.shown)
    case.stepper.point(offline, *case.panel)
    expect(reading(offline)).to_contain_text(case.written)


def test_picture_sentence_and_number_fit_into_a_small_window(visitor, case):
    visitor.page.set_viewport_size({"width": 1280, "height": 720})
    page = visitor.open(case.stepper.view)
    case.stepper.expect_state(page, step=1)
    steps = page.locator(f"{case.stepper.selector} ol button")
    for index in range(steps.count()):
        steps.nth(index).click()
        case.stepper.expect_state(page, step=index + 1)
        for part in (".inside-stage", ".inside-text", ".inside-reading"):
            expect(page.locator(part)).to_be_in_viewport(ratio=1)
        expect(reading(page)).to_have_text(re.compile(r"\d"))
    scrolled = "document.querySelector('[data-testid=\"stMain\"]').scrollTop"
    assert page.evaluate(scrolled) == 0


def test_keys_work_while_the_pointer_is_over_the_stepper(visitor, case):
    page = visitor.open(case.stepper.view)
    case.stepper.expect_state(page, step=1)
    page.mouse.move(5, 5)
    page.keyboard.press("ArrowRight")
    case.stepper.point(page, "image")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    case.stepper.expect_state(page, step=3)
    page.mouse.move(5, 5)
    page.keyboard.press("ArrowRight")
    case.stepper.point(page, "image")
    page.keyboard.press("ArrowLeft")
    case.stepper.expect_state(page, step=2)


def test_legend_names_the_array_that_has_its_colors(visitor, case):
    page = visitor.open(f"{case.stepper.view}&{case.linked}")
    case.stepper.expect_state(page, **case.shown)
    legend = page.locator(".inside-scale")
    if case.colored:
        expect(legend).to_contain_text(f"{case.colored}: \u2264")
    else:
        expect(legend).to_be_hidden()  # the drawing has one for each array


def test_link_of_the_step_is_copied(visitor, case):
    page = visitor.open(f"{case.stepper.view}&{case.linked}")
    case.stepper.expect_state(page, **case.shown)
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.locator(f"{case.stepper.selector} [data-do=next]").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".inside-message")).to_contain_text("Link copied")
    assert f"step={case.shown['step'] + 1}" in page.evaluate("window.copied")


@pytest.mark.parametrize("window", [(1180, 720), (1280, 720), (1920, 1080)])
def test_two_steppers_are_next_to_each_other_on_one_screen(visitor, window):
    width, height = window
    visitor.page.set_viewport_size({"width": width, "height": height})
    page = visitor.open(
        "attention?run=vit-cifar10&view=Inside+a+block&both=true&beside=resnet-cifar10&step=10"
    )
    for selector in (BLOCK.selector, CONVOLUTION.selector):
        expect(page.locator(f"{selector}[data-step]")).to_be_visible()
        for part in (".inside-stage", ".inside-text"):
            expect(page.locator(f"{selector} {part}")).to_be_in_viewport(ratio=1)
    expect(page.locator(".inside-flow")).to_be_visible()  # hidden if the steps take two rows
    boxes = [page.locator(one).bounding_box() for one in (BLOCK.selector, CONVOLUTION.selector)]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    if width >= 1280:
        for step in (4, 5):  # with the row of the temperature
            page.locator(f"{BLOCK.selector} ol button").nth(step - 1).click()
            BLOCK.expect_state(page, step=step)
            expect(page.locator(f"{BLOCK.selector} .inside-reading")).to_be_in_viewport(ratio=1)
    cut = "e => [...e.querySelectorAll('p, button')].filter((one) => one.scrollWidth > one.clientWidth + 1)"
    assert page.locator(BLOCK.selector).evaluate(f"e => ({cut})(e).length") == 0


BOTH = "attention?view=Inside+a+block&run=vit-cifar10&both=true&beside=resnet-cifar10&layer=2&step=3"


@pytest.fixture(scope="module", params=["view", "talk"])
def file_of_both(request, tmp_path_factory):
    """Write an HTML file of both steppers: of the view, or of a talk with it as its only step."""
    folder = tmp_path_factory.mktemp("both")
    source, out = BOTH, folder / "both.html"
    if request.param == "talk":
        source = folder / "both.yaml"
        source.write_text(
            f"title: Both\nsteps:\n  - title: One step\n    say: A sentence.\n    link: {BOTH}\n"
        )
    done = write(str(source), out)
    assert done.returncode == 0, done.stderr
    return out


def test_file_has_both_steppers_in_columns_with_headings(offline, file_of_both):  # noqa: F811
    offline.set_viewport_size({"width": 1280, "height": 720})
    offline.goto(file_of_both.as_uri())
    boxes = []
    headings = ("each query computes its weights from the content", "local, and the same kernel everywhere")
    for stepper, heading in zip((BLOCK, CONVOLUTION), headings, strict=True):
        stepper.expect_state(offline)
        expect(offline.get_by_text(heading)).to_be_in_viewport(ratio=1)
        stage = offline.locator(f"{stepper.selector} .inside-stage")
        expect(stage).to_be_in_viewport(ratio=1)
        boxes.append(stage.bounding_box())
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]


def test_second_stepper_of_a_file_is_reached_by_scrolling_in_a_narrow_window(offline, file_of_both):  # noqa: F811
    offline.set_viewport_size({"width": 1024, "height": 768})
    offline.goto(file_of_both.as_uri())
    CONVOLUTION.expect_state(offline)
    stage = offline.locator(f"{CONVOLUTION.selector} .inside-stage")
    expect(stage).not_to_be_in_viewport()
    offline.mouse.move(500, 450)
    offline.mouse.wheel(0, 5000)  # `scroll_into_view_if_needed` also scrolls what a visitor can't scroll
    expect(stage).to_be_in_viewport(ratio=0.9)
    CONVOLUTION.point(offline, "image", 0.1, 0.1)
    expect(offline.locator(f"{CONVOLUTION.selector} .inside-place")).to_have_text("row 4, column 4")


@pytest.mark.parametrize(
    ("step", "facts"), [("7", "Norm 21.8"), ("8", "116 of 512 units are positive before GELU.")]
)
def test_bundled_talk_shows_the_facts_that_it_states(visitor, step, facts):
    visitor.page.set_viewport_size({"width": 1280, "height": 720})
    steps = find_talk("inside").steps
    number = next(n for n, one in enumerate(steps, start=1) if one.state.get("step") == step)
    page = visitor.open(f"?talk=inside&step={number}")
    BLOCK.expect_state(page, step=step)
    line = page.locator(".inside-facts")
    expect(line).to_contain_text(facts)
    expect(line).to_be_in_viewport(ratio=1)
    source = page.get_by_text("Source: ").bounding_box()
    box = line.bounding_box()
    assert box["y"] + box["height"] <= source["y"]
