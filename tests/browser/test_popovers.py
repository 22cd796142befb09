"""The popovers of the pages are accessible. `test_views` checks the pages without them."""

from __future__ import annotations

import pytest

from tests.browser.views import violations

BODY = '[data-testid="stPopoverBody"]'
# path, and the button that opens a popover
POPOVERS = {
    "guide": ("attention", "How it works"),
    "talk": ("", "Talk"),
    "command of an experiment": ("inductive_bias?probe=Shift", "How it was measured"),
    "export": ("training?watch=resnet-cifar10", "Export"),
}


@pytest.mark.parametrize(("path", "button"), POPOVERS.values(), ids=list(POPOVERS))
def test_popover_is_accessible(visitor, path, button):
    page = visitor.open(path)
    page.get_by_role("button", name=button).first.click()
    page.wait_for_selector(BODY)
    visitor.settle()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(BACKGROUND, arg=scheme)
        visitor.wait_for_transitions()
        found = violations(page, BODY)
        assert not found, f"{scheme}: {found}"


# whether the background is light or dark as the scheme requires
BACKGROUND = """(scheme) => {
  const color = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
  return (parseInt(color.match(/\\d+/)[0]) > 128) === (scheme === "light");
}"""
