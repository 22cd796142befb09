"""Typed values of results: the stored form, and errors for wrong keys."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from vitcore.errors import UserError
from vitcore.paths import assets_dir
from vitcore.probes import PROBES
from vitcore.probes.experiments.ablation import AblationValues
from vitcore.probes.experiments.cka import SimilarityValues
from vitcore.probes.experiments.fourier import SpectrumValues
from vitcore.probes.store import Subject, find, images_for, images_of, read_result
from vitcore.runs.folder import Run, find_run

BUNDLED = sorted(assets_dir().glob("runs/*/probes/*.json"))
RESNET = find_run("resnet-cifar10")
SEEN = images_for([RESNET], 500)


def stored(probe):
    """Return the path of the bundled result of the trained ResNet."""
    files = (RESNET.path / "probes").glob(f"{probe}-*.json")
    return next(path for path in files if json.loads(path.read_bytes())["runs"] == [RESNET.id])


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_bundled_result_is_written_back_byte_for_byte(path):
    assert read_result(path).model_dump_json().encode() == path.read_bytes()


def test_all_bundled_results_are_covered():
    assert len(BUNDLED) >= 40


@pytest.mark.parametrize("probe", sorted(set(PROBES) - {"cka"}))
def test_stored_values_have_the_type_that_the_experiment_declares(probe):
    seen = images_of(PROBES[probe], [RESNET], 500)
    result = find(PROBES[probe], [Subject(RESNET)], seen, PROBES[probe].settings())
    assert type(result.values) is PROBES[probe].values


def rename(values, old, new):
    values[new] = values.pop(old)


@pytest.mark.parametrize(
    ("probe", "change", "named"),
    [
        ("fourier", lambda values: rename(values, "fall", "falls"), "fall:"),
        ("ablation", lambda values: values.update(more=1), "more:"),
        ("ablation", lambda values: values["base"].pop("error"), "base.error:"),
        ("shuffle", lambda values: rename(values["curves"], "accuracy", "acuracy"), "acuracy"),
        ("shuffle", lambda values: values["x"].pop(), "accuracy.* 5 .* 4 "),
        ("distance", lambda values: values["reach"]["error"].pop(), "reach.* 10 .* 9 "),
        ("shuffle", lambda values: values["x"].__setitem__(0, True), "x.0:"),
        ("shuffle", lambda values: values["curves"]["accuracy"]["mean"].__setitem__(0, "0.5"), "mean.0:"),
        ("shuffle", lambda values: values["curves"]["accuracy"]["mean"].__setitem__(0, 7.0), "7 "),
        ("distance", lambda values: values["reach"]["mean"].__setitem__(1, math.inf), "reach.mean.1"),
        ("distance", lambda values: values["reach"]["mean"].__setitem__(1, True), "reach.mean.1"),
        ("test", lambda values: values.update(accuracy=1e9), "accuracy:"),
        ("test", lambda values: values["calibration"]["count"].__setitem__(0, -1), "count.0:"),
    ],
)
def test_result_with_a_wrong_key_raises_an_error_that_names_the_file(tmp_path, probe, change, named):
    path = tmp_path / "result.json"
    content = json.loads(stored(probe).read_bytes())
    change(content["values"])
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=named) as caught:
        read_result(path)
    assert str(path) in str(caught.value)


def test_find_raises_for_a_misspelled_key_and_measures_a_torn_file_again(tmp_path):
    run = Run(shutil.copytree(RESNET.path, tmp_path / RESNET.id))
    path = run.path / "probes" / stored("shuffle").name
    look_up = lambda: find(PROBES["shuffle"], [Subject(run)], SEEN, {}, tmp_path)  # noqa: E731
    assert look_up().values.x == [1, 2, 4, 8, 16]
    path.write_text(path.read_text().replace('"unit"', '"units"'))
    with pytest.raises(UserError, match=path.name):
        look_up()
    path.write_text(path.read_text()[:100])
    assert look_up() is None


def test_misspelled_attribute_is_an_error():
    values = read_result(stored("fourier")).values
    with pytest.raises(AttributeError):
        values.fal  # noqa: B018


def test_quantity_that_was_not_measured_is_left_out_of_the_json():
    base, blocks = {"mean": 0.9, "error": 0.1}, {"mean": [-0.5], "error": [0.1]}
    cnn = AblationValues(base=base, layers=["block 1"], blocks=blocks)
    assert json.loads(cnn.model_dump_json()) == {"base": base, "layers": ["block 1"], "blocks": blocks}
    vit = AblationValues(base=base, layers=["block 1"], blocks=blocks, heads={"mean": [[0]], "error": [[0]]})
    assert json.loads(vit.model_dump_json())["heads"] == {"mean": [[0]], "error": [[0]]}


def test_number_that_is_not_finite_is_stored_as_null_and_read_back():
    fall = {"mean": [math.nan, 1.0], "error": [0.0, 0.0]}
    values = SpectrumValues(layers=["input", "block 1"], sides=[2, 2], fall=fall, profiles=[])
    text = values.model_dump_json()
    assert json.loads(text)["fall"]["mean"] == [None, 1.0]
    again = SpectrumValues.model_validate_json(text).fall.mean
    assert math.isnan(again[0])
    assert again[1] == 1.0


def test_rows_of_changes_are_the_base_then_blocks_then_heads():
    values = AblationValues(
        base={"mean": 0.9, "error": 0.1},
        layers=["block 1"],
        blocks={"mean": [-0.5], "error": [0.2]},
        heads={"mean": [[-0.1, 0.0]], "error": [[0.3, 0.4]]},
    )
    head = {"quantity": "change of accuracy without the head", "layer": "block 1"}
    assert list(values.rows()) == [
        {"quantity": "accuracy", "mean": 0.9, "error": 0.1},
        {"quantity": "change of accuracy without the block", "layer": "block 1", "mean": -0.5, "error": 0.2},
        {**head, "head": 1, "mean": -0.1, "error": 0.3},
        {**head, "head": 2, "mean": 0.0, "error": 0.4},
    ]


def test_rows_of_a_matrix_hold_each_pair_of_layers_once():
    table = {"mean": [[1, 0.2, 0.3], [0.2, 1, 0.6], [0.3, 0.6, 1]], "error": [[0] * 3] * 3}
    rows = list(SimilarityValues(layers=(["a", "b"], ["c"]), cka=table).rows())
    assert [(row["layer"], row["other layer"], row["mean"]) for row in rows] == [
        ("1: b", "1: a", 0.2),
        ("2: c", "1: a", 0.3),
        ("2: c", "1: b", 0.6),
    ]
