"""Measurements: their results, their expected time, and the panel that starts them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch.utils.flop_counter import FlopCounterMode

from dashboard.compare import measured as compare
from dashboard.drawing.markdown import escape
from dashboard.shared import jobs, measurements, resources
from dashboard.shared.measurements import Measurement, expected_seconds, look_up
from tests.conftest import TINY_RESNET
from tests.made_runs import make_run
from tests.waiting import until
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.models import build_for
from vitcore.probes import PROBES, SPEED, TEST
from vitcore.probes.measure import Partial, measure
from vitcore.probes.scores import find_test, test_set
from vitcore.probes.store import Subject, images_for
from vitcore.runs.folder import find_run

SHIFT = PROBES["shift"]


@pytest.fixture(autouse=True)
def clear_caches(monkeypatch):
    monkeypatch.setattr(measurements, "_cached", {})
    monkeypatch.setattr(jobs, "_jobs", {})


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "runs"))
    return make_run(tmp_path / "runs", "tiny", model="resnet", seed=23, **TINY_RESNET)


def shift_of(run, count=20):
    return look_up(SHIFT, [Subject(run)], images_for([run], count), {}, count=count, name="ResNet")


def test_missing_result_is_found_once_it_is_stored(run):
    missing = shift_of(run)
    assert (missing.result, missing.values, missing.images, missing.running) == (None, None, 0, False)
    result = [*measure(SHIFT, [Subject(run)], 20, {})][-1].result
    stored = shift_of(run)
    assert stored.result == result
    assert stored.values == result.values
    assert stored.images == 20
    assert stored.key == missing.key


def test_started_measurement_runs_shows_its_steps_and_is_stored(run, monkeypatch):
    proceed = threading.Event()
    steps = Measurement._steps

    def slow(self):
        for step in steps(self):
            yield step
            proceed.wait(60)

    monkeypatch.setattr(Measurement, "_steps", slow)
    missing = shift_of(run)
    missing.start()
    until(lambda: missing.job.last)
    assert missing.running
    assert shift_of(run).step.total == 20
    proceed.set()
    until(lambda: not missing.running)
    assert shift_of(run).result.images == 20


def test_canceled_measurement_is_missing_without_an_error(run, monkeypatch):
    proceed = threading.Event()

    def endless(self):
        while True:
            yield Partial(1, 20, None)
            proceed.wait(0.01)

    monkeypatch.setattr(Measurement, "_steps", endless)
    missing = shift_of(run)
    missing.start()
    until(lambda: missing.job.last)
    missing.job.cancel()
    assert not missing.running
    assert missing.job is None


def test_result_is_found_also_if_other_visitors_displace_it_at_once(run, monkeypatch):
    class Displaced(dict):
        def __setitem__(self, key, value):
            """Store nothing, as if other visitors had already filled the cache."""

    shift_of(run).start()
    until(lambda: not shift_of(run).running)
    monkeypatch.setattr(measurements, "_cached", Displaced())
    assert shift_of(run).result.images == 20


def test_cache_of_results_has_a_limit(run, monkeypatch):
    monkeypatch.setattr(measurements, "MAX_CACHED", 4)
    monkeypatch.setattr(measurements, "find", lambda *_: object())
    for count in range(1, 7):
        assert shift_of(run, count).result
        assert len(measurements._cached) == min(count, 4)
    assert shift_of(run, 6).key in measurements._cached


def test_outcome_of_a_repeated_job_is_kept_as_that_of_the_newest(monkeypatch):
    monkeypatch.setattr(jobs, "MAX_FINISHED", 2)

    def run_job(key):
        job = jobs.start(key, lambda: iter([jobs.Progress(1, 1)]))
        until(lambda: job.over)

    for key in ("repeated", "second", "repeated", "third", "fourth"):
        run_job(key)
    assert jobs.find("repeated")
    assert not jobs.find("second")


@pytest.mark.parametrize("name", ["scores", "timing"])
def test_measurement_of_compare_is_accepted_by_its_probe(run, name):
    (item,) = compare.look_up([run], 1000)
    steps = getattr(item, name)._steps()
    assert next(steps).done == 0
    steps.close()


def test_expected_seconds_follow_images_and_parameters():
    bundled = find_run("resnet-cifar10-gpu")
    stored = find_test(bundled, TEST.images)
    one = look_up(TEST, [Subject(bundled)], test_set(bundled, 1000), {}, count=1000, name="ResNet")
    assert expected_seconds([one]) == pytest.approx(stored.seconds)
    assert expected_seconds([replace(one, count=10_000)]) == pytest.approx(10 * stored.seconds)
    assert expected_seconds([one, one]) == pytest.approx(2 * stored.seconds)


def test_smaller_model_of_an_architecture_is_expected_to_take_less(run):
    tiny, bundled = shift_of(run, 500), shift_of(find_run("resnet-cifar10-gpu"), 500)
    share = resources.parameters(run) / resources.parameters(find_run("resnet-cifar10-gpu"))
    assert expected_seconds([tiny]) == pytest.approx(share * expected_seconds([bundled]))


def test_expected_time_follows_the_number_of_patches_and_not_of_pixels(tmp_path):
    large = make_run(tmp_path, "large", data="photos", image_size=224, patch_size=28)  # 8 x 8 patches
    bundled = find_run("vit-cifar10-gpu")
    known = shift_of(bundled, 500)
    one = replace(known, subjects=[Subject(large)])
    share = resources.parameters(large) / resources.parameters(bundled)
    assert expected_seconds([one]) == pytest.approx(share * expected_seconds([known]))


@pytest.mark.parametrize("count", [10, 100])
def test_expected_time_counts_the_images_that_there_are(run, count):
    assert expected_seconds([shift_of(run, count)]) == pytest.approx(
        count / 500 * expected_seconds([shift_of(run, 500)])
    )


def operations(run):
    """Return the operations of a prediction, as torch counts them."""
    config = run.config
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build_for(config).eval()(torch.zeros(1, 3, config.image_size, config.image_size))
    return counter.get_total_flops()


def test_expected_time_of_a_resnet_of_imagenet_follows_its_operations(tmp_path):
    """Its first layers reduce the image, so that parameters times pixels would be 16 times too many."""
    stages = {"c_hidden": [32, 64, 128, 256], "num_blocks": [2, 2, 2, 2], "stem": "7x7"}
    large = make_run(tmp_path, "large", model="resnet", data="photos", image_size=224, **stages)
    bundled = find_run("resnet-cifar10-gpu")
    known = shift_of(bundled, 500)
    ratio = expected_seconds([replace(known, subjects=[Subject(large)])]) / expected_seconds([known])
    assert 1 / 3 < ratio / (operations(large) / operations(bundled)) < 3


def test_test_of_a_small_folder_counts_its_images(colors, tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_RUNS", str(tmp_path / "runs"))
    small = make_run(tmp_path / "runs", "small", data=f"folder:{colors}", model="resnet", **TINY_RESNET)
    (item,) = compare.look_up([small], 1000)
    assert item.scores.count == len(load_dataset(f"folder:{colors}", 32).test)


def test_expected_time_is_unknown_without_a_similar_bundled_run(run, monkeypatch):
    speed = replace(shift_of(run), probe=SPEED)
    monkeypatch.setattr(resources, "bundled", lambda: {})
    assert expected_seconds([shift_of(run)]) is None
    assert expected_seconds([speed, shift_of(run)]) is None
    assert expected_seconds([speed]) == measurements.SPEED_S


def panel_script():
    import streamlit as st

    from dashboard.shared import measurement_panel

    measurement_panel.show(st.session_state.missing, "shift of tiny")


def page_of(missing):
    page = AppTest.from_function(panel_script, default_timeout=60)
    page.session_state.missing = missing
    return page.run()


def test_panel_offers_missing_measurements_only(run):
    assert not page_of([]).info
    page = page_of([shift_of(run)])
    (info,) = page.info
    assert "shift of tiny" in info.value
    assert [button.key for button in page.button] == ["measure"]
    assert not page.button[0].disabled


def test_panel_measures_and_cancels(run, monkeypatch):
    proceed = threading.Event()

    def endless(self):
        while True:
            yield Partial(1, 20, None)
            proceed.wait(0.01)

    monkeypatch.setattr(Measurement, "_steps", endless)
    missing = shift_of(run)
    page = page_of([missing])
    page.button[0].click().run()
    assert not page.exception
    until(lambda: missing.job.last)
    assert [button.key for button in page.run().button] == ["cancel_measuring"]
    page.button[0].click().run()
    assert [button.key for button in page.button] == ["measure"]
    assert not page.error


def test_panel_shows_the_error_of_the_last_attempt(run, monkeypatch):
    def refused(self):
        raise UserError("The folder is gone.")

    monkeypatch.setattr(Measurement, "_steps", refused)
    missing = shift_of(run)
    missing.start()
    until(lambda: not missing.running)
    page = page_of([missing])
    assert [error.value for error in page.error] == [escape("The folder is gone.")]
    assert page.button[0].key == "measure"


def test_panel_is_disabled_in_a_read_only_dashboard(run, monkeypatch):
    monkeypatch.setenv("VITLAB_READONLY", "1")
    page = page_of([shift_of(run)])
    assert page.button[0].disabled
    assert page.button[0].help
