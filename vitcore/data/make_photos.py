"""Make the bundled photographs from the repositories that publish them. This was run once:

    git clone https://github.com/scikit-image/scikit-image
    git clone https://github.com/scipy/dataset-face
    python -m vitcore.data.make_photos scikit-image dataset-face

JPEG files are copied. Other images are saved as JPEG in their own size. The commits are those of `COMMITS`.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vitcore.paths import assets_dir
from vitcore.reading import read_yaml

COMMITS = {
    "scikit-image": "cd0a3d22b9f359f05618d75d5c7a29b91b4951ca",
    "dataset-face": "49ba9e3b8b21a71cdb039b341ce5c08cee4afd74",
}
QUALITY = 92
RACCOON = (768, 1024, 3)  # shape of scipy's array, which has no header


def make(places: dict[str, Path], out: Path) -> None:
    """Write the photographs of photos.yaml to `out`. `places` are the git repositories by name."""
    for name, entry in read_yaml(out / "photos.yaml").items():
        repository, path = entry["from"]["repository"], entry["from"]["path"]
        command = ["git", "-C", str(places[repository]), "show", f"{COMMITS[repository]}:{path}"]
        content = subprocess.run(command, check=True, capture_output=True).stdout
        (out / f"{name}.jpg").write_bytes(content if path.endswith(".jpg") else _as_jpeg(content, path))
    for file in sorted(out.glob("*.jpg")):
        print(hashlib.sha256(file.read_bytes()).hexdigest(), file.name, file.stat().st_size)


def _as_jpeg(content: bytes, path: str) -> bytes:
    if path.endswith(".dat"):
        image = Image.fromarray(np.frombuffer(bz2.decompress(content), np.uint8).reshape(RACCOON))
    else:
        image = Image.open(io.BytesIO(content))
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=QUALITY, optimize=True)
    return saved.getvalue()


if __name__ == "__main__":
    make(dict(zip(COMMITS, map(Path, sys.argv[1:]), strict=True)), assets_dir() / "photos")
