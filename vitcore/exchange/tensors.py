"""Read weights from files of PyTorch and safetensors. No code in a file is executed.

`read_file` returns the plain content. `named_tensors` finds the weights in it and removes the prefixes of
wrappers. `check_finite` refuses weights with NaN or infinity.
"""

from __future__ import annotations

import pickle
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from vitcore.errors import UserError
from vitcore.reading import short

PREFIXES = (
    "model.",  # of a Lightning module
    "module.",  # of DataParallel and DistributedDataParallel
    "_orig_mod.",  # of torch.compile
    "backbone.",  # of modules that train a network with a part of their own
    "encoder.",
    "vision_model.",
)
COMPILED = "_orig_mod."  # also in the middle of a name, if only a part was compiled
# keys under which training scripts save the weights; the last ones are those of DINO
WEIGHTS = ("state_dict", "model_state_dict", "model", "teacher", "student")
NOT_WEIGHTS = ("n_averaged",)  # the counter of torch.optim.swa_utils.AveragedModel
SAVE = "save its weights alone with torch.save(model.state_dict(), FILE)"


def read_file(file: Path) -> Any:
    """Return the content of a PyTorch or safetensors file on the CPU.

    A safetensors file becomes a dictionary of tensors. Raise `UserError` for any other file.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder: give the path of the checkpoint in it.")
    if not file.stat().st_size:
        raise UserError(f"{file.name} is empty and cannot be read: copy it again.")
    if _is_safetensors(file):
        try:
            return load_file(file)
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError):
            raise UserError(f"{file.name} is damaged and cannot be read: copy it again.") from None
    if zipfile.is_zipfile(file):
        _check_archive(file)
    elif tarfile.is_tarfile(file):
        raise UserError(f"{file.name} is a tar archive: unpack it and give the checkpoint in it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about formats that are refused here anyway
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(f"{file.name} is damaged, or holds more than tensors and numbers: {SAVE}.") from None
    except Exception:  # torch's reader raises all kinds of errors on invalid bytes
        raise UserError(
            f"{file.name} cannot be read: choose a file of torch.save or safetensors, or copy it again."
        ) from None


def _is_safetensors(file: Path) -> bool:
    """Return whether a file has the name or the first bytes of the safetensors format."""
    with file.open("rb") as opened:
        start = opened.read(9)
    return file.suffix.lower() == ".safetensors" or (
        start[8:] == b"{" and int.from_bytes(start[:8], "little") < file.stat().st_size
    )


def _check_archive(file: Path) -> None:
    """Raise `UserError` for zip archives that `torch.save` did not write."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            damaged = [name for name in names if not _has_checksum(archive, name)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        raise UserError(f"{file.name} is damaged and cannot be read: copy it again.") from None
    if damaged and len(damaged) < len(names):  # all of them differ if torch was told to omit the checksums
        raise UserError(f"{file.name} is damaged ({short(damaged[0])}): copy it again.")
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise UserError(f"{file.name} is a TorchScript program, not weights: {SAVE}.")
    if not any(name.endswith("data.pkl") for name in names):
        raise UserError(f"{file.name} is a zip archive without weights: give the checkpoint in it.")


def _has_checksum(archive: zipfile.ZipFile, name: str) -> bool:
    """Return whether a file in a zip archive has its checksum, which torch does not verify."""
    try:
        with archive.open(name) as packed:
            while packed.read(2**20):
                pass
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return False
    return True


def named_tensors(content: Any, file: Path) -> dict[str, torch.Tensor]:
    """Return the weights in the content of a file by name, without the prefixes of wrappers.

    Raise `UserError` when there are none.
    """
    found = content
    if isinstance(content, Mapping):
        found = next((content[k] for k in WEIGHTS if isinstance(content.get(k), Mapping)), content)
    if not isinstance(found, Mapping) or not found:
        raise UserError(f"{file.name} holds no state_dict of named tensors: {SAVE}.")
    tensors: dict[str, torch.Tensor] = {}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise UserError(
                f"{file.name} holds no state_dict of named tensors, because of {short(name)}: {SAVE}."
            )
        if (short_name := without_prefix(name)) in tensors:
            raise UserError(f"{file.name} holds {short_name} of two models: save the weights of one alone.")
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_complex():
            raise UserError(f"{file.name} holds {short(name)} in a form that is not supported: {SAVE}.")
        if short_name not in NOT_WEIGHTS:
            tensors[short_name] = value
    return tensors


def without_prefix(name: str) -> str:
    """Return the name of a tensor without the prefixes of wrappers, however they are nested."""
    name = name.replace(f".{COMPILED}", ".")
    while prefix := next((p for p in PREFIXES if name.startswith(p)), ""):
        name = name.removeprefix(prefix)
    return name
