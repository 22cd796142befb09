"""The Inductive bias page without a browser."""

from __future__ import annotations

import pytest

from tests.apptests import open_app
from tests.made_runs import make_run
from vitcore.paths import runs_dir
from vitcore.probes import PROBES


def texts(app):
    return [element.value for kind in ("markdown", "caption", "code") for element in app.get(kind)]


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_every_experiment_shows_the_stored_results_of_the_bundled_models(probe):
    app = open_app("inductive_bias", probe=probe.title)
    assert [heading.value for heading in app.header] == [probe.question]
    assert app.get("plotly_chart")
    assert any("n = 500" in text for text in texts(app))
    assert any(f"python -m vitcore probe {probe.name} --runs" in text for text in texts(app))
    assert not any(button.key == "measure" for button in app.button)  # everything is measured


def test_runs_on_different_images_get_an_error():
    small = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}
    other = make_run(runs_dir(), "Other images", data="folder:/gone", image_size=64, **small)
    app = open_app("inductive_bias", probe="Attention distance", run="vit-cifar10", against=other.id)
    assert any(
        "same data" in element.value for kind in ("error", "info", "warning") for element in app.get(kind)
    )
    assert not app.get("plotly_chart")


def test_a_link_with_a_border_shows_its_curves_at_once():
    def curves(**query):
        app = open_app("inductive_bias", probe="Shift", **query)
        return [chart.proto.spec for chart in app.get("plotly_chart")]

    default = curves()
    assert curves(border="zero") != default
    assert curves(border="reflect") == default
