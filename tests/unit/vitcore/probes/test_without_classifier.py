"""Models without a classifier: only experiments that need no predictions measure them."""

from __future__ import annotations

import pytest

from vitcore.errors import UserError
from vitcore.probes import EVERY, find_probe, measure
from vitcore.probes.store import Subject, images_of
from vitcore.runs.folder import find_run

OF_FEATURES = {"cka", "distance", "fourier", "heads", "receptive-field", "registers", "speed"}
RUN = find_run("mae-small")


@pytest.mark.parametrize("untrained", [False, True])
@pytest.mark.parametrize("name", sorted({*EVERY} - OF_FEATURES))
def test_experiment_with_predictions_refuses_a_model_without_a_classifier_unread(
    name, untrained, monkeypatch
):
    monkeypatch.setattr(measure, "model_of", lambda subject: pytest.fail("loaded"))
    probe = find_probe(name)
    with pytest.raises(UserError, match=f"{RUN.id} has no classifier"):
        next(measure.measure(probe, [Subject(RUN, untrained)] * (1 + probe.pair), 20))


@pytest.mark.parametrize("name", sorted(OF_FEATURES))
def test_experiment_without_predictions_accepts_a_model_without_a_classifier(name):
    assert len(images_of(find_probe(name), [RUN], 20).labels) == 20
