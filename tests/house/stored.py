"""The stored results of the bundled pair, as sentences state them."""

from __future__ import annotations

from vitcore.probes import HEADS, PROBES
from vitcore.probes.store import Subject, find, images_for, images_of
from vitcore.runs.folder import find_run
from vitcore.sweeps.results import sample_curve
from vitcore.sweeps.sweep import find_sweep

RUNS = ("vit-cifar10-gpu", "resnet-cifar10-gpu")


def values(probe, run, *, untrained=False):
    """Return the stored values of an experiment on 500 images with the default settings."""
    runs = [find_run(run)]
    settings, images = PROBES[probe].settings(), images_of(PROBES[probe], runs, 500)
    return find(PROBES[probe], [Subject(runs[0], untrained)], images, settings).values.model_dump()


def head_behavior(field, run=RUNS[0]):
    """Return a measure of each head over test images, [layer][head], as the Attention page shows it."""
    runs = [find_run(run)]
    images = images_for(runs, HEADS.images)
    return getattr(find(HEADS, [Subject(runs[0])], images, HEADS.settings()).values, field)


def head_distances(run):
    """Return the mean distance of each head in pixels, [layer][head], as the Attention page shows it."""
    return head_behavior("distance", run).mean


def similarity_of_layers():
    """Return the stored values of the experiment on both models."""
    runs = [find_run(run) for run in RUNS]
    subjects = [Subject(run) for run in runs]
    return find(PROBES["cka"], subjects, images_for(runs, 500), PROBES["cka"].settings()).values


def at(probe, curve, x):
    """Return "mean ± error %" of both models at one position of a curve."""
    texts = []
    for run in RUNS:
        found = values(probe, run)
        i = found["x"].index(x)
        mean, error = (100 * found["curves"][curve][key][i] for key in ("mean", "error"))
        texts.append(f"{mean:.0f} ± {error:.0f} %")
    return texts


def sample_gap(share):
    """Return the lead of the ResNet in whole points after training on a share of the images."""
    runs = find_sweep("samples-cifar10").runs
    rows = {(row["model"], row["share"]): row["mean"] for row in sample_curve(runs)}
    return round(100 * (rows["resnet", share] - rows["vit", share]))
