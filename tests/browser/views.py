"""The views of the dashboard, each with its address."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PAGES = {
    "": "What does a Vision Transformer see?",
    "patches": "How does an image become a sequence?",
    "attention": "Where does each patch look?",
    "training": "Train a model and watch it learn",
    "compare": "How do the models compare?",
    "inductive_bias": "What does each model take for granted?",
    "guide": "Guide",
    "talks": "Prepare a talk",
}
VIEWS = {
    "overview": "",
    "patches": "patches",
    "attention": "attention",
    "attention of a CNN": "attention?run=resnet-cifar10",
    "class maps": "attention?view=Class+maps&method=rollout&set_discard=0.9&check=true",
    "side by side": "attention?view=Side+by+side&run=vit-cifar10&versus=snapshots&layer=2&head=3",
    "token features": "attention?view=Token+features&query=3.4&layer=2&feature=norm",
    "inside a block": "attention?view=Inside+a+block&layer=2&step=3",
    "inside a convolution": "attention?run=resnet-cifar10&view=Inside+a+convolution&block=4&step=4",
    "a block and a convolution": "attention?view=Inside+a+block&both=true&layer=3&step=5&convolution_step=4",
    "training": "training",
    "compare": "compare?show=Scores",
    "confusion": "compare?show=Confusion",
    "sweeps": "compare?view=Sweeps",
    "inductive bias, summary": "inductive_bias",
    "inductive bias, live": "inductive_bias?probe=Shift",
    "inductive bias, curves": "inductive_bias?probe=Ablation",
    "sample efficiency": "inductive_bias?probe=Sample+efficiency",
    "guide": "guide",
    "editor of talks": "talks?edit=why&step=7",
    "talk, explorer": "?talk=why&step=3",
    "talk, figure": "?talk=why&step=7",
}
# the element that a view draws last, when its model has run
DRAWN = {
    "patches": ".steps[data-step]",
    "attention": ".xp[data-frame]",
    "attention of a CNN": ".js-plotly-plot .main-svg",
    "class maps": ".st-key-figure_deletion .js-plotly-plot .main-svg",
    "side by side": ".pair[data-frame]",
    "token features": ".st-key-figure_sinks .js-plotly-plot .main-svg",
    "inside a block": ".inside[data-step]",
    "inside a convolution": ".convolution[data-step]",
    "a block and a convolution": ".convolution[data-step]",
    "inductive bias, summary": ".js-plotly-plot .main-svg",
    "inductive bias, live": ".replay[data-frame]",
    "inductive bias, curves": ".js-plotly-plot .main-svg",
    "sample efficiency": ".js-plotly-plot .main-svg",
    "confusion": ".js-plotly-plot .main-svg",
    "sweeps": ".js-plotly-plot .main-svg",
    "compare": ".js-plotly-plot .main-svg",
    "editor of talks": ".st-key-talk_preview .js-plotly-plot .main-svg",
    "talk, explorer": ".xp[data-frame]",
    "talk, figure": ".js-plotly-plot .main-svg",
}


# the number of visible elements in an element that end outside the window
OUTSIDE = """e => [...e.querySelectorAll("button, canvas, p, span")].filter(
  (one) => one.offsetWidth && one.getBoundingClientRect().right > innerWidth).length"""


def open_view(visitor, view):
    """Open a view and wait until it is drawn."""
    page = visitor.open(VIEWS[view])
    if drawn := DRAWN.get(view):
        expect(page.locator(drawn).first).to_be_visible()
        visitor.settle()
    return page


def violations(page, part=None):
    """Return the violations that axe-core finds on a page or in a part of it (a selector), a line each."""
    return "\n".join(
        f"{violation['impact']}, {violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for violation in Axe().run(page, context=part).response["violations"]
        for node in violation["nodes"]
    )
