"""Every page without a mouse: Tab reaches all that can be clicked, shows where it is, and is never held."""

from __future__ import annotations

import pytest

from tests.browser.test_accessibility import VIEWS

MOST = 150  # presses of Tab
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  one.dataset.walked ??= String(document.querySelectorAll("[data-walked]").length + 1);
  const ringed = (e) => {
    const style = getComputedStyle(e);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outline || style.boxShadow !== "none";
  };
  return { number: one.dataset.walked, tag: one.tagName, ringed: ringed(one),
           name: (one.getAttribute("aria-label") || one.innerText || one.title || "").slice(0, 60) };
}"""
# what shows the hand of a mouse, and neither is, nor holds, nor lies in something that takes the focus
UNREACHED = """() => {
  const takes = "a[href], button, input, select, textarea, label, summary, [tabindex]";
  return [...document.querySelectorAll("[data-testid=stApp] *")].filter((e) => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    const shown = style.visibility !== "hidden" && box.width && box.height;
    return shown && style.cursor === "pointer" && !e.closest(takes) && !e.querySelector(takes);
  }).map((e) => e.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("path", VIEWS.values(), ids=list(VIEWS))
def test_a_page_can_be_walked_with_tab(visitor, path):
    page = visitor.open(path)
    visitor.settle()
    walked = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None and walked:
            break  # past the last one, out of the page: nothing held it
        if at and walked and at["tag"] == "CANVAS" and at["number"] == walked[-1]["number"]:
            continue  # a table: Tab goes through its cells first
        if at and at["number"] in {one["number"] for one in walked}:
            assert at["number"] == walked[0]["number"], f"Tab is held at {at}"  # round, to the first
            break
        if at:
            walked.append(at)
    else:
        pytest.fail(f"Tab does not come round: {walked[-3:]}")
    assert len(walked) > 10
    unseen = [one for one in walked if one["tag"] in ("A", "BUTTON") and not one["ringed"]]
    assert not [
        one for one in unseen if one["name"] != "Show/hide columns"
    ]  # Streamlit's, in a table's corner
    assert not page.evaluate(UNREACHED)


# of what has the focus, also within a component: [tag, its ring's contrast with the page]
RING = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
    const [r, g, b] = parts.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(one), page = getComputedStyle(document.querySelector("[data-testid=stApp]"));
  const [low, high] = [light(style.outlineColor), light(page.backgroundColor)].sort((a, b) => a - b);
  const drawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const name = one.getAttribute("aria-label") || one.innerText || one.title;
  return [`${one.tagName} ${name.slice(0, 40)}`, drawn ? (high + 0.05) / (low + 0.05) : 0];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ring_stands_out_from_the_page(visitor, scheme):
    """3 : 1, as WCAG 2 asks of what shows the focus."""
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open("patches")
    page.wait_for_selector(".steps[data-step]")
    seen = {}
    for _ in range(30):  # as far as the files of the stepper
        page.keyboard.press("Tab")
        page.wait_for_timeout(150)  # colours run through their transitions
        if at := page.evaluate(RING):
            seen[at[0]] = at[1]
    kinds = {name: ring for name, ring in seen.items() if name.split()[0] in ("A", "BUTTON", "DIV")}
    assert {"BUTTON PNG", "BUTTON Next", "BUTTON 2"} <= set(kinds)
    assert not {name: ring for name, ring in kinds.items() if ring < 3}
