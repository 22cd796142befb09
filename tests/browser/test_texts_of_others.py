"""Titles, notes and tags of others are text in every component and figure: the browser asks no other host."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect
from torch.utils.tensorboard import SummaryWriter

from tests.conftest import TINY_RESNET, TINY_VIT
from tests.made_runs import make_run
from vitcore.probes import PROBES, TEST
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject

TITLES = ("![p](http://other.example/1.png)", "<img src=http://other.example/2.png>")
TAG = "<img src=http://other.example/3.png>"


@pytest.fixture
def runs(server, monkeypatch):
    """Return runs of one architecture whose titles, notes and tags are markup, with results."""
    home = server.home / "runs"
    monkeypatch.setenv("VITLAB_RUNS", str(home))
    made = [make_run(home, title, seed=i, model="vit", **TINY_VIT) for i, title in enumerate(TITLES)]
    made.append(make_run(home, TITLES[1], model="resnet", **TINY_RESNET))
    for run in made:
        run.write_meta(run.meta.model_copy(update={"note": " ".join(TITLES)}))
        with SummaryWriter(str(run.path)) as writer:
            for step in range(4):
                for tag in ("val_acc", "train_acc", "val_loss", "epoch", TAG):
                    writer.add_scalar(tag, 0.5, step)
        list(measure(TEST, [Subject(run)], 1000))
    for run in made[:2]:
        for name in ("shift", "distance"):
            list(measure(PROBES[name], [Subject(run)], 100))
    yield made
    for run in made:
        shutil.rmtree(run.path)


@pytest.mark.slow
def test_texts_of_others_make_no_request(visitor, runs):
    first, second, resnet = (run.id for run in runs)
    names = f"runs={first},{second},{resnet}"
    both = f"run={first}&against={second}&n=100&untrained=false"
    views = {
        f"patches?run={first}": ".steps[data-step]",
        f"attention?run={second}": ".xp[data-frame]",
        f"attention?run={resnet}": ".js-plotly-plot .main-svg",
        f"training?watch={second}&all=true&more_watch=true": ".js-plotly-plot .main-svg",
        f"compare?{names}&more_compare=true&tested=1000": ".js-plotly-plot .main-svg",
        f"inductive_bias?{both}&probe=Shift": ".replay[data-frame]",
        f"inductive_bias?{both}&probe=Attention+distance": ".js-plotly-plot .main-svg",
    }
    sections = ("Confusion", "Calibration", "Disagreement")
    views |= {f"compare?{names}&tested=1000&show={name}": ".js-plotly-plot .main-svg" for name in sections}
    for address, drawn in views.items():
        page = visitor.open(address)
        expect(page.locator(drawn).first).to_be_visible()
        visitor.settle()
        assert page.locator(':is(img[src*="other.example"], a[href*="other.example"])').count() == 0, address
        visitor.check()
