"""Move through a page with Tab."""

from __future__ import annotations

import pytest

MAX_PRESSES = 300  # of Tab; the guide has the most stops, since every answer is one
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
# elements with the pointer cursor that are not focusable, and neither contain nor are in a focusable one
UNREACHABLE = """() => {
  const takes = "a[href], button, input, select, textarea, label, summary, [tabindex]";
  return [...document.querySelectorAll("[data-testid=stApp] *")].filter((e) => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    const shown = style.visibility !== "hidden" && box.width && box.height;
    return shown && style.cursor === "pointer" && !e.closest(takes) && !e.querySelector(takes);
  }).map((e) => e.outerHTML.slice(0, 120));
}"""


def tab_stops(page):
    """Return the elements that Tab reaches, in order, or fail if the focus is trapped.

    Each has its `tag`, `name` and `number`, and `ringed`: whether it has a focus ring.
    """
    stops = []
    for _ in range(MAX_PRESSES):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None and stops:
            return stops  # after the last one, outside of the page
        if at and stops and at["tag"] == "CANVAS" and at["number"] == stops[-1]["number"]:
            continue  # a table: Tab moves through its cells first
        if at and at["number"] in {stop["number"] for stop in stops}:
            assert at["number"] == stops[0]["number"], f"Tab is trapped at {at}"
            return stops  # at the first one again
        if at:
            stops.append(at)
    pytest.fail(f"Tab does not return to the first element: {stops[-3:]}")


def unreachable(page):
    """Return the elements that can be clicked but not be reached with Tab."""
    return page.evaluate(UNREACHABLE)
