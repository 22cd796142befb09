"""Remarks on folders of images: similar names, images deeper than expected, a single split."""

from __future__ import annotations

import pytest

from tests.command_line import run
from tests.conftest import make_folder
from vitcore.data.layout import scan
from vitcore.errors import UserError

COLORS = {"a": (200, 0, 0), "b": (0, 200, 0)}


def counts(part) -> dict[str, int]:
    return {name: len(files) for name, files in part.items()}


def test_no_image_is_lost_if_two_folders_of_a_split_have_the_name_of_one_class(tmp_path):
    make_folder(tmp_path / "d" / "train", {"cat": (200, 0, 0), "dog": (0, 200, 0)}, 10)
    make_folder(tmp_path / "d" / "test", {"CAT": (200, 0, 0), "Cat": (200, 0, 0), "dog": (0, 200, 0)}, 3)
    assert counts(scan(tmp_path / "d").test) == {"cat": 6, "dog": 3}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cat", "cat"),
        ("sea lion", " sea  lion "),
        ("STRASSE", "straße"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "Cafe\N{COMBINING ACUTE ACCENT}"),
    ],
)
@pytest.mark.parametrize("split", ["", "train"])
def test_classes_that_differ_only_in_their_spelling_are_named(tmp_path, one, other, split):
    place = tmp_path / "d"
    make_folder(place / split, {one: (200, 0, 0), other: (0, 200, 0), "dog": (0, 0, 200)}, 20)
    if split:
        make_folder(place / "test", {one: (200, 0, 0), other: (0, 200, 0), "dog": (0, 0, 200)}, 5)
    found = scan(place)
    assert set(found.classes) == {one, other, "dog"}
    (line,) = [line for line in found.lines() if one in line and other in line]
    assert "2 classes" in line
    assert "dog" not in line


def test_folder_of_a_split_without_images_is_named(tmp_path):
    make_folder(tmp_path / "d" / "train", COLORS, 20)
    (tmp_path / "d" / "test" / "a").mkdir(parents=True)
    (remark,) = scan(tmp_path / "d").remarks
    assert remark.startswith("test ")


def test_images_of_folders_inside_of_a_class_are_counted_and_named(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    assert not scan(place).remarks
    make_folder(place / "a", {"sub1": (200, 0, 0), "sub2": (200, 0, 0)}, 3)
    make_folder(place / "b" / "dir.jpg", {"deep": (200, 0, 0)}, 4)
    found = scan(place)
    assert found.classes == ("a", "b")
    assert len(found.files) == 50
    (line,) = found.remarks
    assert line.startswith("10 ")
    assert all(name in line for name in ("a/sub1", "a/sub2", "b/dir.jpg/deep"))


def test_folders_of_splits_are_not_reported_as_folders_inside_of_classes(tmp_path):
    for name in COLORS:
        make_folder(tmp_path / "d" / name, {"train": (200, 0, 0), "test": (0, 200, 0)}, 10)
    assert not scan(tmp_path / "d").remarks
    make_folder(tmp_path / "d" / "a" / "train", {"sub": (200, 0, 0)}, 3)
    (line,) = scan(tmp_path / "d").remarks
    assert line.startswith("3 ")
    assert "a/train/sub" in line


@pytest.mark.parametrize(("name", "doubt"), [("test", True), ("Validation_set", True), ("train", False)])
def test_single_folder_of_a_split_is_reported(tmp_path, name, doubt):
    make_folder(tmp_path / "d" / name, COLORS, 20)
    found = scan(tmp_path / "d")
    (line,) = found.remarks
    assert name in line
    assert ("only the" in line) == doubt
    assert counts(found.test) == {"a": 2, "b": 2}


def test_report_of_the_command_line_names_what_is_odd_in_a_folder(tmp_path):
    make_folder(tmp_path / "d", {"Cat": (200, 0, 0), "cat": (0, 200, 0)}, 20)
    make_folder(tmp_path / "d" / "Cat", {"kitten": (200, 0, 0)}, 3)
    done = run("data", f"folder:{tmp_path / 'd'}")
    assert done.returncode == 0, done.stderr
    assert "Cat and cat" in done.stdout
    assert "Cat/kitten" in done.stdout


@pytest.mark.parametrize("names", [("train", "test"), ("Training_set", "val", "test")])
def test_splits_without_class_folders_are_refused(tmp_path, names):
    make_folder(tmp_path / "d", dict.fromkeys(names, (200, 0, 0)), 20)
    with pytest.raises(UserError, match="folder for each class") as error:
        scan(tmp_path / "d")
    assert all(name in str(error.value) for name in names)


def test_training_images_without_class_folders_next_to_a_validation_set_are_refused(tmp_path):
    make_folder(tmp_path / "d", {"train": (200, 0, 0)}, 20)
    make_folder(tmp_path / "d" / "val", COLORS, 20)
    with pytest.raises(UserError, match="folder for each class"):
        scan(tmp_path / "d")


@pytest.mark.parametrize(
    ("splits", "others"), [(["train"], ["sample", "test1"]), (["test", "train"], ["dog"])]
)
def test_folders_with_the_names_of_splits_that_are_used_as_classes_are_named(tmp_path, splits, others):
    make_folder(tmp_path / "d", dict.fromkeys([*splits, *others], (200, 0, 0)), 20)
    found = scan(tmp_path / "d")
    assert set(found.classes) == {*splits, *others}
    (line,) = found.remarks
    assert f"no class folders in {' and '.join(splits)}," in line
    assert not any(name in line for name in others)


@pytest.mark.parametrize("names", [("trainval", "test"), ("train_70", "test_30"), ("xtrain", "xtest")])
def test_classes_that_contain_folders_of_the_same_names_are_doubted(tmp_path, names):
    for name in names:
        make_folder(tmp_path / "d" / name, {"cat": (200, 0, 0), "Dog": (0, 200, 0)}, 10)
    remarks = scan(tmp_path / "d").remarks
    (line,) = [remark for remark in remarks if "`train`" in remark]
    assert all(name in line for name in (*names, "cat", "dog"))


def test_classes_with_different_folders_in_them_are_not_doubted(tmp_path):
    make_folder(tmp_path / "d" / "cat", {"indoor": (200, 0, 0), "tabby": (0, 200, 0)}, 10)
    make_folder(tmp_path / "d" / "dog", {"indoor": (200, 0, 0), "poodle": (0, 200, 0)}, 10)
    assert not any("`train`" in remark for remark in scan(tmp_path / "d").remarks)
