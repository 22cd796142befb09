"""Export on the Training page: both files of a bundled run, Cancel, and errors."""

from __future__ import annotations

import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from playwright.sync_api import expect

import vitcore
from tests.made_runs import make_run
from vitcore.runs.folder import find_run


def open_export(visitor, run):
    page = visitor.open(f"training?watch={run}")
    page.get_by_role("button", name="Export").click()
    expect(button(page, f"zip_{run}")).to_be_visible()
    return page


def button(page, key):
    return page.locator(f".st-key-{key}").get_by_role("button")


def save(page, key, place):
    """Save the file of the download button with this key, and return its name."""
    with page.expect_download(timeout=60_000) as caught:
        button(page, key).click()
    caught.value.save_as(place)
    return caught.value.suggested_filename


@pytest.mark.slow
def test_both_files_of_a_bundled_run_are_downloaded_and_can_be_opened(visitor, tmp_path, data):
    page = open_export(visitor, "resnet-cifar10")
    place = tmp_path / "run.zip"
    assert save(page, "zip_resnet-cifar10", place) == "resnet-cifar10.zip"
    with zipfile.ZipFile(place) as archive:
        best = archive.read("resnet-cifar10/checkpoints/best.safetensors")
    assert best == find_run("resnet-cifar10").best.read_bytes()

    button(page, "make_onnx_resnet-cifar10").click()
    expect(button(page, "onnx_resnet-cifar10")).to_be_visible(timeout=180_000)
    visitor.settle()
    place = tmp_path / "model.onnx"
    assert save(page, "onnx_resnet-cifar10", place) == "resnet-cifar10.onnx"
    images = data.test.images[:4].astype(np.float32) / 255
    session = onnxruntime.InferenceSession(str(place), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images})
    mean = np.array([0.49139968, 0.48215841, 0.44653091], np.float32).reshape(3, 1, 1)
    std = np.array([0.24703223, 0.24348513, 0.26158784], np.float32).reshape(3, 1, 1)
    with torch.inference_mode():
        wanted = vitcore.load("resnet-cifar10")(torch.from_numpy((images - mean) / std)).numpy()
    assert np.abs(logits - wanted).max() < 1e-4

    page = open_export(visitor, "resnet-cifar10")  # the file is kept for later visits
    expect(button(page, "onnx_resnet-cifar10")).to_be_visible()


@pytest.mark.slow
def test_export_is_canceled_and_a_failure_names_its_reason(visitor, server, tmp_path):
    run = make_run(
        server.home / "runs",
        "missing folder",
        model="resnet",
        c_hidden=[4, 8],
        num_blocks=[1, 1],
        data=f"folder:{tmp_path / 'gone'}",
    )
    page = open_export(visitor, run.id)
    make = button(page, f"make_onnx_{run.id}")
    make.click()
    button(page, f"cancel_onnx_{run.id}").click()
    expect(make).to_be_visible()
    visitor.settle()
    make.click()
    expect(page.get_by_test_id("stAlert").filter(has_text="gone")).to_be_visible(timeout=120_000)
