"""What pages and commands state about the same runs is the same."""

from __future__ import annotations

import re

import pytest

from dashboard.compare import measured, score_table, time_to_accuracy
from dashboard.overview import featured_image
from dashboard.overview.budgets import budgets
from dashboard.shared import run_curves, run_status
from dashboard.shared.run_curves import CurveStyle
from tests.apptests import open_app
from tests.bundled import RESNET, VIT
from tests.command_line import run as command
from vitcore import numbers
from vitcore.analysis.cost import vit_cost
from vitcore.runs.folder import find_run

RUNS = ("vit-cifar10", "resnet-cifar10")


def texts(app) -> str:
    kinds = ("markdown", "caption", "html", "text", "info")
    return "\n".join(
        str(getattr(element, "value", "") or element.proto.body)
        for kind in kinds
        for element in app.get(kind)
    )


@pytest.fixture(scope="module")
def items():
    return dict(zip(RUNS, measured.look_up([find_run(name) for name in RUNS], 10_000), strict=True))


def cells(items, name: str, row: str) -> str:
    groups = score_table.table([items[name]])
    return next(line.cells[0] for lines in groups.values() for line in lines if line.name == row)


@pytest.mark.parametrize("name", RUNS)
def test_accuracy_and_epochs_agree_on_pages_and_in_commands(items, name):
    run = find_run(name)
    result = run.status().result
    accuracy = f"{100 * result['test_acc']:.2f}"
    said = {
        "Compare": cells(items, name, "test images"),
        "Training": run_status.describe(run, run.status()),
        "Overview": texts(open_app("overview")),
        "vitcore runs": command("runs").stdout,
    }
    assert {page: accuracy in text for page, text in said.items()} == dict.fromkeys(said, True)
    assert "n = 10,000" in said["Compare"]
    assert "n = 10,000" in said["Training"]
    (row,) = [line for line in said["vitcore runs"].splitlines() if line.startswith(f"{name} ")]
    assert "20 of 20" in row
    assert cells(items, name, "epochs") == "20 of 20"


@pytest.mark.parametrize("name", RUNS)
def test_best_validation_agrees_between_the_table_the_curves_and_speed_to_accuracy(items, name):
    run = find_run(name)
    best = cells(items, name, "validation, best").partition(",")[0]
    drawn = run_curves.collect([run], ("train_acc", "val_acc"), CurveStyle())
    assert drawn.best[0]["text"] == f"best {best} %"
    assert f"{best} %" in time_to_accuracy.figure([run], name, "epoch")[1]


def test_parameters_and_multiply_adds_agree(items):
    overview = texts(open_app("overview"))
    for name in RUNS:
        parameters = int(cells(items, name, "parameters").replace(",", ""))
        assert parameters == items[name].tested.values.parameters
        assert numbers.millions(parameters) in overview
    counted = cells(items, "vit-cifar10", "multiply-adds of an image")
    assert counted == f"{vit_cost(4).multiply_adds / 1e6:,.1f}"
    patches = open_app("patches", run="vit-cifar10").dataframe[0].value
    shown = patches[patches["patch size"].str.startswith("4 x 4")]["multiply-adds, million"]
    assert [f"{value:,.1f}" for value in shown] == [counted]


def test_evaluate_states_the_accuracy_that_compare_states(items):
    item = measured.look_up([find_run("resnet-cifar10")], 1000)[0]
    text = command("evaluate", "resnet-cifar10", "--data", "cifar10-mini").stdout
    share, count = re.fullmatch(r"([\d.]+) %, (n = [\d,]+) test images of cifar10-mini\s*", text).groups()
    assert score_table._test_accuracy(item) == f"{share}, {count}"


def test_bars_of_the_overview_are_those_of_the_bundled_pair():
    assert [run.id for run in featured_image.bundled_pair()] == [VIT, RESNET]
    last = budgets(("vit", "resnet"))[-1]
    assert [run.id for run in last.runs] == [VIT, RESNET]
    for run, shown in zip(last.runs, last.accuracies.values(), strict=True):
        assert shown == find_run(run.id).status().result["test_acc"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7020, "7,020"), (7020.4, "7,020"), (1_800_000.0, "1,800,000"), (9.256, "9.26"), (20.0, "20"), (0, "0")],
)
def test_amounts_have_no_powers_of_ten(value, text):
    assert numbers.amount(value) == text


def test_epochs_are_never_more_than_the_total():
    assert numbers.epochs(20.04, 20) == "20 of 20"
    assert numbers.epochs(0.52, 4) == "0.5 of 4"
    assert numbers.epochs(1234.5, None) == "1,234.5"


def test_a_share_is_written_with_two_digits():
    assert numbers.percent(0.8905) == "89.05 %"
    assert numbers.accuracy(0.5, 1000) == "50.00 % (n = 1,000)"
    assert numbers.accuracy(0.5, None) == "50.00 %"
    assert [numbers.millions(count) for count in (3_195_146, 272_378, 190_944_768)] == [
        "3.2 million",
        "0.27 million",
        "191 million",
    ]
