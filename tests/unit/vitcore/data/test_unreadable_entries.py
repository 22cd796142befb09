"""Folders and files that the system refuses to read are listed, and handled like damaged images."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.command_line import check_refused, run
from tests.conftest import make_folder
from vitcore.config import make_config
from vitcore.data import dataset_for, load_dataset, resolve
from vitcore.data.folder import check
from vitcore.data.layout import scan
from vitcore.errors import UserError

COLORS = {"a": (0, 0, 200), "b": (200, 0, 0), "c": (0, 200, 0)}


@pytest.fixture
def forbid(monkeypatch):
    """Return a function that lets the system refuse to list a folder, or to look at a file.

    Tests may run as root, whom file modes do not stop.
    """
    forbidden: dict[str, OSError] = {}

    def refuse(whole):
        def call(path=".", *rest, **more):
            if not isinstance(path, int) and os.fspath(path) in forbidden:
                raise forbidden[os.fspath(path)]
            return whole(path, *rest, **more)

        return call

    for name in ("scandir", "stat"):
        monkeypatch.setattr(os, name, refuse(getattr(os, name)))

    def add(path: Path, number: int = 13, text: str = "Permission denied") -> None:
        forbidden[str(path)] = OSError(number, text, str(path))

    return add


def place_with(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "d", COLORS, 20)


@pytest.mark.parametrize("name", ["a/inner", "c", "b/003.png"])
@pytest.mark.parametrize(
    "error", [(13, "Permission denied"), (5, "Input/output error"), (116, "Stale file handle")]
)
def test_unreadable_entry_is_listed_with_its_reason_and_the_others_are_found(tmp_path, forbid, name, error):
    place = place_with(tmp_path)
    make_folder(place / "a", {"inner": (0, 0, 0)}, 3)
    forbid(place / name, *error)
    found = scan(place)
    assert [fault.file for fault in found.unreadable] == [place / name]
    assert error[1] in found.unreadable[0].reason
    assert len(found.files) == {"a/inner": 60, "c": 43, "b/003.png": 62}[name]
    (line,) = [line for line in found.lines() if f" {name} (" in line]
    assert error[1] in line


def test_folder_that_vanishes_while_it_is_read_is_listed_and_left_out(tmp_path, forbid):
    place = place_with(tmp_path)
    make_folder(place / "a", {"inner": (0, 0, 0)}, 3)
    forbid(place / "a" / "inner", 2, "No such file or directory")
    found = scan(place)
    assert found.unreadable == ()
    assert any("1 left out" in line and "removed" in line for line in found.lines())
    assert len(resolve(make_config(data=f"folder:{place}")).classes or ()) == 3


def test_unreadable_entries_are_refused_like_damaged_images_or_left_out(tmp_path, forbid):
    place = place_with(tmp_path)
    forbid(place / "c")
    with pytest.raises(UserError, match=r"d/c .*Permission denied.*skip_broken=true"):
        resolve(make_config(data=f"folder:{place}"))
    with pytest.raises(UserError, match=r"d/c .*skip_broken"):
        _ = load_dataset(f"folder:{place}").train
    (place / "a" / "003.png").write_bytes(b"no image")
    assert [fault.file.name for fault in check(scan(place))] == ["c", "003.png"]
    with pytest.raises(UserError, match=r"2 of 41 images and folders .*c, a/003\.png.*skip_broken"):
        resolve(make_config(data=f"folder:{place}"))
    data = dataset_for(resolve(make_config(data=f"folder:{place}", skip_broken=True)))
    assert data.classes == ("a", "b")
    assert len(data.train) + len(data.test) == 39
    assert data.listing is not None
    assert any("2 left out" in line for line in data.listing.lines())


def test_skipped_entries_are_read_as_soon_as_they_are_allowed(tmp_path, forbid, monkeypatch):
    place = place_with(tmp_path)
    with monkeypatch.context() as patched:
        whole = os.scandir
        patched.setattr(
            os, "scandir", lambda path: whole(path) if Path(path).name != "c" else whole("/missing")
        )
        assert load_dataset(f"folder:{place}", skip_broken=True).classes == ("a", "b")
    assert load_dataset(f"folder:{place}", skip_broken=True).classes == ("a", "b", "c")


def test_command_line_lists_the_entries_with_their_reason(tmp_path, forbid):
    place = place_with(tmp_path)
    forbid(place / "c")
    done = run("data", f"folder:{place}")
    assert done.returncode == 2
    assert "c (Permission denied)" in done.stdout
    assert "skip_broken" in done.stderr
    row = json.loads(run("data", f"folder:{place}", "--json").stdout)
    assert [(fault["file"], "Permission denied" in fault["reason"]) for fault in row["unreadable"]] == [
        ("c", True)
    ]
    assert row["images"] == 41


def test_too_few_readable_classes_are_refused_with_the_reason(tmp_path, forbid):
    place = place_with(tmp_path)
    forbid(place / "a")
    forbid(place / "c")
    check_refused(
        run("data", f"folder:{place}"), "two folders", "a (Permission denied)", "c (Permission denied)"
    )


@pytest.mark.parametrize("name", ["train", "train/a"])
def test_splits_are_not_taken_for_classes_if_the_training_images_cannot_be_read(tmp_path, forbid, name):
    for split in ("train", "val", "test"):
        make_folder(tmp_path / "d" / split, {"a": (0, 0, 200)}, 20)
    forbid(tmp_path / "d" / name)
    with pytest.raises(UserError, match=f"{name} .*Permission denied"):
        load_dataset(f"folder:{tmp_path / 'd'}", skip_broken=True)


def test_entry_below_a_folder_that_is_left_out_anyway_does_not_matter(tmp_path, forbid):
    for split in ("train", "test"):
        make_folder(tmp_path / "d" / split, COLORS, 20)
    make_folder(tmp_path / "d" / "extra", {"inner": (0, 0, 0)}, 3)
    (tmp_path / "d" / ".cache").mkdir()
    forbid(tmp_path / "d" / "extra" / "inner")
    forbid(tmp_path / "d" / ".cache")
    assert scan(tmp_path / "d").unreadable == ()


def test_root_of_a_dataset_that_cannot_be_read_is_named(tmp_path, forbid):
    place = place_with(tmp_path)
    forbid(place)
    with pytest.raises(UserError, match="d"):
        scan(place)
