"""Folders of images with pipes, links, permissions and classes that do not fit."""

from __future__ import annotations

import os

import pytest

from tests.conftest import make_folder
from vitcore.config import make_config
from vitcore.data import check_classes, load_dataset
from vitcore.data.layout import scan
from vitcore.errors import UserError


def test_pipes_devices_and_broken_links_named_like_images_are_counted_and_ignored(tmp_path):
    place = make_folder(tmp_path / "d", {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    os.mkfifo(place / "a" / "pipe.png")  # opening it would wait for a writer
    (place / "a" / "loop.png").symlink_to(place / "a" / "loop.png")
    (place / "a" / "zero.png").symlink_to("/dev/zero")
    (place / "b" / "gone.png").symlink_to("/nowhere")
    found = scan(place)
    assert sum(found.ignored.values()) == 4
    assert len(load_dataset(f"folder:{place}", 8, download=False).test) == 4


def test_a_folder_of_other_files_is_refused_before_all_of_them_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("vitcore.data.entries.MOST_OTHERS", 100)
    place = make_folder(tmp_path / "d", {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    for i in range(30):
        (place / "a" / f"part{i}").mkdir()
        for j in range(10):
            (place / "a" / f"part{i}" / f"{j}.txt").touch()
    with pytest.raises(UserError, match="images"):
        scan(place)
    monkeypatch.setattr("vitcore.data.entries.MOST_OTHERS", 1000)
    assert scan(place).classes == ("a", "b")


def test_links_to_themselves_are_no_classes(tmp_path):
    place = make_folder(tmp_path / "d", {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    (place / "c").symlink_to(place / "c")
    assert scan(place).classes == ("a", "b")


@pytest.mark.parametrize("link", ["0 first", "z last"])
def test_link_to_another_class_is_left_out_and_named(tmp_path, link):
    place = make_folder(tmp_path / "d", {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    (place / link).symlink_to(place / "a")
    found = scan(place)
    assert found.classes == ("a", "b")
    assert any(link in line for line in found.remarks)


def test_class_with_the_name_of_a_split_is_refused_instead_of_leaving_out_the_others(tmp_path):
    for name in ("train", "bus", "car"):
        make_folder(tmp_path / "d" / name, {"old": (0, 0, 200), "new": (200, 0, 0)}, 20)
    with pytest.raises(UserError, match=r"40 .*train.* 80 .*bus, car"):
        scan(tmp_path / "d")
    make_folder(tmp_path / "d" / "test", {"old": (0, 0, 200), "new": (200, 0, 0)}, 40)
    assert len(scan(tmp_path / "d").files) == 120  # the splits hold more than the others


def test_images_that_are_links_to_training_images_are_named(tmp_path):
    for split in ("train", "test"):
        make_folder(tmp_path / "d" / split, {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    place = tmp_path / "d"
    assert not scan(place).remarks
    for number, make in enumerate((os.link, os.symlink)):
        (place / "test" / "a" / f"00{number}.png").unlink()
        make(place / "train" / "a" / f"00{number}.png", place / "test" / "a" / f"00{number}.png")
    (remark,) = scan(place).remarks
    assert remark.startswith("2 ")
    assert "test/a/000.png" in remark


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "missing"])
def test_a_path_that_is_no_folder_is_refused_in_a_short_sentence(tmp_path, name):
    with pytest.raises(UserError) as error:
        scan(tmp_path / name)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("classes", [None, ("a", "c"), ("b", "a"), ("a",), ("a", "b", "c")])
def test_a_folder_with_other_classes_than_those_of_a_run_is_refused(tmp_path, classes):
    place = make_folder(tmp_path / "d", {"a": (0, 0, 200), "b": (200, 0, 0)}, 20)
    config = make_config(data=f"folder:{place}").model_copy(update={"classes": classes})
    with pytest.raises(UserError, match="classes"):
        check_classes(config, load_dataset(config.data))
    check_classes(config.model_copy(update={"classes": ("a", "b")}), load_dataset(config.data))


@pytest.mark.parametrize(
    ("name", "advice"), [("d.zip", "unzip it"), ("d.ZIP", "unzip it"), ("d.tar", "folder")]
)
def test_file_in_place_of_a_folder_is_reported_as_a_file(tmp_path, name, advice):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(UserError, match=f"{name} is a .*file.*{advice}"):
        scan(tmp_path / name)
