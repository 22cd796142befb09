"""Scores and epochs of imported runs are those of the imported weights."""

from __future__ import annotations

import numpy as np
import pytest

from tests.published_site import write_checkpoint
from vitcore.exchange.checkpoint import import_checkpoint, position_of
from vitcore.exchange.curves import epochs_at, scores_at, steps_per_epoch
from vitcore.exchange.formats import Position
from vitcore.runs.metrics import Curve, Scalars


def curve(*points: tuple[int, float]) -> Curve:
    steps, values = zip(*points, strict=True)
    return Curve(np.array(steps), np.arange(len(steps), dtype=float), np.array(values, dtype=float))


VALIDATION = curve((350, 0.5), (701, 0.9), (1052, 0.8))  # the second epoch is the best, 702 steps


def test_test_accuracy_belongs_to_the_checkpoint_if_its_twin_is_the_best_validation_accuracy():
    tested = curve((1053, 0.9), (1053, 0.87))
    assert scores_at(702, Scalars({"val_acc": VALIDATION, "test_acc": tested})) == {
        "val_acc": 0.9,
        "n_val": 5_000,
        "test_acc": 0.87,
        "n_test": 10_000,
    }


@pytest.mark.parametrize(
    "points",
    [
        [(1053, 0.8), (1053, 0.87)],  # tested the weights of the last epoch
        [(1053, 0.87)],  # a single point: nothing says of which weights, nor of which images
        [(1052, 0.9), (1053, 0.87)],  # two separate tests
        [(1053, 0.87), (1053, 0.9)],  # the other order: which is the test is unknown
        [(1053, 0.9), (1053, 87.0)],  # not a share
        [(1053, 0.9), (1053, float("nan"))],
    ],
)
def test_other_test_accuracies_are_left_out(points):
    scalars = Scalars({"val_acc": VALIDATION, "test_acc": curve(*points)})
    assert scores_at(702, scalars) == {"val_acc": 0.9, "n_val": 5_000}


def test_later_test_of_the_same_weights_counts():
    tested = curve((10, 0.1), (10, 0.1), (1053, 0.9), (1053, 0.87))
    assert scores_at(702, Scalars({"val_acc": VALIDATION, "test_acc": tested}))["test_acc"] == 0.87


def test_best_validation_is_found_beside_values_that_are_not_finite():
    values = curve((350, float("nan")), (701, 0.9))
    assert scores_at(702, Scalars({"val_acc": values})) == {"val_acc": 0.9, "n_val": 5_000}
    assert scores_at(351, Scalars({"val_acc": curve((350, float("nan")))})) == {}
    assert scores_at(351, Scalars({"val_acc": curve((350, 90.0))})) == {}


def test_published_resnet_has_the_validation_accuracy_but_not_the_test_accuracy_of_its_last_epoch(shared):
    status = import_checkpoint(shared / "tutorial" / "ResNet.ckpt").status()
    assert status.result == {"best_epoch": 162, "val_acc": pytest.approx(0.9184), "n_val": 5_000}
    assert "evaluate" in status.reason
    assert (status.epoch, status.step) == (162, 162 * 351)


def test_import_of_earlier_versions_is_corrected(shared):
    file = shared / "tutorial" / "ResNet.ckpt"
    run = import_checkpoint(file)
    right = run.stored_status()
    run.write_status(
        right.model_copy(update={"epoch": 163.0, "result": {"best_epoch": 163, "test_acc": 0.9}})
    )
    assert import_checkpoint(file) == run
    assert run.stored_status() == right


@pytest.mark.parametrize(("step", "epoch"), [(180 * 351, 180), (63_180, 180), (351, 1), (56_862, 162)])
def test_epoch_of_a_published_checkpoint_is_that_of_its_steps(step, epoch, tmp_path):
    run = import_checkpoint(write_checkpoint(tmp_path, "DenseNet", epoch=epoch, global_step=step))
    assert (run.status().epoch, run.status().result["best_epoch"]) == (epoch, epoch)


def test_steps_per_epoch_come_from_the_event_file_if_it_logs_epochs():
    val = curve((99, 0.1), (199, 0.2))
    logged = Scalars({"val_acc": val, "epoch": curve((49, 0), (99, 0), (149, 1), (199, 1))})
    assert steps_per_epoch(logged) == 100
    assert epochs_at(Position(200, 7), logged, usual=351) == 2
    assert steps_per_epoch(Scalars({"val_acc": val})) is None
    uneven = Scalars({"val_acc": val, "epoch": curve((99, 0), (199, 2))})
    assert steps_per_epoch(uneven) is None
    assert epochs_at(Position(500, 7), uneven, usual=351) == 7  # not a whole number of epochs
    assert epochs_at(None, logged, usual=351) == 0


def loops(started: int, *, last: bool = True) -> dict:
    return {
        "fit_loop": {
            "epoch_progress": {"current": {"ready": started}},
            "epoch_loop.batch_progress": {"is_last_batch": last},
        }
    }


@pytest.mark.parametrize(
    ("content", "epochs"),
    [
        ({"epoch": 3, "pytorch-lightning_version": "1.0.2"}, 3),
        ({"epoch": 3, "pytorch-lightning_version": "1.5.10"}, 3),
        ({"epoch": 3, "pytorch-lightning_version": "1.6.0", "loops": loops(4)}, 4),
        ({"epoch": 3, "pytorch-lightning_version": "2.5.1", "loops": loops(4)}, 4),
        ({"epoch": 3, "pytorch-lightning_version": "2.5.1", "loops": loops(4, last=False)}, 3),
        ({"epoch": 3, "pytorch-lightning_version": "2.5.1", "loops": loops(3)}, 3),  # after the training
        ({"epoch": 3, "pytorch-lightning_version": "2.5.1", "loops": 7}, 4),
    ],
)
def test_epochs_of_each_version_of_lightning(content, epochs, tmp_path):
    assert position_of({**content, "global_step": 1000}, tmp_path) == Position(1000, epochs)


@pytest.mark.parametrize(
    "content", [[], {}, {"epoch": 3}, {"global_step": 3}, {"epoch": None, "global_step": 3}]
)
def test_files_without_a_position_have_none(content, tmp_path):
    assert position_of(content, tmp_path) is None
