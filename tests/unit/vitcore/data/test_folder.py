"""Folders of images as people have them: layouts, files left behind, damaged images, odd names."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms.v2 import CenterCrop, Compose, InterpolationMode, Resize

from tests.conftest import make_folder
from vitcore.config import dump_config, make_config, read_config
from vitcore.data import dataset_for, load_dataset, resolve, split_indices
from vitcore.data.folder import check
from vitcore.data.layout import scan
from vitcore.errors import UserError

COLORS = {"a": (200, 0, 0), "b": (0, 200, 0)}


def counts(part) -> dict[str, int]:
    return {name: len(files) for name, files in part.items()}


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("train", "valid", "test"),
        ("Train", "Validation", "Test"),
        ("training_set", "dev", "test_set"),
        ("TRAINING", "validate", "testing"),
        ("train-images", "val-images", "eval"),
    ],
)
def test_splits_are_recognized_however_they_are_spelled(tmp_path, train, validation, test):
    for name, count in ((train, 12), (validation, 3), (test, 4)):
        make_folder(tmp_path / "d" / name, COLORS, count)
    found = scan(tmp_path / "d")
    assert found.classes == ("a", "b")
    assert counts(found.train) == {"a": 12, "b": 12}
    assert counts(found.validation) == {"a": 3, "b": 3}
    assert counts(found.test) == {"a": 4, "b": 4}
    data = load_dataset(f"folder:{tmp_path / 'd'}")
    ours, held = split_indices(data)
    assert (len(ours), len(held), len(data.test)) == (24, 6, 8)
    files = sorted((tmp_path / "d" / validation / "a").iterdir())
    transform = Compose([Resize(32, InterpolationMode.LANCZOS), CenterCrop(32)])
    expected = [transform(Image.open(f)) for f in files]
    seen = data.train.images[held][data.train.labels[held] == 0].transpose(0, 2, 3, 1)
    assert np.array_equal(seen, np.stack([np.asarray(image) for image in expected]))


def test_a_training_set_alone_gives_validation_and_test_images(tmp_path):
    make_folder(tmp_path / "d" / "train", COLORS, 20)
    make_folder(tmp_path / "d" / "val", COLORS, 5)
    found = scan(tmp_path / "d")
    assert (counts(found.train)["a"], counts(found.validation)["a"], counts(found.test)["a"]) == (18, 5, 2)


def test_classes_named_like_splits_stay_classes(tmp_path):
    make_folder(tmp_path / "d", {"train": (200, 0, 0), "plane": (0, 200, 0), "test": (0, 0, 200)}, 20)
    found = scan(tmp_path / "d")
    assert found.classes == ("plane", "test", "train")


def test_splits_inside_of_the_class_folders_are_recognized(tmp_path):
    for name in COLORS:
        make_folder(tmp_path / "d" / name, {"train": (200, 0, 0), "val": (0, 0, 0), "test": (0, 200, 0)}, 5)
    found = scan(tmp_path / "d")
    assert (found.classes, counts(found.train), counts(found.validation)) == (
        ("a", "b"),
        {"a": 5, "b": 5},
        {"a": 5, "b": 5},
    )


def test_a_chain_of_single_folders_is_followed_and_reported(tmp_path):
    make_folder(tmp_path / "d" / "flowers" / "photos", COLORS, 20)
    found = scan(tmp_path / "d")
    assert found.classes == ("a", "b")
    assert any("photos" in line for line in found.lines())


@pytest.mark.parametrize("names", [("val", "test"), ("Test", "Validation")])
def test_splits_without_training_images_are_refused(tmp_path, names):
    for name in names:
        make_folder(tmp_path / "d" / name, COLORS, 5)
    with pytest.raises(UserError, match="train"):
        scan(tmp_path / "d")


def test_two_folders_for_one_split_are_refused_by_name(tmp_path):
    for name in ("train", "val", "valid"):
        make_folder(tmp_path / "d" / name, COLORS, 5)
    with pytest.raises(UserError, match="valid"):
        scan(tmp_path / "d")


def test_folders_next_to_the_splits_and_unknown_classes_are_named(tmp_path):
    make_folder(tmp_path / "d" / "train", COLORS, 5)
    make_folder(tmp_path / "d" / "test", {**COLORS, "zebra": (0, 0, 0)}, 5)
    make_folder(tmp_path / "d" / "extra", {"a": (0, 0, 0)}, 7)
    Image.new("RGB", (8, 8)).save(tmp_path / "d" / "extra" / "loose.png")
    report = " ".join(scan(tmp_path / "d").lines())
    assert "zebra" in report
    assert "extra" in report
    assert "8" in report


def test_a_class_spelled_with_other_capitals_in_a_split_is_the_same_class(tmp_path):
    make_folder(tmp_path / "d" / "train", {"Cat": (200, 0, 0), "dog": (0, 200, 0)}, 10)
    make_folder(tmp_path / "d" / "test", {"cat": (200, 0, 0), "Dog": (0, 200, 0)}, 3)
    assert counts(scan(tmp_path / "d").test) == {"Cat": 3, "dog": 3}


LEFT_BEHIND = [
    "a/._3.png",
    "a/.DS_Store",
    "a/Thumbs.db",
    "a/.ipynb_checkpoints/1-checkpoint.png",
    "__MACOSX/a/._1.png",
    "__MACOSX/b/1.png",
    ".git/x.png",
    "b/@eaDir/1.png/thumb.png",
    "a/deep/.hidden/2.png",
    "desktop.ini",
]


def test_what_desktops_and_notebooks_leave_behind_is_ignored_at_any_depth(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    before = scan(place)
    for name in LEFT_BEHIND:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(place / name, format="PNG")
    after = scan(place)
    assert (after.classes, after.files) == (before.classes, before.files)
    resolve(make_config(data=f"folder:{place}"))


def test_an_empty_class_folder_is_left_out_and_named(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    (place / "unsorted").mkdir()
    (place / "texts").mkdir()
    (place / "texts" / "readme.md").write_text("x")
    found = scan(place)
    assert found.classes == ("a", "b")
    assert all(name in " ".join(found.lines()) for name in ("unsorted", "texts"))


@pytest.mark.parametrize("suffix", ["bmp", "tif", "gif", "ppm", "jp2", "tga", "jfif"])
def test_images_of_other_formats_that_pillow_reads_are_used(tmp_path, suffix):
    place = make_folder(tmp_path / "d", COLORS, 20)
    kind = {"jfif": "JPEG", "jp2": "JPEG2000", "tif": "TIFF"}.get(suffix, suffix.upper())
    for i in range(3):
        Image.new("RGB", (20, 20), (0, 0, 200)).save(place / "a" / f"x{i}.{suffix}", format=kind)
    assert len(scan(place).files) == 43
    assert len(load_dataset(f"folder:{place}").train) + len(load_dataset(f"folder:{place}").test) == 43


def test_formats_that_cannot_be_read_are_counted_and_named(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    for i in range(4):
        (place / "a" / f"IMG_{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (place / "b" / "notes.txt").write_text("x")
    report = " ".join(scan(place).lines())
    assert "4 left out" in report
    assert "HEIC" in report
    assert ".txt" in report


def test_a_phones_photo_under_another_name_is_called_what_it_is(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    (place / "a" / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(UserError, match="HEIC"):
        resolve(make_config(data=f"folder:{place}"))


def test_image_that_was_not_downloaded_from_git_lfs_is_called_what_it_is(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    (place / "a" / "003.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(UserError, match=r"003\.png .*git lfs pull"):
        resolve(make_config(data=f"folder:{place}"))


def cut(file: Path, share: float = 0.5) -> None:
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


def test_all_damaged_images_are_named_at_once_and_can_be_left_out(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    damaged = [place / "a" / "003.png", place / "b" / "000.png", place / "b" / "009.png"]
    for file in damaged:
        cut(file)
    with pytest.raises(UserError) as error:
        resolve(make_config(data=f"folder:{place}"))
    assert "3 of 40" in str(error.value)
    assert all(f"{file.parent.name}/{file.name}" in str(error.value) for file in damaged)
    config = resolve(make_config(data=f"folder:{place}", skip_broken=True))
    data = dataset_for(config)
    assert len(data.train) + len(data.test) == 37
    kept, held = split_indices(data)
    assert len(kept) + len(held) == len(data.train)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_whose_images_are_all_damaged_cannot_be_left_out(tmp_path, split):
    for name in ("train", "val", "test"):
        make_folder(tmp_path / "d" / name, COLORS, 3)
    for file in (tmp_path / "d" / split).rglob("*.png"):
        cut(file)
    with pytest.raises(UserError, match=split):
        load_dataset(f"folder:{tmp_path / 'd'}", skip_broken=True)


def test_damage_after_the_decoded_images_is_found_before_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr("vitcore.data.folder.DECODED", 5)
    place = tmp_path / "d"
    for name in COLORS:
        (place / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(
                place / name / f"{i:02}.{('jpg', 'png', 'webp')[i % 3]}", lossless=True
            )
    assert check(scan(place)) == []
    damaged = [place / "b" / name for name in ("15.jpg", "16.png", "17.webp")]
    for file in damaged:
        cut(file, 0.9)
    assert {fault.file for fault in check(scan(place))} == set(damaged)


def test_a_photo_of_48_megapixels_is_read_at_a_reduced_size(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    large = Image.new("RGB", (8000, 6000), (10, 20, 250))
    large.save(place / "a" / "photo.jpg")
    data = load_dataset(f"folder:{place}")
    everything = np.concatenate([data.train.images, data.test.images]).reshape(41, 3, -1).mean(axis=2)
    assert np.abs(everything - [10, 20, 250]).sum(axis=1).min() < 5
    assert check(scan(place)) == []


def test_a_rare_class_is_in_the_validation_images(tmp_path):
    make_folder(tmp_path / "d", {"common": (200, 0, 0)}, 300)
    make_folder(tmp_path / "d", {"rare": (0, 200, 0)}, 4)
    data = load_dataset(f"folder:{tmp_path / 'd'}")
    train, held = split_indices(data)
    assert np.bincount(data.train.labels[held]).tolist() == [27, 1]
    assert np.bincount(data.train.labels[train]).tolist() == [243, 2]
    assert np.bincount(data.test.labels).tolist() == [30, 1]


def test_a_class_with_one_image_is_refused_by_name(tmp_path):
    make_folder(tmp_path / "d", COLORS, 20)
    make_folder(tmp_path / "d", {"single": (0, 0, 0)}, 1)
    with pytest.raises(UserError, match="single"):
        scan(tmp_path / "d")


def test_names_that_are_not_utf8_train_like_others(tmp_path):
    place = os.fsencode(make_folder(tmp_path / "d", COLORS, 20))
    os.rename(os.path.join(place, b"a"), os.path.join(place, b"caf\xe9"))
    os.rename(os.path.join(place, b"b", b"003.png"), os.path.join(place, b"b", b"\xff.png"))
    config = resolve(make_config(data=f"folder:{tmp_path / 'd'}"))
    assert config.classes == ("b", "caf\N{REPLACEMENT CHARACTER}")
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert read_config(tmp_path / "config.yaml").classes == config.classes
    assert len(dataset_for(config).fingerprint) == 64
    assert len(dataset_for(config).state) == 64


def test_a_replaced_image_of_equal_size_changes_the_fingerprint(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    for name in COLORS:
        for file in (place / name).iterdir():
            Image.open(file).convert("RGB").save(file.with_suffix(".bmp"))
            file.unlink()
    before = load_dataset(f"folder:{place}").fingerprint
    assert load_dataset(f"folder:{place}").fingerprint == before
    file = place / "a" / "003.bmp"
    size, image = file.stat().st_size, Image.open(file)
    Image.new("RGB", image.size, (1, 2, 3)).save(file)
    assert file.stat().st_size == size
    assert load_dataset(f"folder:{place}").fingerprint != before


def test_links_to_folders_are_followed_and_circles_end(tmp_path):
    place = make_folder(tmp_path / "d", COLORS, 20)
    make_folder(tmp_path / "elsewhere", {"c": (0, 0, 0)}, 20)
    (place / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (place / "a" / "again").symlink_to(place / "a")
    found = scan(place)
    assert found.classes == ("a", "b", "c")
    assert len(found.files) == 60


def test_random_folders_are_understood_or_refused_and_no_image_is_used_twice(tmp_path):
    """Every image is used once or counted as left out."""
    draw = random.Random(0)
    names = ["train", "Val", "test", "a", "b", "c", ".x", "__MACOSX", "deep", "Test_set", "images"]
    small = tmp_path / "small.png"
    Image.new("RGB", (2, 2)).save(small)
    understood = 0
    for number in range(60):
        place = tmp_path / f"d{number}"
        for _ in range(draw.randint(1, 8)):
            parts = [draw.choice(names) for _ in range(draw.randint(0, 3))]
            folder = place.joinpath(*parts)
            folder.mkdir(parents=True, exist_ok=True)
            for _ in range(draw.randint(0, 8)):
                suffix = draw.choice([".png", ".png", ".JPG", ".txt", ".heic"])
                (folder / f"{draw.randint(0, 999)}{suffix}").write_bytes(small.read_bytes())
        images = {
            p
            for p in place.rglob("*")
            if p.suffix.lower() in (".png", ".jpg")
            and not any(part.startswith(".") or part == "__MACOSX" for part in p.relative_to(place).parts)
        }
        try:
            found = scan(place)
        except UserError:
            continue
        understood += 1
        assert len(set(found.files)) == len(found.files)
        assert set(found.files) <= images
        left = sum(n for reason, n in found.ignored.items() if reason.startswith("images "))
        assert len(images) == len(found.files) + left, (place, found.ignored)
    assert understood > 8
