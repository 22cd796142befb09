"""The focus ring."""

from __future__ import annotations

import pytest

# the focused element, also inside a component: [tag and name, contrast of its ring with the page]
RING = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
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
def test_focus_ring_has_a_contrast_of_three_to_one(visitor, scheme):
    """WCAG 2 asks for a contrast of 3 : 1."""
    visitor.page.emulate_media(color_scheme=scheme)
    page = visitor.open("patches")
    page.wait_for_selector(".steps[data-step]")
    rings = {}
    for _ in range(30):  # up to the download buttons of the stepper
        page.keyboard.press("Tab")
        visitor.wait_for_transitions()
        if at := page.evaluate(RING):
            rings[at[0]] = at[1]
    kinds = {name: ring for name, ring in rings.items() if name.split()[0] in ("A", "BUTTON", "DIV")}
    assert {"BUTTON PNG", "BUTTON Next", "BUTTON 2"} <= set(kinds)
    assert not {name: ring for name, ring in kinds.items() if ring < 3}


@pytest.mark.parametrize(
    ("view", "control", "key", "parameter"),
    [
        ("patches", ".steps [data-do=next]", "Enter", "step=2"),
        ("attention", ".xp-image", "ArrowRight", "query="),
        ("", ".st-key-another button", "Enter", "nth=2"),
    ],
)
def test_control_keeps_the_focus_and_reacts_after_a_change_of_theme(visitor, view, control, key, parameter):
    page = visitor.open(view)
    element = page.locator(control).first
    element.focus()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === 'dark'"
    )
    visitor.settle()
    visitor.wait_for_transitions()
    assert element.evaluate("e => e === document.activeElement")
    page.keyboard.press(key)
    page.wait_for_function(f"location.search.includes('{parameter}')")
