"""The table of pages, in the order of the navigation. Navigation, titles, guide, talks and tests use it.

A page NAME has a script `pages/NAME.py`, a folder `dashboard/NAME` with its parts, a guide
`dashboard/guide/NAME.md`, and the address NAME. This module imports nothing, so that every other one can
import it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """`label` is the name in the navigation, `question` the title on the page."""

    name: str
    label: str
    question: str

    @property
    def path(self) -> str:
        """The path of its address without the leading slash. It is empty for the page at `/`."""
        return "" if self.name == HOME else self.name

    @property
    def script(self) -> str:
        """The path of its script, relative to `dashboard/app.py`, as Streamlit's links take it."""
        return f"../pages/{self.name}.py"


PAGES = {
    page.name: page
    for page in (
        Page("overview", "Overview", "What does a Vision Transformer see?"),
        Page("patches", "Patches", "How does an image become a sequence?"),
        Page("attention", "Attention", "Where does each patch look?"),
        Page("training", "Training", "Train a model and watch it learn"),
        Page("compare", "Compare", "How do the models compare?"),
        Page("inductive_bias", "Inductive bias", "What does each model take for granted?"),
    )
}
HOME = "overview"  # the page at the address `/`
