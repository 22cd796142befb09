"""The tags of other programs: which of them are accuracy, loss and epochs."""

from __future__ import annotations

import numpy as np
import pytest

from vitcore.runs.metrics import Curve, Scalars
from vitcore.runs.tags import assign, canonical, readable, recognized


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("loss", ("loss", "train")),
        ("epoch_loss", ("loss", "train")),  # Keras
        ("batch_loss", ("loss", "train")),
        ("evaluation_accuracy_vs_iterations", ("acc", "val")),
        ("train/loss", ("loss", "train")),  # Hugging Face
        ("eval/loss", ("loss", "val")),
        ("train/epoch", ("epoch", "train")),
        ("train/learning_rate", ("lr", "train")),
        ("val_acc", ("acc", "val")),  # Lightning
        ("train_loss_step", ("loss", "train")),
        ("Accuracy/test", ("acc", "test")),  # the PyTorch tutorials
        ("Loss/train", ("loss", "train")),
        ("validation accuracy", ("acc", "val")),
        ("valLoss", ("loss", "val")),
        ("categorical_crossentropy", ("loss", "train")),
        ("val/cross_entropy", ("loss", "val")),
        ("epoch", ("epoch", "train")),
        ("aux_loss", None),
        ("grad/loss_scale", None),
        ("val/top5", None),
        ("train/val_loss", None),
        ("accuracy_loss", None),
        ("step", None),
        ("", None),
    ],
)
def test_quantity_and_split_follow_from_the_words_of_a_tag(tag, found):
    assert recognized(tag) == found


def test_folder_names_the_split_of_tags_without_one():
    assert recognized("epoch_loss", "trial/validation") == ("loss", "val")
    assert recognized("epoch_loss", "trial/train") == ("loss", "train")
    assert recognized("eval/loss", "trial/train") == ("loss", "val")
    assert recognized("epoch_loss", "validation/trial") == ("loss", "train")


def test_the_most_suitable_of_several_tags_is_used():
    steps = ["train_loss_step", "train_loss_epoch"]
    assert assign(steps) == {"train_loss": "train_loss_epoch"}
    assert assign(["loss", "train_loss"]) == {"train_loss": "train_loss"}
    assert assign(["test/acc", "val/acc"]) == {"val_acc": "val/acc"}
    assert assign(["test/acc"]) == {"val_acc": "test/acc"}


def curve(*values):
    steps = np.arange(len(values))
    return Curve(steps, 1000.0 + steps, np.array(values))


def test_accuracies_become_fractions_and_no_curve_is_lost():
    raw = {
        "Accuracy/train": curve(10.0, 95.0, np.nan),
        "val/acc": curve(0.1, 1.0),
        "loss": curve(2.0, 50.0),
        "train_loss": curve(3.0, 1.0),
        "eval/score": curve(7.0),
    }
    found = canonical(Scalars(raw, {"loss": [curve(9.0)]}, ("broken",)))
    assert set(found.curves) == {"train_acc", "val_acc", "loss", "train_loss", "eval/score"}
    assert found["train_acc"].values[:2] == pytest.approx([0.1, 0.95])
    assert found["val_acc"].values.tolist() == [0.1, 1.0]
    assert found["loss"].values.tolist() == [2.0, 50.0]
    assert found["train_loss"].values.tolist() == [3.0, 1.0]
    assert list(found.rewound) == ["loss"]
    assert found.damaged == ("broken",)
    assert raw["Accuracy/train"].values[0] == 10.0  # the recorded curve is unchanged


@pytest.mark.parametrize("values", [(0.0, 300.0), (-0.5, 0.5), (0.0, 1.0, 2.0, 3.0, 4.0)])
def test_values_that_are_no_share_are_no_accuracy(values):
    found = canonical(Scalars({"val/acc": curve(*values), "val_acc": curve(*values)}))
    assert set(found.curves) == {"val/acc", "val_acc (not a share)"}
    assert all(piece.values.tolist() == list(values) for piece in found.curves.values())


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (1.5, 4.0), (0.0, 12.0), (np.nan,), (1.2, np.nan)])
def test_values_that_may_be_a_share_are_an_accuracy(values):
    assert set(canonical(Scalars({"val/acc": curve(*values)})).curves) == {"val_acc"}


def test_curve_that_is_a_share_is_preferred_to_one_that_is_not():
    found = canonical(Scalars({"val_acc": curve(0.0, 300.0), "val/accuracy": curve(0.1, 0.5)}))
    assert found["val_acc"].values.tolist() == [0.1, 0.5]


def test_unknown_tags_keep_their_names():
    assert readable("lr") == "learning rate"
    assert readable("gan/aux_loss") == "gan/aux_loss"
