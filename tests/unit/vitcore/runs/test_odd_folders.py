"""Run folders with pipes, folders, links and odd names where files are expected: none stops the others."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest

from dashboard.talk.files import list_talks
from tests.conftest import ROOT
from vitcore.config import make_config
from vitcore.data import load_dataset
from vitcore.errors import UserError
from vitcore.paths import data_dir, runs_dir, talks_dir
from vitcore.probes.store import LARGEST_RESULT, read_result
from vitcore.reading import read_arrays
from vitcore.runs.creation import create_run
from vitcore.runs.edit import delete
from vitcore.runs.folder import Run, find_run, list_runs
from vitcore.runs.foreign import foreign_runs
from vitcore.runs.listing import as_rows
from vitcore.runs.log import tail
from vitcore.runs.predictions import read_predictions
from vitcore.runs.status import Status

FILES = [
    "config.yaml",
    "status.json",
    "meta.json",
    "train.log",
    "stop.request",
    "predictions/eight.npz",
    "checkpoints/best.safetensors",
    "checkpoints/last.ckpt",
    "probes/test-0.json",
    ".lock",
]
KINDS = {  # opening a pipe waits for its writer, and a device never ends
    "pipe": os.mkfifo,
    "folder": os.mkdir,
    "loop": lambda path: os.symlink(path, path),
    "device": lambda path: os.symlink("/dev/zero", path),
    "dangling link": lambda path: os.symlink("/nowhere", path),
}


def finished(title: str = "") -> Run:
    return create_run(make_config(), title=title, status=Status(state="finished", created=3e9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_a_run_with_another_kind_of_file_is_listed_like_the_others(name, kind):
    run, sound = finished(), finished()
    place = run.path / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    KINDS[kind](place)
    assert {run.id, sound.id} <= {row["id"] for row in as_rows()}
    row = next(row for row in as_rows() if row["id"] == run.id)
    assert (row["state"] == "broken") == (name == "config.yaml")
    assert (row["state"] == "lost") == (name == "status.json")
    assert "lost" != row["state"] != "broken" or name in row["reason"]
    assert tail(run.log) == ""
    assert run.aborted is False
    assert run.weights is None
    assert read_predictions(run.path) is None
    assert read_result(run.path / "probes" / "test-0.json") is None


@pytest.mark.parametrize("name", [b"caf\xe9", b"a,b", b"a\nb", "\u202ertl".encode(), b" a", b"a\x1b[31m"])
def test_a_folder_whose_name_links_cannot_hold_is_broken_and_says_to_rename_it(name):
    run = finished()
    os.rename(run.path, os.path.join(os.fsencode(runs_dir()), name))
    (run,) = list_runs(bundled=False)
    with pytest.raises(UserError, match="rename") as error:
        run.config  # noqa: B018 - reading it is the test
    str(error.value).encode("utf-8")
    assert [row["state"] for row in as_rows() if row["id"] == run.id] == ["broken"]


def test_sentences_about_files_that_are_not_utf8_can_be_shown():
    assert str(UserError("Cannot read /data/caf\udce9")) == r"Cannot read /data/caf\udce9"


@pytest.mark.parametrize("name", ["a,b", "a\nb", "\u202ertl", os.fsdecode(b"caf\xe9"), "vit-cifar10", " x"])
def test_event_files_of_others_get_a_name_of_their_own_that_links_can_hold(name):
    for folder in (name, "other"):
        (runs_dir() / folder).mkdir(parents=True)
        (runs_dir() / folder / "events.out.tfevents.1").write_bytes(b"")
    found = foreign_runs()
    assert {run.path.name for run in found} == {name, "other"}
    for run in found:
        assert run.id.isprintable()
        assert "," not in run.id
        assert run.id not in ("", "vit-cifar10")


def test_event_files_in_folders_of_similar_names_stay_apart():
    for folder in ("a,b", "a_b", "a\nb"):
        (runs_dir() / folder).mkdir(parents=True)
        (runs_dir() / folder / "events.out.tfevents.1").write_bytes(b"")
    assert len({run.id for run in foreign_runs()}) == 3


def pack(**arrays) -> bytes:
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def with_method(content: bytes, method: int) -> bytes:
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = -1
        while (at := changed.find(mark, at + 1)) >= 0:
            changed[at + offset] = method
    return bytes(changed)


def with_entry(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("images.npy", content)
    return packed.getvalue()


def with_header(text: bytes) -> bytes:
    return with_entry(b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(118))


GOOD = pack(images=np.zeros(1000))
RANDOM = pack(images=np.random.default_rng(0).random(1000))
ARRAYS = {
    "bomb": pack(images=np.zeros(10_000_000)),  # 80 MB, packed to 80 kB
    "unknown compression": with_method(GOOD, 99),
    "damaged compression": RANDOM[:2000] + b"\xff" * 500 + RANDOM[2500:],
    "endless shape": with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}"),
    "negative shape": with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
    "no type": with_header(b"{'descr': 'x', 'fortran_order': False, 'shape': (1,)}"),
    "no header": with_header(b"(((("),
    "not an array": with_entry(b"hello"),
    "text": b"hello",
    "empty": b"",
}


@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS)
def test_damaged_arrays_give_a_sentence_or_no_arrays(tmp_path, content):
    (tmp_path / "predictions").mkdir()
    file = tmp_path / "predictions" / "eight.npz"
    file.write_bytes(content)
    assert read_predictions(tmp_path) is None
    try:
        assert not any(isinstance(found, np.ndarray) for found in read_arrays(file).values())
    except UserError as error:
        assert "eight.npz" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("images", np.uint8(3)),
        ("steps", np.array([3, 2, 1])),
        ("steps", np.array([1.0, 2.0, 3.0])),
        ("epochs", np.array([1.0, np.nan, 2.0])),
        ("epochs", np.array([1.0, np.inf, 2.0])),
    ],
)
def test_predictions_in_an_impossible_order_are_ignored(tmp_path, name, bad):
    good = {
        "images": np.zeros((2, 3, 4, 4), np.uint8),
        "truth": np.arange(2),
        "classes": np.array(["a", "b"]),
        "steps": np.arange(3),
        "epochs": np.arange(3.0),
        "probabilities": np.full((3, 2, 2), 0.5, np.float32),
    }
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "eight.npz").write_bytes(pack(**good))
    assert read_predictions(tmp_path) is not None
    (tmp_path / "predictions" / "eight.npz").write_bytes(pack(**{**good, name: bad}))
    assert read_predictions(tmp_path) is None


def test_a_stored_result_that_is_too_large_is_named(tmp_path):
    (tmp_path / "test-0.json").write_bytes(b" " * (LARGEST_RESULT + 1))
    with pytest.raises(UserError, match=r"test-0\.json"):
        read_result(tmp_path / "test-0.json")


def test_a_run_whose_lock_cannot_be_taken_is_not_deleted_and_the_reason_is_said():
    run = finished()
    (run.path / ".lock").mkdir()
    with pytest.raises(UserError, match="cannot be deleted"):
        delete(run)
    assert run.path.is_dir()


@pytest.mark.parametrize("name", ["a b", "a&b=c", "a+b", "(1)", "résumé", "$x$"])
def test_a_run_whose_folder_was_renamed_is_found_by_its_name(name):
    finished().path.rename(runs_dir() / name)
    assert find_run(name).path == runs_dir() / name
    assert find_run(name).config == make_config()


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a\0b", "../runs", "x" * 5000, "~nobody9/x"])
def test_names_that_are_no_folder_in_the_runs_folder_find_no_run(name):
    finished()
    with pytest.raises(UserError, match="no run"):
        find_run(name)


@pytest.fixture
def unprivileged():
    """Act as a user whom the permissions of files apply to."""
    if os.geteuid():
        yield
        return
    if not all(place.stat().st_mode & 0o001 for place in (ROOT, *ROOT.parents)):
        pytest.skip(f"other users cannot read the checkout in {ROOT}, which has the bundled runs")
    for place in runs_dir().parents:
        if place.is_dir() and place.stat().st_uid == 0 and len(place.parts) > 2:
            place.chmod(place.stat().st_mode | 0o055)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("name", ["checkpoints", "config.yaml", "status.json", "meta.json", "."])
def test_a_run_without_permissions_is_listed_like_the_others(name, request):
    run, sound = finished(), finished()
    (run.path / name).chmod(0)
    request.getfixturevalue("unprivileged")
    try:
        found = {row["id"]: row["state"] for row in as_rows()}
        assert sound.id in found
        assert name == "." or run.id in found
        assert run.weights is None
        assert run.resume_note
    finally:
        os.seteuid(os.getuid())
        (run.path / name).chmod(0o755)


def test_a_runs_folder_that_cannot_be_read_is_named(request):
    finished()
    runs_dir().chmod(0)
    request.getfixturevalue("unprivileged")
    with pytest.raises(UserError, match="runs folder"):
        list_runs()


@pytest.mark.parametrize("value", ["~nobody9/x", "/dev/null", "/dev/null/x", "loop", "/tmp/" + "x" * 5000])
def test_folders_of_the_environment_that_cannot_be_used_give_a_sentence_or_nothing(
    value, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    for name in ("VITLAB_RUNS", "VITLAB_DATA", "VITLAB_TALKS"):
        monkeypatch.setenv(name, value)
    for read in (list_runs, foreign_runs, list_talks, lambda: load_dataset("cifar10", download=False)):
        try:
            read()
        except UserError as error:
            assert len(str(error)) < 6000  # noqa: PT017


def test_every_folder_of_the_environment_may_be_below_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name, read in (("RUNS", runs_dir), ("DATA", data_dir), ("TALKS", talks_dir)):
        monkeypatch.setenv(f"VITLAB_{name}", "~/mine")
        assert read() == tmp_path / "mine"
