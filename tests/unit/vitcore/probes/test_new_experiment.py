"""A new experiment is one file: the catalog, the command line, the page's figure and the guide find it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dashboard.guide import guide
from dashboard.inductive_bias.findings import finding
from dashboard.inductive_bias.lines import Context, Line
from dashboard.inductive_bias.shape_figures import FIGURES, draw
from tests.made_runs import make_run
from vitcore.__main__ import app
from vitcore.probes import PROBES, View, experiments, find_probe
from vitcore.probes.shapes import Shape
from vitcore.probes.store import Subject, find, images_for

SMALL = {"embed_dim": 32, "hidden_dim": 32, "num_heads": 4, "num_layers": 2, "patch_size": 8}
FILE = '''
"""Brightness: how bright the images are."""

from vitcore.probes.probe import Probe
from vitcore.probes.shapes import LayerSeries
from vitcore.probes.statistics import RunningMean, parts, series
from vitcore.probes.estimates import Series
from vitcore.probes.values import Values


class BrightnessValues(Values):
    """Mean pixel by color."""

    layers: list[str]
    brightness: Series

    def shapes(self):
        return [LayerSeries("brightness of 255", self.layers, self.brightness, axis="brightness")]


def measure(model, other, images, labels, settings):
    mean = RunningMean()
    for part in parts(images):
        mean.add(images[part].float().mean(dim=(2, 3)))
        yield part.stop, BrightnessValues(layers=["red", "green", "blue"], brightness=series(*mean.estimates))


def finding(outcomes, view):
    return f"The {outcomes[0].label} sees a red of {outcomes[0].values.brightness.mean[0]:.0f}."


PROBE = Probe(
    name="brightness",
    title="Brightness",
    question="How bright are the images?",
    method="The mean pixel.",
    formula=("\\\\bar{x} = 1",),
    reading="**Read it** by color.",
    source="Somebody 2020, Light",
    values=BrightnessValues,
    steps=measure,
    finding=finding,
    order=35,
)
'''


@pytest.fixture
def brightness(tmp_path, monkeypatch):
    """The catalog with one more file on the path of the package."""
    place = tmp_path / "more"
    place.mkdir()
    (place / "brightness.py").write_text(FILE)
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(place)])
    probe = experiments.discover()["brightness"]
    monkeypatch.setitem(PROBES, "brightness", probe)
    yield probe
    sys.modules.pop("vitcore.probes.experiments.brightness", None)


def test_experiment_written_as_one_file_is_measured_tabulated_drawn_and_explained(
    brightness, tmp_path, capsys
):
    assert find_probe("brightness") is brightness
    order = list(experiments.discover())
    assert order.index("brightness") == order.index("occlusion") + 1
    root = tmp_path / "runs"
    run = make_run(root, "tiny", seed=5, **SMALL)
    command = ["probe", "brightness", "--runs", run.id, "--images", "20", "--runs-dir", str(root)]
    app(command, standalone_mode=False)
    seen = images_for([run], 20)
    direct = seen.pixels.mean(axis=(0, 2, 3))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"The ViT sees a red of {direct[0]:.0f}."
    assert lines[2].split() == ["quantity", "layer", "mean", "error"]
    assert [line.split()[-3] for line in lines[3:]] == ["red", "green", "blue"]
    assert float(lines[3].split()[-2]) == pytest.approx(direct[0], abs=1e-3)

    result = find(brightness, [Subject(run)], seen, {}, root)
    drawn_line = Line("ViT", "#0072B2", "solid", result.values, images=result.images)
    (drawn,) = draw([drawn_line], Context(brightness.question, View()))
    assert drawn.alt == "How bright are the images?"
    assert list(drawn.figure.plot.data[1].y) == pytest.approx(direct, abs=1e-3)
    assert drawn.figure.plot.layout.yaxis.title.text == "brightness"
    assert finding("brightness", [drawn_line]) == f"The ViT sees a red of {direct[0]:.0f}."

    guide.cache_clear()
    section = next(part for part in guide("inductive_bias").sections if part.title == "Brightness")
    guide.cache_clear()
    assert section.text.split("\n\n") == [
        "$$\n\\bar{x} = 1\n$$",
        "The mean pixel.",
        "**Read it** by color.",
        "*Somebody 2020, Light.*",
    ]


def test_every_shape_has_a_figure():
    shapes, found = [Shape], set()
    while shapes:
        kinds = shapes.pop().__subclasses__()
        found.update(kinds)
        shapes.extend(kinds)
    assert found == set(FIGURES)


def test_every_experiment_declares_what_its_page_needs():
    for probe in PROBES.values():
        missing = [
            name for name in ("formula", "reading", "source", "values", "finding") if not getattr(probe, name)
        ]
        assert not missing, probe.name


def test_catalog_of_experiments_loads_without_torch():
    code = "import sys, vitcore.probes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
