"""Read the header of a safetensors file: names, types and shapes of the weights, without torch.

The format: 8 bytes with the length of the header, the header as JSON, then the tensors one after another
(github.com/huggingface/safetensors).
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from vitcore.errors import UserError
from vitcore.reading import GET_FILE, IS_POINTER, is_lfs_pointer, read_text, short

LONGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors library
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
FLOATS = {  # the type of the bits, and the bits of the exponent, which are all set for NaN and infinity
    "F64": (np.dtype("<u8"), np.uint64(0x7FF0_0000_0000_0000)),
    "F32": (np.dtype("<u4"), np.uint32(0x7F80_0000)),
    "F16": (np.dtype("<u2"), np.uint16(0x7C00)),
    "BF16": (np.dtype("<u2"), np.uint16(0x7F80)),
}
LARGEST_WEIGHTS = 4_000_000_000  # bytes of a file of weights
SHA256 = re.compile("[0-9a-f]{64}")
STATE = ("running_mean", "running_var", "num_batches_tracked")  # of batch normalization, not trained


@dataclass(frozen=True)
class Weight:
    """The type and the shape of one tensor."""

    dtype: str
    shape: tuple[int, ...]


def check_size(path: Path, most: int = LARGEST_WEIGHTS) -> None:
    """Raise `UserError` if a file of weights is too large to read, or only a pointer of Git LFS to one."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    if is_lfs_pointer(path):
        raise UserError(f"{path} {IS_POINTER}: {GET_FILE}, or delete the run.")
    if size > most:
        raise UserError(
            f"{path} has {size / 1e6:,.0f} MB, but its weights have at most {most / 1e6:,.0f} MB: copy it "
            "again, or delete the run."
        )


def stored_sha256(weights: Path) -> str | None:
    """Return the SHA-256 of weights that are not in their run folder, in hexadecimal, or None.

    It is in a file of the format of `sha256sum`, NAME.safetensors.sha256. With it, the results that were
    measured with these weights remain valid without them.
    """
    path = _checksum_file(weights)
    if not os.path.isfile(path):
        return None
    digest, _, name = read_text(path, 1000).strip().partition(" ")
    if not SHA256.fullmatch(digest) or name.strip().lstrip("*") != weights.name:
        raise UserError(f"{path} is not the output of `sha256sum {weights.name}`: write it again.")
    return digest


def write_sha256(weights: Path, digest: str) -> None:
    """Write the file that `stored_sha256` reads."""
    _checksum_file(weights).write_text(f"{digest}  {weights.name}\n", encoding="utf-8")


def _checksum_file(weights: Path) -> Path:
    return weights.with_name(f"{weights.name}.sha256")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file of weights in hexadecimal. Raise `UserError` if it cannot be read."""
    check_size(path)
    about = path.stat()
    return _sha256(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, stamp: int, size: int) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"The weights {path} cannot be read ({error.strerror or error}): allow reading them."
        ) from None


def read_header(path: Path) -> dict[str, Weight]:
    """Return the tensors of a safetensors file by name. Raise `UserError` if it is cut short or malformed."""
    check_size(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(size - 8, LONGEST_HEADER):
                raise ValueError("the header does not fit into the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        found, end = {}, 0
        for name, entry in header.items():
            weight = Weight(entry["dtype"], tuple(map(_whole, entry["shape"])))
            first, last = map(_whole, entry["data_offsets"])
            if last - first != prod(weight.shape) * BYTES[weight.dtype] or min((first, *weight.shape)) < 0:
                raise ValueError(f"the size of {name} does not match its shape")
            found[name], end = weight, max(end, last)
        if size != 8 + length + end:
            raise ValueError("the file is cut short")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise damaged(path) from None
    return found


def damaged(path: Path) -> UserError:
    """Return the error for a file of weights that is not a complete safetensors file."""
    return UserError(f"{path} is damaged or cut short: copy it again, or delete the run.")


def _whole(value: Any) -> int:
    """Return a whole number of a header. Raise `TypeError` for anything else, such as true, "3" or 3.0."""
    if type(value) is not int:
        raise TypeError(f"{short(value)} is not a whole number")
    return value


def not_finite(path: Path) -> str | None:
    """Return the name of the first tensor with NaN or infinity, or None. The file must pass `read_header`."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            if entry["dtype"] in FLOATS:
                whole, exponent = FLOATS[entry["dtype"]]
                file.seek(8 + length + first)
                bits = np.frombuffer(file.read(last - first), whole)
                if ((bits & exponent) == exponent).any():
                    return name
    return None


def count_trainable(weights: dict[str, Weight]) -> int:
    """Return the number of trainable parameters among the weights of a file."""
    return sum(prod(weight.shape) for name, weight in weights.items() if not name.endswith(STATE))
