"""Read files of torch.save and safetensors. No code in a file is executed.

Everything that is loaded with torch.load goes through `load_file`: checkpoints to resume and to import. torch
itself does not compare the checksums in a file, so that changed weights would be loaded without an error.
"""

from __future__ import annotations

import argparse
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors

from vitcore.reading import DAMAGED_ZIP, GET_FILE, IS_POINTER, damaged_entry, is_lfs_pointer, short

SAVE = "save its weights alone with torch.save(model.state_dict(), FILE)"
AGAIN = "copy it again"
LARGEST_RATIO = 10  # of the unpacked to the packed size; torch.save does not compress


class Unreadable(Exception):
    """A file that cannot be loaded: `problem` completes a sentence about it, and `remedy` says what to do."""

    def __init__(self, problem: str, remedy: str = AGAIN) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem, self.remedy = problem, remedy


def load_file(file: Path, *, mmap: bool = False) -> Any:
    """Return the content of a PyTorch or safetensors file on the CPU.

    A safetensors file becomes a dictionary of tensors. With `mmap`, the tensors of an archive of torch.save
    stay on the disk until they are read. Raise `Unreadable` for any other file, for one that is damaged, and
    for one that unpacks to much more than its size.
    """
    try:
        if not file.stat().st_size:
            raise Unreadable("is empty and cannot be read")
        if is_lfs_pointer(file):
            raise Unreadable(IS_POINTER, GET_FILE)
        if _is_safetensors(file):
            return load_safetensors(file)
        archive = zipfile.is_zipfile(file)
        if archive:
            _check_archive(file)
        elif tarfile.is_tarfile(file):
            raise Unreadable("is a tar archive", "unpack it and give the checkpoint in it")
    except (SafetensorError, OSError, KeyError, *DAMAGED_ZIP):
        raise Unreadable("is damaged and cannot be read") from None
    try:
        # the options of a training script, which DINO, DeiT, MAE and timm save beside the weights
        options = torch.serialization.safe_globals([argparse.Namespace])
        with options, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about formats that are refused here anyway
            return torch.load(file, map_location="cpu", weights_only=True, mmap=mmap and archive)
    except pickle.UnpicklingError:
        raise Unreadable("is damaged, or holds more than tensors and numbers", SAVE) from None
    except Exception:  # torch's reader raises all kinds of errors on invalid bytes
        raise Unreadable(
            "cannot be read", "choose a file of torch.save or safetensors, or copy it again"
        ) from None


def _is_safetensors(file: Path) -> bool:
    """Return whether a file has the name or the first bytes of the safetensors format."""
    with file.open("rb") as opened:
        start = opened.read(9)
    return file.suffix.lower() == ".safetensors" or (
        start[8:] == b"{" and int.from_bytes(start[:8], "little") < file.stat().st_size
    )


def _check_archive(file: Path) -> None:
    """Raise `Unreadable` for zip archives that `torch.save` did not write, and for damaged ones."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            size = sum(entry.file_size for entry in archive.infolist())
    except (*DAMAGED_ZIP, OSError):
        raise Unreadable("is damaged and cannot be read") from None
    if size > LARGEST_RATIO * file.stat().st_size:
        raise Unreadable(f"would unpack to {size / 1e6:,.0f} MB, which is too large", SAVE)
    if (damaged := damaged_entry(file)) is not None:
        raise Unreadable(f"is damaged ({short(damaged)})")
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise Unreadable("is a TorchScript program, not weights", SAVE)
    if not any(name.endswith("data.pkl") for name in names):
        raise Unreadable("is a zip archive without weights", "give the checkpoint in it")
