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
