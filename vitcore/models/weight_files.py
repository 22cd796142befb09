"""Read files of torch.save and safetensors. No code in a file is executed.

Everything that is loaded with torch.load goes through `load_file`: checkpoints to resume and to import. torch
itself does not compare the checksums in a file, so that changed weights would be loaded without an error.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import pickle
import pickletools
import tarfile
import warnings
import zipfile
from collections import deque
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors

from vitcore.reading import DAMAGED_ZIP, GET_FILE, IS_POINTER, damaged_entry, is_lfs_pointer, short

SAVE = "save its weights alone with torch.save(model.state_dict(), FILE)"
EXTRACT = (
    "if you trust it, make one where it was saved with "
    "torch.save(torch.load(FILE, weights_only=False).state_dict(), NEW_FILE)"
)
ONLY_WEIGHTS = "whose code would run; only a state_dict is read"
AGAIN = "copy it again"
BEFORE_OLD = 3  # pickles before the content in the format of torch before 1.6: magic number, version, system
MOST_OPCODES = 1_000_000  # of a pickle; a ViT-L has 50,000
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
        if module := _module_in(file):
            raise module from None
        raise Unreadable("is damaged, or holds more than tensors and numbers", SAVE) from None
    except Exception:  # torch's reader raises all kinds of errors on invalid bytes
        raise Unreadable(
            "cannot be read", "choose a file of torch.save or safetensors, or copy it again"
        ) from None


def _module_in(file: Path) -> Unreadable | None:
    """Return the error for a file that holds a module and not only its weights, or None.

    The names in the pickle are read, and nothing in it is executed.
    """
    try:
        found = _opcodes(file)
    except (ValueError, OSError, EOFError, StopIteration, *DAMAGED_ZIP):
        return None
    classes = [str(text) for code, text, _ in found if code.name == "GLOBAL"]  # "MODULE NAME"
    if not any(text.startswith("torch.nn.modules.") for text in classes):
        return None
    if found[1][0].name == "EMPTY_DICT" or classes[0] == "collections OrderedDict":
        return Unreadable(f"holds a module beside the weights, {ONLY_WEIGHTS}", SAVE)
    name = short(classes[0].split(" ")[-1]).strip("'")
    return Unreadable(f"holds a whole module ({name}), {ONLY_WEIGHTS}", EXTRACT)


def _opcodes(file: Path) -> list[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    """Return the opcodes of the content of a file of torch.save."""
    with contextlib.ExitStack() as stack:
        if zipfile.is_zipfile(file):
            archive = stack.enter_context(zipfile.ZipFile(file))
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            pickled = stack.enter_context(archive.open(name))
        else:
            pickled = stack.enter_context(file.open("rb"))
            for _ in range(BEFORE_OLD):
                deque(pickletools.genops(pickled), maxlen=0)
        return list(itertools.islice(pickletools.genops(pickled), MOST_OPCODES))


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
