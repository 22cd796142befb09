"""Read small text files that may come from elsewhere: with a limit, as UTF-8, and with one kind of error.

Everything that is wrong with such a file becomes a `UserError` that names the file and says what to do.
"""

from __future__ import annotations

import functools
import io
import re
import reprlib
import stat
import struct
import sys
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, from_json

from vitcore.errors import UserError

LARGEST = 1_000_000  # bytes of a configuration, a status or a talk; ours have a few thousand
LARGEST_ARRAYS = 50_000_000  # bytes of the arrays of a file, unpacked; ours have less than a million
SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times as fast for 1,000 runs
# what PyYAML's constructors raise for scalars such as 2001-99-99 besides its own errors
MALFORMED = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)

# what zipfile and NumPy raise for damaged arrays; NumPy reads their headers with Python's tokenizer
MALFORMED_ARRAYS = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    MemoryError,
    RuntimeError,
    SyntaxError,
)

# what zipfile raises for damaged archives
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)

LFS_POINTER = b"version https://git-lfs.github.com/spec/"  # how such a text begins
IS_POINTER = "is a pointer of Git LFS, not the file itself"
GET_FILE = "download the file, for example with `git lfs pull`"

MAYBE_INFINITE = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\d{300}")  # in every JSON text with such a number
_NONE = object()  # no key
Model = TypeVar("Model", bound=BaseModel)


def read_bytes(path: Path, most: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `most` bytes. Raise `UserError` otherwise."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise UserError(f"{path} is not a file: remove it, or write a new one.")
        if about.st_size > most:
            raise UserError(
                f"{path} has {about.st_size / 1e6:,.1f} MB, at most {most / 1e6:g} MB are read: remove it "
                "or write a new one."
            )
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    except ValueError:  # a null byte in the path
        raise UserError(f"{str(path)!r} is not a path.") from None


def read_text(path: Path, most: int = LARGEST) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark. Raise `UserError` otherwise."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it again as UTF-8.") from None


def parse_yaml(text: str, name: str | Path) -> Any:
    """Return the values of a YAML text. Raise `UserError` for anything malformed, and for aliases.

    An alias repeats a part of the file. A few lines of nested ones stand for gigabytes.
    """
    try:
        if "*" in text and any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, Loader=SAFE)):
            raise UserError(f"{name} has YAML aliases (`*name`): write the values out.")
        return quick if (quick := _simple(text)) is not None else yaml.load(text, Loader=SAFE)
    except MALFORMED:
        raise UserError(f"{name} is not a valid YAML file: repair it, or write a new one.") from None


# a line of a configuration as `dump_config` writes it: `key:`, `key: value` or `- value`, indented or not
_LINE = re.compile(
    r"(?P<indent>  )?(?:- |(?P<key>[a-z_][a-z_0-9]*):(?: |$))(?P<value>(?:[\w.]|[+-][\w.])[\w./+-]*)?"
)


@functools.lru_cache(maxsize=8192)
def _line(line: str) -> tuple[bool, Any, Any, bool] | None:
    """Return (whether it is indented, its key or None, its value, whether it has one) of a simple line."""
    found = _LINE.fullmatch(line) if len(line) < 200 else None
    if not found or not (found["key"] or found["value"]):
        return None
    content = yaml.load(line.strip(), Loader=SAFE)
    key, value = next(iter(content.items())) if found["key"] else (None, content[0])
    if found["key"] and key is None:  # `null:`, which is no line of a list
        return None
    return bool(found["indent"]), key, value, found["value"] is not None


def _simple(text: str) -> dict[Any, Any] | None:
    """Return the values of a YAML text if all its lines are simple, else None.

    The lines of many configurations are the same, so each is parsed once. This takes a fifth of the time of
    PyYAML for a list of runs.
    """
    values: dict[Any, Any] = {}
    opened = inner = _NONE  # the key that has no value yet, and that of the mapping below it
    for text_line in text.removesuffix("\n").split("\n"):
        if (line := _line(text_line)) is None:
            return None
        indented, key, value, has_value = line
        if key is not None and not indented:
            values[key], opened, inner = value, _NONE if has_value else key, _NONE
            continue
        if opened is _NONE:
            return None
        if values[opened] is None:
            values[opened] = [] if key is None else {}
        place = values[opened]
        if key is not None:
            if not isinstance(place, dict) or not indented:
                return None
            place[key], inner = value, _NONE if has_value else key
        elif not indented and isinstance(place, list):
            place.append(value)
        elif indented and isinstance(place, dict) and inner is not _NONE:
            if place[inner] is None:
                place[inner] = []
            place[inner].append(value)
        else:
            return None
    return values


def read_yaml(path: Path, most: int = LARGEST) -> Any:
    """Return the values of a YAML file. Raise `UserError` as `read_text` and `parse_yaml` do."""
    return parse_yaml(read_text(path, most), path)


def read_model(path: Path, model: type[Model], most: int = LARGEST) -> Model:
    """Return the content of a JSON file as a pydantic model. Raise `UserError` if it does not fit."""
    data = read_bytes(path, most)
    try:
        return parse_model(data, model)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path} is damaged ({where[:60]}): delete it, or restore it.") from None


def parse_model(data: bytes, model: type[Model]) -> Model:
    """Return JSON text as a pydantic model. Raise `ValidationError` if it does not fit.

    A number must be a JSON number that a float can hold: neither true nor false, nor a number in quotation
    marks, nor 1e999. By default, pydantic accepts all of them.
    """
    found = model.model_validate_json(data, strict=True)
    if MAYBE_INFINITE.search(data) and (place := _not_finite(from_json(data))) is not None:
        fault = InitErrorDetails(type="finite_number", loc=place, input=None)
        raise ValidationError.from_exception_data(model.__name__, [fault], "json")
    return found


def _not_finite(value: Any, place: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Return the place of the first number that no float can hold in the values of a JSON text, or None."""
    if isinstance(value, int | float):
        return None if -sys.float_info.max <= value <= sys.float_info.max else place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = (_not_finite(part, (*place, name)) for name, part in parts)
    return next((where for where in found if where is not None), None)


def read_arrays(path: Path, most: int = LARGEST_ARRAYS) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file. Raise `UserError` if it is damaged or too large."""
    data = read_bytes(path, most)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size <= most:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return dict(stored)
    except (*MALFORMED, *MALFORMED_ARRAYS):
        raise UserError(f"{path} is damaged: delete it, or restore it.") from None
    raise UserError(f"{path} unpacks to {size / 1e6:,.0f} MB, at most {most / 1e6:g} MB are read: delete it.")


def is_lfs_pointer(path: Path) -> bool:
    """Return whether a file is the text that Git LFS leaves in place of a file that was not downloaded."""
    try:
        with path.open("rb") as file:
            return file.read(len(LFS_POINTER)) == LFS_POINTER
    except OSError:
        return False


def damaged_entry(path: Path) -> str | None:
    """Return the name of the first file in a zip archive that differs from its checksum, or None.

    Return an empty name if the archive cannot be read at all. Return None for a file that is no zip archive,
    and for an archive without checksums, which torch.save can omit.
    """
    try:
        if not zipfile.is_zipfile(path):
            return None
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if not any(entry.CRC for entry in entries):
                return None
            return next((entry.filename for entry in entries if not _has_checksum(archive, entry)), None)
    except (*DAMAGED_ZIP, OSError):
        return ""


def _has_checksum(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Return whether a file in a zip archive can be read and has its checksum."""
    try:
        with archive.open(entry) as packed:
            while packed.read(2**20):
                pass
    except DAMAGED_ZIP:
        return False
    return True


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlong = 40

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() < 1000 else "a very long number"


def short(value: Any) -> str:
    """Return a value as a sentence may quote it: a few dozen characters, however large it is."""
    text = _Short().repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
