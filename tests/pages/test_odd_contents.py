"""Well-formed files of runs with contents that no training writes: pages and commands show or refuse them.

Random damage to bytes is found by checksums and parsers. These files pass them.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from dataclasses import fields

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from dashboard.shared import metric_charts, resources, run_curves
from dashboard.shared.run_curves import CurveStyle
from dashboard.sweeps import results
from dashboard.training.predictions import as_html, files
from tests.made_runs import own_copy
from vitcore.config import make_config
from vitcore.errors import UserError
from vitcore.exchange.archive import pack_run, unpack_run
from vitcore.paths import runs_dir
from vitcore.runs import foreign
from vitcore.runs.creation import create_run
from vitcore.runs.folder import Run, list_runs
from vitcore.runs.listing import as_rows
from vitcore.runs.metrics import active_seconds, read_scalars
from vitcore.runs.predictions import Predictions, read_predictions
from vitcore.runs.status import Status
from vitcore.runs.tags import canonical
from vitcore.sweeps.results import left_out
from vitcore.sweeps.sweep import find_sweeps

FLOATS = [0.0, 0.5, 1.0, -1.0, 100.0, 1e30, -1e30, float("nan"), float("inf"), -float("inf")]
STEPS = [0, 1, 2, 3, 100, -1, 2**31, 2**63 - 1, -(2**63)]
TIMES = [0.0, 1.0, 2.0, 1.8e9, 1e18, -5.0, 1e308, float("nan"), float("inf")]
TAGS = ["loss", "train/loss", "val_acc", "epoch", "lr", "", "\x1b[31m", "<b>", "a" * 3000, "ünï/💥", "step"]
SIZES = [0, 1, 1, 1, 2, -1, 2**31, 2**44, 2**62]
FIELDS = {
    "float_val": FLOATS[:6],
    "double_val": FLOATS,
    "int_val": [0, 1, -1, 2**31 - 1],
    "half_val": [0, 15360, -1],
    "string_val": [b"", b"x", b"\xff"],
    "int64_val": STEPS,
    "bool_val": [True],
    "uint32_val": [7],
}


def odd_value(draw, value):
    value.tag = draw.choice(TAGS)
    value.metadata.plugin_data.plugin_name = draw.choice(["scalars", "scalars", "scalars", "", "images"])
    if draw.random() < 0.4:
        value.simple_value = draw.choice(FLOATS)
        return
    tensor = value.tensor
    tensor.dtype = draw.choice([*range(24), 101, 999, -1])
    for _ in range(draw.choice([0, 0, 1, 2, 3])):
        tensor.tensor_shape.dim.add(size=draw.choice(SIZES))
    for name in draw.sample(list(FIELDS), draw.choice([0, 1, 1, 2])):
        getattr(tensor, name).extend(draw.choices(FIELDS[name], k=draw.choice([1, 1, 1, 2])))
    if draw.random() < 0.3:
        tensor.tensor_content = draw.randbytes(draw.choice([0, 1, 2, 4, 8, 9]))


def odd_event(draw):
    event = Event(step=draw.choice(STEPS), wall_time=draw.choice(TIMES))
    kind = draw.random()
    if kind < 0.1:
        event.file_version = draw.choice(
            ["brain.Event:2", "brain.Event:1", "x:²", "", "brain.Event:" + "9" * 400]
        )
    elif kind < 0.2:
        event.session_log.status = draw.choice([SessionLog.START, SessionLog.STOP])
    else:
        for _ in range(draw.choice([1, 1, 3])):
            odd_value(draw, event.summary.value.add())
    return event


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, for infinite values
def test_curves_of_odd_events_are_read_and_drawn():
    draw, drawn = random.Random(0), 0
    for index in range(200):
        place = runs_dir() / f"odd-{index}"
        writer = EventFileWriter(str(place))
        for _ in range(draw.randint(1, 12)):
            writer.add_event(odd_event(draw))
        writer.close()
        scalars = canonical(read_scalars(place))
        for curve in scalars.curves.values():
            assert len(curve.steps) == len(active_seconds(scalars, curve))
    for run in foreign.foreign_runs(runs_dir()):
        for axis in ("epoch", "step", "wall clock"):
            look, _ = run_curves.fitting([run], CurveStyle(axis, 0.5))
            items = run_curves.collect([run], ("train_loss", "val_loss", "val_acc"), look).items
            drawn += len(items)
            json.dumps(items, default=str).encode()
        metric_charts.as_csv([run]).encode("utf-8", "strict")
    assert drawn


def odd_arrays(draw):
    """The arrays of a file of predictions, one or two of which are replaced by others."""
    n, e, c = 2, 3, 2
    arrays = {
        "images": np.zeros((n, 3, 4, 4), np.uint8),
        "truth": np.zeros(n, np.int64),
        "classes": np.array(["a", "b"]),
        "steps": np.arange(e),
        "epochs": np.arange(e) * 1.0,
        "probabilities": np.full((e, n, c), 0.5, np.float32),
    }
    assert set(arrays) == {field.name for field in fields(Predictions)}
    for name in draw.sample(list(arrays), draw.choice([0, 1, 1, 2])):
        old = arrays[name]
        kind = draw.choice(["dtype", "shape", "values", "bits"])
        if kind == "dtype":
            new = np.zeros(
                old.shape,
                draw.choice(["u1", "i1", "i8", "u8", "f2", "f4", "f8", "c8", "?", "U1", "S1", "M8[s]"]),
            )
        elif kind == "shape":
            sides = [draw.choice([0, 1, 2, 3, 4, 5]) for _ in range(draw.randint(0, 4))]
            new = np.zeros(sides if draw.random() < 0.5 else [*old.shape[:-1], draw.randrange(6)], old.dtype)
        elif kind == "values" and old.dtype.kind in "fiu":
            bounds = np.iinfo(old.dtype) if old.dtype.kind in "iu" else np.finfo(old.dtype)
            new = (
                np.random.default_rng(draw.randrange(99))
                .choice([0, 1, bounds.min, bounds.max], old.shape)
                .astype(old.dtype)
            )
        else:
            size = old.nbytes
            new = np.frombuffer(draw.randbytes(size), old.dtype).reshape(old.shape)
        arrays[name] = new
    return arrays


def test_odd_predictions_are_shown_or_count_as_missing(tmp_path):
    draw, shown = random.Random(0), 0
    (tmp_path / "predictions").mkdir()
    for _ in range(1500):
        np.savez(tmp_path / "predictions" / "eight.npz", **odd_arrays(draw))
        found = read_predictions(tmp_path)
        if found is not None:
            shown += 1
            as_html(found, len(found.epochs) - 1, "#0072B2").encode()
            files(found, 0)
    assert 40 < shown < 1500


JSON = [None, True, 0, -1, 1e300, "x", "\x1b[31m", [], [1], {}, {"a": {"b": [1]}}]
NAMES = [
    "patch_size",
    "norm",
    "c_hidden",
    "lr",
    "model",
    "options",
    "future",
    "__class__",
    "model_dump",
    "",
    "a" * 999,
]


def test_odd_sweeps_and_results_are_listed_and_drawn():
    draw, drawn = random.Random(0), 0
    for index in range(240):
        config = make_config("quick", model=draw.choice(["vit", "resnet"]), seed=draw.choice([0, 0, 1]))
        run = create_run(config, status=Status(state="finished"))
        link = {"name": f"sweep-{index // 4}", "kind": draw.choice(["study", "study", "samples"])}
        link["varied"] = {draw.choice(NAMES): draw.choice(JSON) for _ in range(draw.choice([0, 1, 1, 2]))}
        if draw.random() < 0.1:
            link["varied"] = draw.choice(JSON)
        meta = {"title": draw.choice(["a", *JSON]), "sweep": link} if draw.random() < 0.2 else {"sweep": link}
        (run.path / "meta.json").write_text(json.dumps(meta))
        score = draw.choice(
            [{"test_acc": 0.5, "n_test": 100}, {"test_acc": 1}, {"test_acc": 0, "n_test": 0.5}, {}]
        )
        content = json.loads((run.path / "status.json").read_text())
        if draw.random() < 0.1:
            score = {**score, draw.choice(["n_val", "val_acc", "n_train", "x"]): draw.choice(JSON)}
        (run.path / "status.json").write_text(json.dumps({**content, "result": score}))
    assert len([row for row in as_rows() if not row["bundled"]]) == 240
    for sweep in find_sweeps(list_runs(bundled=False)):
        assert sweep.title
        left_out(sweep.runs)
        try:
            results.read(sweep)
            drawn += 1
        except UserError as error:
            assert "setting" in str(error)  # noqa: PT017
    assert drawn > 10


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def test_odd_zips_are_imported_or_refused(tmp_path):
    with zipfile.ZipFile(
        io.BytesIO(pack_run(own_copy("vit-equal-time", tmp_path), weights=False))
    ) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    draw, file, imported = random.Random(0), tmp_path / "run.zip", 0
    for _ in range(400):
        with zipfile.ZipFile(file, "w") as again:
            for name, content in whole.items():
                method = draw.choice(METHODS) if draw.random() < 0.1 else zipfile.ZIP_DEFLATED
                if draw.random() < 0.05:
                    content = draw.choice([b"", b"{}", b"null", b"[]", content[: len(content) // 2]])
                again.writestr(name, content, method)
        content = bytearray(file.read_bytes())
        if draw.random() < 0.3:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        try:
            run = unpack_run(file)
        except UserError:
            continue
        imported += 1
        assert Run(run.path).status().state == "finished"
        shutil.rmtree(run.path)
    assert 10 < imported < 400


def test_damaged_first_look_is_refused(tmp_path):
    run = own_copy("vit-cifar10-gpu", tmp_path)
    (run.path / "probes" / "first-look.npz").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match=r"first-look\.npz"):
        resources.first_look(run)
