"""The order, the groups and the texts of attention heads, and their measurement on the page."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from dashboard.attention import explorer, head_order, views
from dashboard.attention.explorer import Explorer
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import AttentionState
from dashboard.talk import scenes
from tests.conftest import ROOT
from tests.made_runs import make_run
from vitcore.analysis.head_behavior import head_behavior
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import load_run
from vitcore.probes import HEADS
from vitcore.probes.heads import HeadValues
from vitcore.probes.measure import measure
from vitcore.probes.store import Result, Subject, images_for

SMALL = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "embed_dim": 16, "hidden_dim": 16}


def table(means, errors=None):
    return {"mean": means, "error": errors or [[0.01] * len(row) for row in means]}


def result(**values):
    share = table([[0.01, 0.3], [0.04, 0.1]])
    fields = {"distance": share, "entropy": share, "to_self": share, "position": share} | values
    about = dict.fromkeys(("title", "data", "date", "machine", "command", "commit", "torch"), "")
    return Result(
        probe="heads",
        runs=["r"],
        models=["vit"],
        images=200,
        settings={},
        seconds=1.0,
        values=HeadValues(**fields),
        **about,
    )


def measured(order, size=32, patches=64, **values):
    found = head_order.behavior(result(**values), size, patches)
    return next(measure for measure in found["measures"] if measure["order"] == order)


def test_heads_are_sorted_and_grouped_by_the_stated_thresholds():
    found = measured("distance", distance=table([[12.0, 3.5], [7.99, 16.5]]))
    assert found["groups"] == [
        {"label": "mean distance under 8 pixels", "heads": [[0, 1], [1, 0]]},
        {"label": "mean distance from 12 to 16 pixels", "heads": [[0, 0]]},
        {"label": "mean distance from 16 pixels", "heads": [[1, 1]]},
    ]
    larger = measured("distance", size=224, distance=table([[12.0, 3.5], [7.99, 16.5]]))
    assert [group["label"] for group in larger["groups"]] == ["mean distance under 56 pixels"]


def test_shares_are_sorted_from_the_largest_and_written_in_percent():
    found = measured("self")
    assert [group["heads"] for group in found["groups"]] == [[[0, 1]], [[1, 1]], [[1, 0]], [[0, 0]]]
    assert [group["label"].split("itself ")[1] for group in found["groups"]] == [
        "from 20 %",
        "from 5 to 20 %",
        "from 2 to 5 %",
        "under 2 %",
    ]
    assert (found["tiles"][0][1], found["unit"]) == ("30.0", " %")
    assert found["texts"][0][1] == "30.00 ± 1.00 %"


def test_small_error_is_not_written_as_zero():
    entropy = table([[3.94123, 4.0], [3.5, 3.0]], [[0.0021, 0.0], [0.006, 0.3]])
    assert measured("entropy", entropy=entropy)["texts"] == [
        ["3.9412 ± 0.0021 bits", "4.00 ± 0.00 bits"],
        ["3.50 ± 0.01 bits", "3.00 ± 0.30 bits"],
    ]


def test_ablated_heads_are_grouped_by_multiples_of_their_standard_error():
    change = table([[-0.02, 0.0], [0.015, -0.015]], [[0.01, 0.0], [0.01, 0.005]])
    found = measured("change", log_change=change, ablated=200)
    (fall, falling), (same, constant) = ((g["label"], g["heads"]) for g in found["groups"])
    assert ("falls" in fall, falling) == (True, [[0, 0], [1, 1]])
    assert ("less than 2 standard errors" in same, constant) == (True, [[0, 1], [1, 0]])
    assert found["tiles"] == [["\u22120.02", "0.00"], ["+0.01", "\u22120.01"]]
    assert found["texts"][0][0] == "\u22120.020 ± 0.010 nats"


def test_change_of_accuracy_is_shown_but_orders_nothing():
    change = table([[-0.02, 0.0], [0.015, -0.015]])
    found = measured("accuracy", accuracy_change=change, ablated=200)
    assert (found["texts"][0][0], found["groups"]) == ("\u22122.0 ± 1.0 pt", [])
    assert "accuracy" not in AttentionState.options("order")


def test_menu_of_orders_has_the_words_of_the_summary():
    page = (ROOT / "dashboard" / "components" / "explorer" / "explorer.html").read_text(encoding="utf-8")
    options = re.findall(r'<option value="(\w+)">([^<]+)</option>', page)
    assert options == [
        ("layers", "layers"),
        *((one.order, one.label) for one in head_order.MEASURES if not one.only_shown),
    ]


def test_measures_without_values_are_left_out():
    orders = [measure["order"] for measure in head_order.behavior(result(), 32, 64)["measures"]]
    assert orders == ["distance", "entropy", "self", "position"]


@pytest.mark.parametrize("order", ["distance", "entropy", "self", "position", "cls"])
def test_every_head_is_in_one_group_of_each_measure(order):
    means = np.random.default_rng(3).random((6, 8)).tolist()
    values = {measure.field: table(means) for measure in head_order.MEASURES if not measure.ablated}
    heads = [tuple(head) for group in measured(order, **values)["groups"] for head in group["heads"]]
    assert sorted(heads) == list(np.ndindex(6, 8))


def test_explorer_gets_the_stored_result_of_the_best_weights_only(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path))
    run = make_run(tmp_path, "measured", model="vit", steps=(10,), **SMALL)
    data = load_dataset("cifar10-mini")
    chosen = SelectedImage(data.test.images[0], None, "")
    header, _, request = explorer.prepare(run, chosen, data, {"order": "distance"})
    assert (header["behavior"], request.order) == (None, "distance")
    link = {"run": run.id, "order": "distance"}
    with pytest.raises(UserError, match="order=distance"):
        scenes.scene("attention", link)
    *_, last = measure(HEADS, [Subject(run)], HEADS.images)
    header, _, _ = explorer.prepare(run, chosen, data, {"order": "distance"})
    assert header["behavior"]["count"] == 200
    seen = images_for([run], 200)
    expected = head_behavior(load_run(run), torch.from_numpy(seen.pixels))["distance"].mean(dim=0).numpy()
    np.testing.assert_allclose(last.result.values.distance.mean, expected, atol=1e-5)
    np.testing.assert_allclose(views.heads(run, data, None)[0], expected, atol=1e-5)  # those of the plot
    order = [head for group in header["behavior"]["measures"][0]["groups"] for head in group["heads"]]
    assert [expected[layer, head] for layer, head in order] == sorted(expected.ravel())
    assert isinstance(scenes.scene("attention", link), Explorer)
    header, _, _ = explorer.prepare(run, chosen, data, {"order": "distance", "snapshot": "10"})
    assert header["behavior"] is None


def test_weights_that_are_not_the_best_are_not_called_so(tmp_path):
    run = make_run(tmp_path, "stopped", model="vit", steps=(10, 20), **SMALL)
    data = load_dataset("cifar10-mini")
    chosen = SelectedImage(data.test.images[0], None, "")
    assert explorer.prepare(run, chosen, data, {})[0]["snapshots"][-1]["label"] == "best weights"
    run.best.unlink()
    shown = explorer.prepare(run, chosen, data, {})[0]["snapshots"]
    assert [one["label"] for one in shown] == ["step 10", "step 20", "latest snapshot"]
