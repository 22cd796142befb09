"""The numbers in the answers of the exercises about Compare: a function for each returns its phrases."""

from __future__ import annotations

import json
import math

import numpy as np

from tests.house.stored import RUNS
from vitcore.paths import assets_dir
from vitcore.runs.folder import find_run
from vitcore.runs.metrics import active_seconds, epochs_of, read_scalars


def results():
    return [find_run(run).status().result for run in RUNS]


def scores(run):
    """Return the stored scores for all test images."""
    for path in (assets_dir() / "runs" / run / "probes").glob("test-*.json"):
        stored = json.loads(path.read_text())
        if stored["images"] == 10_000:
            return stored["values"]
    raise AssertionError(run)


def confusion(run):
    """Return the classes and the confusion matrix for all test images."""
    return scores(run)["classes"], scores(run)["confusion"]


def mistakes(run):
    """Return (count, true class, prediction) of all confusions of a run, the most frequent first."""
    classes, counts = confusion(run)
    return sorted(
        (
            (count, true, predicted)
            for true, row in zip(classes, counts, strict=True)
            for predicted, count in zip(classes, row, strict=True)
            if true != predicted
        ),
        reverse=True,
    )


def difference():
    vit, resnet = (round(result["test_acc"] * result["n_test"]) for result in results())
    return [f"{resnet - vit}. The ResNet classifies {resnet:,} correctly, the ViT {vit:,}"]


def calibration():
    vit, resnet = (scores(run)["calibration"] for run in RUNS)
    fullest = max(range(vit["bins"]), key=lambda i: vit["count"][i])
    confidence, accuracy = vit["confidence"][fullest], vit["accuracy"][fullest]
    assert accuracy > confidence
    config = find_run(RUNS[0]).config
    assert min(config.label_smoothing, config.mixup, config.cutmix) > 0
    return [
        f"fullest bin has {vit['count'][fullest]:,} predictions with a mean confidence of "
        f"{100 * confidence:.0f} %, of which {100 * accuracy:.0f} % are correct",
        f"Its ECE is {100 * vit['ece']:.1f} %, that of the ResNet {100 * resnet['ece']:.1f} %",
    ]


def confused():
    (a, *one), (b, *two) = mistakes(RUNS[0])[:2]
    assert [one, two] == [["cat", "dog"], ["dog", "cat"]]
    other = {(true, predicted): count for count, true, predicted in mistakes(RUNS[1])[:2]}
    return [
        f"{a} of the 1,000 cats for dogs, and {b} of the 1,000 dogs for cats",
        f"{other['cat', 'dog']} and {other['dog', 'cat']}",
    ]


def cats():
    texts, shares, errors = [], [], []
    for run in RUNS:
        classes, counts = confusion(run)
        row = counts[classes.index("cat")]
        share = row[classes.index("cat")] / sum(row)
        error = math.sqrt(share * (1 - share) / sum(row))
        shares.append(100 * share)
        errors.append(100 * error)
        texts.append(f"{100 * share:.1f} ± {100 * error:.1f} %")
    gap, error = shares[1] - shares[0], math.hypot(*errors)
    assert 4 < gap / error < 5
    return [
        f"{texts[1]} of the cats correctly, the ViT {texts[0]}",
        f"difference is {error:.1f} points, and {gap:.1f} points are more than four",
    ]


def parameters():
    vit, resnet = (result["parameters"] for result in results())
    return [f"by a factor of {vit / resnet:.1f}. It has {vit:,} parameters, the ResNet {resnet:,}"]


def speed():
    curves = [read_scalars(find_run(run).path) for run in RUNS]
    accuracies = [found["val_acc"].values for found in curves]
    target = max(accuracies[0])
    at = [int(np.argmax(values >= target)) for values in accuracies]  # the first that is as good
    epochs = [epochs_of(found, found["val_acc"])[i] for found, i in zip(curves, at, strict=True)]
    minutes = [active_seconds(found, found["val_acc"])[i] / 60 for found, i in zip(curves, at, strict=True)]
    return [
        f"After {epochs[1]:.0f} epochs, or {minutes[1]:.1f} minutes. The ViT is best after {epochs[0]:.0f} "
        f"epochs, or {minutes[0]:.1f} minutes, with {100 * target:.1f} %"
    ]


def patch_sizes():
    found = {}
    for size, run in ((2, "study-vit-patch-2"), (4, "study-vit-base"), (8, "study-vit-patch-8")):
        assert find_run(run).config.options["patch_size"] == size
        share, count = (find_run(run).status().result[key] for key in ("test_acc", "n_test"))
        found[size] = (share, math.sqrt(share * (1 - share) / count))
    texts = {size: f"{100 * share:.1f} ± {100 * error:.1f} %" for size, (share, error) in found.items()}

    def errors_apart(a, b):
        return abs(found[a][0] - found[b][0]) / math.hypot(found[a][1], found[b][1])

    assert errors_apart(4, 8) > 3
    assert errors_apart(4, 2) < 1
    return [
        f"patches of 8 x 8 pixels: {texts[8]}, compared with {texts[4]} for 4 x 4",
        f"With 2 x 2 it is {texts[2]}",
    ]
