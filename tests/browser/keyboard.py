"""Walks through a page with Tab, for the browser tests."""

from __future__ import annotations

import pytest

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
# elements with the pointer cursor that neither take the focus nor contain or lie in something that does
UNREACHABLE = """() => {
  const takes = "a[href], button, input, select, textarea, label, summary, [tabindex]";
  return [...document.querySelectorAll("[data-testid=stApp] *")].filter((e) => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    const shown = style.visibility !== "hidden" && box.width && box.height;
    return shown && style.cursor === "pointer" && !e.closest(takes) && !e.querySelector(takes);
  }).map((e) => e.outerHTML.slice(0, 120));
}"""


def tab_stops(page):
    """Everything that Tab reaches, in order. Fails where Tab is trapped.

    Each has its `tag`, its `name`, its `number` and whether a ring is drawn around it.
    """
    stops = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None and stops:
            return stops  # past the last one, out of the page
        if at and stops and at["tag"] == "CANVAS" and at["number"] == stops[-1]["number"]:
            continue  # a table: Tab goes through its cells first
        if at and at["number"] in {one["number"] for one in stops}:
            assert at["number"] == stops[0]["number"], f"Tab is trapped at {at}"
            return stops  # round, to the first
        if at:
            stops.append(at)
    pytest.fail(f"Tab does not come round: {stops[-3:]}")


def unreachable(page):
    """What can be clicked and not be reached with Tab."""
    return page.evaluate(UNREACHABLE)
