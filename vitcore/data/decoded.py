"""Images of a folder that are decoded when they are needed, with a limit on the memory for their pixels.

Images with sides up to `WHOLE_SIDE` are decoded at once (`vitcore.data.folder.read`): training on them is
fastest as one tensor. Larger ones are decoded batch by batch, in at most eight threads, and the most recent
are kept. All datasets of a process share this memory. Pixels never depend on what is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vitcore.data.folder import Listing, Unreadable, check, in_threads, refuse
from vitcore.data.images import read_photo
from vitcore.errors import UserError
from vitcore.preprocessing import Preprocessing

WHOLE_SIDE = 64  # pixels
KEPT = 256 * 2**20  # bytes of pixels that a server keeps
KEPT_IN_TRAINING = 2**30  # bytes; 7,000 images of 224 pixels
CHUNK = 64  # images that are read at once to go through all of them


class PixelCache:
    """The pixels of the most recently used images of this process, up to `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._kept: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple) -> np.ndarray | None:
        """Return the pixels of a key, or None."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple, pixels: np.ndarray) -> None:
        """Keep pixels, and drop those that were not used for longest."""
        with self._lock:
            if key in self._kept or pixels.nbytes > self.limit:
                return
            self._kept[key] = pixels
            self.size += pixels.nbytes
            while self.size > self.limit:
                _, dropped = self._kept.popitem(last=False)
                self.size -= dropped.nbytes


CACHE = PixelCache(KEPT)


def keep_for_training() -> None:
    """Let this process keep as many pixels as a training needs, which visits every image in each epoch."""
    CACHE.limit = KEPT_IN_TRAINING


class DecodedImages:
    """The images of files as an array uint8 [N, 3, S, S], decoded where it is indexed.

    An index returns arrays, as it does for a NumPy array. Raise one `UserError` for all images of the folder
    that cannot be read as soon as one of them is needed.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, listing: Listing, files: Sequence[Path], size: int, preprocessing: Preprocessing
    ) -> None:
        self.listing, self.files, self.size, self.preprocessing = listing, files, size, preprocessing

    def __len__(self) -> int:
        return len(self.files)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[N, 3, S, S]"""
        return len(self.files), 3, self.size, self.size

    def __getitem__(self, index: int | slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self))[index]
        if np.ndim(chosen) == 0:
            return self._decode([self.files[int(chosen)]])[0]
        return self._decode([self.files[i] for i in chosen])

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def part(self, index: slice | np.ndarray) -> DecodedImages:
        """Return some of the images, not yet decoded."""
        files = [self.files[i] for i in np.arange(len(self))[index]]
        return DecodedImages(self.listing, files, self.size, self.preprocessing)

    def at(self, size: int, preprocessing: Preprocessing) -> DecodedImages:
        """Return the images of the same files for a model with another input, not yet decoded."""
        return DecodedImages(self.listing, self.files, size, preprocessing)

    def _decode(self, files: list[Path]) -> np.ndarray:
        out = np.empty((len(files), 3, self.size, self.size), self.dtype)
        unreadable: list[Unreadable] = []
        for i, pixels in enumerate(
            in_threads(self._read, files) if len(files) > 1 else map(self._one, files)
        ):
            if isinstance(pixels, Unreadable):
                unreadable.append(pixels)
            else:
                out[i] = pixels
        if unreadable:
            raise refuse(self.listing, check(self.listing, decode_all=True) or unreadable)
        return out

    def _read(self, _: int, file: Path) -> np.ndarray | Unreadable:
        return self._one(file)

    def _one(self, file: Path) -> np.ndarray | Unreadable:
        try:
            about = file.stat()
            key = (file, about.st_mtime_ns, about.st_size, self.size, self.preprocessing)
            if (pixels := CACHE.get(key)) is None:
                pixels = read_photo(file, self.size, self.preprocessing)
                CACHE.put(key, pixels)
        except UserError as error:
            return Unreadable(file, str(error))
        except OSError as error:
            return Unreadable(file, f"{file} cannot be read ({error.strerror or error}).")
        return pixels


Pixels = np.ndarray | DecodedImages


def part_of(images: Pixels, index: slice | np.ndarray) -> Pixels:
    """Return some of the images. They are not decoded yet if those of `images` are not."""
    return images[index] if isinstance(images, np.ndarray) else images.part(index)


def chunks(images: Pixels) -> Iterator[np.ndarray]:
    """Yield all images in order, a few at a time."""
    for start in range(0, len(images), CHUNK):
        yield images[start : start + CHUNK]
