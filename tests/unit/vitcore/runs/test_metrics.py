"""Curves equal TensorBoard's, also while files grow, after truncation, corruption and resumes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

from tests.made_runs import date_events
from vitcore.runs.events import Collector, EventFile, scalar_of
from vitcore.runs.folder import list_runs
from vitcore.runs.metrics import Reader, active_seconds, epochs_of, event_files, read_scalars, smoothed


def write_events(folder, steps, purge=None, offset=0.0):
    writer = SummaryWriter(str(folder), purge_step=purge)
    for step in steps:
        writer.add_scalar("train_loss", step + offset, step)
        writer.add_scalar("epoch", step / 10, step)
    writer.close()


def assert_as_tensorboard(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    accumulator.Reload()
    ours = read_scalars(folder)
    assert sorted(ours.curves) == sorted(accumulator.Tags()["scalars"])
    for tag, curve in ours.curves.items():
        events = accumulator.Scalars(tag)
        assert curve.steps.tolist() == [e.step for e in events]
        assert curve.times.tolist() == [e.wall_time for e in events]
        np.testing.assert_array_equal(curve.values, [e.value for e in events])


def resumed(folder):
    write_events(folder, range(0, 50, 5))
    date_events(folder, 1)
    write_events(folder, range(30, 60, 5), purge=30, offset=0.5)


@pytest.mark.parametrize("run", [run for run in list_runs() if run.bundled], ids=lambda run: run.id)
def test_bundled_curves_equal_tensorboard(run):
    assert_as_tensorboard(run.path)


def test_published_curves_equal_tensorboard(shared):
    folders = {file.parent for file in shared.rglob("events.out.tfevents.*")}
    assert folders
    for folder in folders:
        assert_as_tensorboard(folder)


def test_points_discarded_by_a_resume_are_kept_separately(tmp_path):
    resumed(tmp_path)
    assert_as_tensorboard(tmp_path)
    scalars = read_scalars(tmp_path)
    curve = scalars["train_loss"]
    assert curve.values.tolist() == [*range(0, 30, 5), *(s + 0.5 for s in range(30, 60, 5))]
    assert np.allclose(epochs_of(scalars, curve), curve.steps / 10)
    (piece,) = scalars.rewound["train_loss"]
    assert piece.steps.tolist() == piece.values.tolist() == [30, 35, 40, 45]


def test_decreasing_steps_of_an_old_writer_are_handled_like_tensorboard(tmp_path):
    writer = EventFileWriter(str(tmp_path))
    for step in (0, 1, 2, 3, 2, 3, 4):
        event = Event(step=step, wall_time=float(step))
        event.summary.value.add(tag="loss", simple_value=step)
        writer.add_event(event)
    writer.close()
    file = event_files(tmp_path)[0]
    records = list(cut_up(file.read_bytes()))
    file.write_bytes(b"".join(records[1:]))  # without the version, as version 1
    assert_as_tensorboard(tmp_path)
    assert read_scalars(tmp_path)["loss"].steps.tolist() == [0, 1, 2, 3, 4]
    assert read_scalars(tmp_path).rewound["loss"][0].steps.tolist() == [2, 3]


def cut_up(data):
    """The records of an event file, by its published format."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at : at + 16 + length]
        at += 16 + length


def test_truncated_file_gives_its_complete_records(tmp_path):
    write_events(tmp_path / "whole", range(12))
    (file,) = event_files(tmp_path / "whole")
    whole = file.read_bytes()
    records = list(cut_up(whole))
    assert b"".join(records) == whole
    truncated = tmp_path / "truncated"
    truncated.mkdir()
    growing = tmp_path / "growing"
    growing.mkdir()
    grown, reader = growing / file.name, Reader(growing)
    end = 0
    for count, record in enumerate(records):
        end += len(record)
        complete = [r for r in records[: count + 1] if b"train_loss" in r]
        for cut, points in (
            (end - 1, len(complete) - (b"train_loss" in record)),
            (end, len(complete)),
            (end + 1, len(complete)),
        ):
            (truncated / file.name).write_bytes(whole[:cut])
            found = read_scalars(truncated)
            assert (len(found["train_loss"].steps) if "train_loss" in found else 0) == points
            grown.write_bytes(whole[:cut]) if not grown.exists() else append(grown, whole[:cut])
            found = reader.read()
            assert (len(found["train_loss"].steps) if "train_loss" in found else 0) == points
    np.testing.assert_array_equal(
        reader.read()["train_loss"].values, read_scalars(truncated)["train_loss"].values
    )
    assert read_scalars(tmp_path / "nothing").curves == {}


def append(file, data):
    with file.open("ab") as open_file:
        open_file.write(data[file.stat().st_size :])


@pytest.mark.parametrize("place", [3, 9, 20, -2])  # length, its checksum, the event, its checksum
def test_corrupt_record_ends_its_file_as_in_tensorboard(tmp_path, place):
    write_events(tmp_path, range(8))
    (file,) = event_files(tmp_path)
    records = list(cut_up(file.read_bytes()))
    bad = bytearray(records[9])
    bad[place] ^= 0xFF
    file.write_bytes(b"".join([*records[:9], bytes(bad), *records[10:]]))
    assert read_scalars(tmp_path)["train_loss"].steps.tolist() == [0, 1, 2, 3]
    assert_as_tensorboard(tmp_path)


@given(st.binary(max_size=300))
def test_random_bytes_raise_no_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    (folder / "events.out.tfevents.1.x").write_bytes(data)
    assert read_scalars(folder).curves == {}


def test_only_new_bytes_are_read_and_unchanged_curves_are_the_same_object(tmp_path):
    write_events(tmp_path, range(5))
    date_events(tmp_path, 1)
    reader = Reader(tmp_path)
    first = reader.read()
    assert reader.read() is first
    write_events(tmp_path, range(5, 9))
    assert reader.read()["train_loss"].steps.tolist() == list(range(9))
    assert first["train_loss"].steps.tolist() == list(range(5))
    for file in event_files(tmp_path):
        file.unlink()
    write_events(tmp_path, range(2))  # another run in the same place
    assert reader.read()["train_loss"].steps.tolist() == [0, 1]


def test_tensors_that_are_scalars_are_read_too(tmp_path):
    writer = EventFileWriter(str(tmp_path))
    for step in range(3):
        writer.add_event(Event(step=step, wall_time=1.0, summary=scalar_pb("eval/loss", step / 2)))
    writer.close()
    assert read_scalars(tmp_path)["eval/loss"].values.tolist() == [0.0, 0.5, 1.0]


def tensor_event(**fields):
    event = Event(step=1, wall_time=1.0)
    value = event.summary.value.add(tag="odd")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.MergeFrom(TensorProto(**{"dtype": 1, "float_val": [0.5], **fields}))
    return event


def shape(*sizes):
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


@pytest.mark.parametrize(
    "fields",
    [
        {"tensor_shape": shape(2**44)},
        {"tensor_shape": shape(2**16, 2**15)},
        {"tensor_shape": shape(-1)},
        {"tensor_shape": shape(0)},
        {"tensor_shape": shape(2), "float_val": [1.0, 2.0]},
        {"float_val": []},
        {"dtype": 20, "float_val": [], "string_val": [b"x"]},
        {"dtype": 7, "float_val": [], "string_val": [b"1"]},
        {"dtype": 999},
        {"dtype": 19, "float_val": [], "half_val": [-1]},
        {"tensor_content": b"123"},
    ],
)
def test_tensor_that_is_not_a_scalar_is_skipped_and_its_file_named(tmp_path, fields):
    writer = EventFileWriter(str(tmp_path))
    writer.add_event(Event(step=0, wall_time=1.0, summary=scalar_pb("loss", 0.25)))
    writer.add_event(tensor_event(**fields))
    writer.add_event(Event(step=2, wall_time=2.0, summary=scalar_pb("loss", 0.125)))
    writer.close()
    (file,) = event_files(tmp_path)
    reader = Reader(tmp_path)
    for found in (reader.read(), reader.read()):
        assert found["loss"].values.tolist() == [0.25, 0.125]
        assert "odd" not in found
        assert found.damaged == (file.name,)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "?"])
def test_scalars_of_all_types_equal_tensorboard(kind):
    for sizes in ((), (1,), (1, 1)):
        number = np.ones(sizes, kind)
        tensor = make_tensor_proto(number)
        assert scalar_of(tensor) == float(make_ndarray(tensor).reshape(()))
        packed = TensorProto(
            dtype=tensor.dtype, tensor_shape=tensor.tensor_shape, tensor_content=number.tobytes()
        )
        assert scalar_of(packed) == 1.0


@pytest.mark.parametrize("version", ["brain.Event:²", "brain.Event:" + "9" * 5000, "", "brain.Event:1.1.1"])
def test_odd_version_is_read_as_an_old_one(tmp_path, version):
    collector = Collector()
    collector.add(Event(step=0, file_version=version))
    assert collector.version == 0.0


def test_active_seconds_exclude_pauses(tmp_path):
    write_events(tmp_path, range(5))
    scalars = read_scalars(tmp_path)
    for c in scalars.curves.values():
        c.times[:] = [100.0, 110.0, 120.0, 5000.0, 5010.0]
    assert active_seconds(scalars, scalars["train_loss"]).tolist() == [0.0, 10.0, 20.0, 20.0, 30.0]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_smoothing_equals_the_weighted_mean_of_the_past(values, weight):
    found = smoothed(np.array(values), weight)
    for i in range(len(values)):
        past = weight ** np.arange(i, -1, -1)
        assert found[i] == pytest.approx(np.dot(past, values[: i + 1]) / past.sum(), abs=1e-6)
    found = smoothed(np.array([1.0, np.nan, 3.0]), 0.5).tolist()
    assert found == pytest.approx([1.0, np.nan, 7 / 3], nan_ok=True)  # a gap, as in TensorBoard
    diverged = smoothed(np.array([1.0, 2.0, *[np.nan] * 5]), 0.9)
    assert np.isnan(diverged[2:]).all()


def test_images_between_the_scalars_are_skipped_without_reading_them(tmp_path, monkeypatch):
    """As TensorBoard's own scalars, also where one event holds scalars and an image."""
    writer = EventFileWriter(str(tmp_path))
    image = np.random.default_rng(0).bytes(100_000)
    for step in range(4):
        event = Event(step=step, wall_time=100.0 + step)
        event.summary.value.add(tag="loss", simple_value=1 / (step + 1))
        event.summary.value.add(tag="sample").image.encoded_image_string = image
        event.summary.value.add(tag="accuracy", simple_value=step / 12)
        value = event.summary.value.add(tag="photos")
        value.metadata.plugin_data.plugin_name = "images"
        value.tensor.string_val.append(image)
        writer.add_event(event)
    writer.close()
    assert_as_tensorboard(tmp_path)
    crc, checked = pywrap_tensorflow.masked_crc32c, []
    monkeypatch.setattr(
        pywrap_tensorflow, "masked_crc32c", lambda data: checked.append(len(data)) or crc(data)
    )
    assert read_scalars(tmp_path).curves.keys() == {"loss", "accuracy"}
    assert max(checked) < 1000


@pytest.mark.parametrize("size", [0, 4, 30, 130, 100_000, 300_000])
def test_file_that_was_cut_since_its_size_was_read_gives_what_is_left(tmp_path, size):
    writer = EventFileWriter(str(tmp_path))
    for step in range(4):
        event = Event(step=step)
        event.summary.value.add(tag="sample").image.encoded_image_string = bytes(100_000)
        writer.add_event(event)
        writer.add_event(
            Event(step=step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=1.0)]))
        )
    writer.close()
    (file,) = event_files(tmp_path)
    whole = file.read_bytes()
    left = [end for _, end in EventFile(file)._records(io.BytesIO(whole[:size]), len(whole))]
    known = [end for _, end in EventFile(file)._records(io.BytesIO(whole), len(whole))]
    assert len(known) == 9
    assert left[:-1] == known[: len(left)][:-1]  # of the last record, only a part may be left
    assert len(left) < 9


@pytest.mark.parametrize("chunk", [90_000, 70_000])
def test_records_across_the_ends_of_chunks_are_read_once(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("vitcore.runs.events.CHUNK", chunk)
    write_events(tmp_path, range(3000))
    assert_as_tensorboard(tmp_path)


def test_a_file_damaged_in_the_middle_is_named(tmp_path):
    write_events(tmp_path, range(50))
    (file,) = event_files(tmp_path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    found = read_scalars(tmp_path)
    assert found.damaged == (file.name,)
    assert 0 < len(found["train_loss"].steps) < 50
