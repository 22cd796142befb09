"""Files of torch.save: changed bytes are found, and no file unpacks to more than it should."""

from __future__ import annotations

import random
import zipfile

import pytest
import torch

from tests.conftest import ROOT
from vitcore.models.weight_files import Unreadable, load_file

CONTENT = {
    "state_dict": {"a": torch.arange(60.0), "b": torch.ones(3)},
    "epoch": 3,
    "random": [torch.zeros(9)],
}


def same(content) -> bool:
    state = content["state_dict"]
    return (
        content.keys() == CONTENT.keys()
        and all(torch.equal(state[name], value) for name, value in CONTENT["state_dict"].items())
        and content["epoch"] == CONTENT["epoch"]
        and torch.equal(content["random"][0], CONTENT["random"][0])
    )


@pytest.mark.parametrize("mmap", [False, True])
def test_changed_byte_is_refused_unless_it_makes_no_difference(mmap, tmp_path):
    file = tmp_path / "whole.pt"
    torch.save(CONTENT, file)
    assert same(load_file(file, mmap=mmap))
    whole, draw, refused = file.read_bytes(), random.Random(0), 0
    places = range(draw.randrange(5), len(whole), 5)
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        try:
            assert same(load_file(file, mmap=mmap)), place
        except Unreadable:
            refused += 1
    assert refused > len(places) / 10  # most bytes of a file this small are padding


def test_truncated_file_is_refused_at_any_length(tmp_path):
    file = tmp_path / "cut.pt"
    torch.save(CONTENT, file)
    whole = file.read_bytes()
    for size in range(0, len(whole), 37):
        file.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            load_file(file)


def test_archive_that_unpacks_to_much_more_than_its_size_is_refused(tmp_path):
    torch.save({"a": torch.zeros(100_000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with pytest.raises(Unreadable, match="would unpack"):
        load_file(tmp_path / "packed.pt")


def test_code_in_a_file_is_not_executed(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(Unreadable, match="whole module"):
        load_file(tmp_path / "module.pt")


def test_all_files_are_loaded_by_the_one_reader_that_compares_checksums():
    modules = [path for path in (ROOT / "vitcore").rglob("*.py") if "torch.load(" in path.read_text("utf-8")]
    assert [path.name for path in modules] == ["weight_files.py"]
