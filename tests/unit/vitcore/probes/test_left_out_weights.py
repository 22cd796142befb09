"""A run whose weights are not in its folder keeps the results that were measured with them."""

from __future__ import annotations

import hashlib

import pytest

from tests.made_runs import make_run
from vitcore.errors import UserError
from vitcore.exchange.folder import export_run
from vitcore.probes import find_probe, measure, store
from vitcore.probes.store import Subject, images_for

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 1, "patch_size": 8}


@pytest.fixture
def measured(tmp_path):
    """A run, with a result of 10 images in its folder, whose weights were replaced by their checksum."""
    run = make_run(tmp_path, "measured", **SMALL)
    assert [*measure.measure(find_probe("shuffle"), [Subject(run)], 10, root=tmp_path, with_run=True)]
    digest = hashlib.sha256(run.best.read_bytes()).hexdigest()
    run.best.with_name("best.safetensors.sha256").write_text(f"{digest}  best.safetensors\n")  # as sha256sum
    run.best.unlink()
    return run


def find(run, count=10):
    return store.find(find_probe("shuffle"), [Subject(run)], images_for([run], count), {}, run.path.parent)


def test_result_is_found_without_the_weights(measured):
    assert find(measured).runs == [measured.id]
    assert find(measured, 11) is None
    assert not Subject(measured).can_be_measured
    assert Subject(measured, untrained=True).can_be_measured
    with pytest.raises(UserError, match=f"{measured.id} has no weights"):
        [*measure.measure(find_probe("shuffle"), [Subject(measured)], 11, root=measured.path.parent)]


def test_weights_in_the_folder_count_more_than_a_checksum_of_others(measured):
    make_run(measured.path.parent, "other", seed=1, **SMALL).best.rename(measured.best)
    assert find(measured) is None
    assert Subject(measured).can_be_measured


def test_export_without_weights_keeps_the_results_of_the_weights(tmp_path):
    run = make_run(tmp_path, "measured", **SMALL)
    assert [*measure.measure(find_probe("shuffle"), [Subject(run)], 10, root=tmp_path, with_run=True)]
    shared = export_run(run, tmp_path / "shared", weights=False)
    assert not shared.weights
    digest = hashlib.sha256(run.best.read_bytes()).hexdigest()
    checksum = shared.best.with_name("best.safetensors.sha256")
    assert checksum.read_text() == f"{digest}  best.safetensors\n"
    assert find(shared).values == find(run).values
    again = export_run(shared, tmp_path / "again", weights=False)  # of a run that has no weights itself
    assert find(again).values == find(run).values


@pytest.mark.parametrize("text", ["", "0" * 64 + "  other.safetensors\n", "0" * 63 + "  best.safetensors\n"])
def test_file_that_is_not_a_checksum_of_the_weights_is_refused(measured, text):
    measured.best.with_name("best.safetensors.sha256").write_text(text)
    with pytest.raises(UserError, match="is not the output of"):
        find(measured)
