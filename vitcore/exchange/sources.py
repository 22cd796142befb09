"""Find the weights of a model that was not trained here: a file, a folder, an address, or the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from vitcore.data.download import Progress, fetch
from vitcore.errors import UserError
from vitcore.exchange import hub
from vitcore.exchange.recommended import is_repository
from vitcore.paths import expanded

USUAL = ("model.safetensors", "pytorch_model.bin")  # of timm and transformers, the preferred one first
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


@dataclass(frozen=True)
class Source:
    """The file of a model's weights. A config.json in its folder describes the model."""

    file: Path
    name: str  # of the model, for titles
    origin: str  # where the file is from


def find_source(source: str | Path, store: Path, progress: Progress) -> Source:
    """Return the weights at a path, in a folder, at an http(s) address, or in a repository of the Hub.

    A file at an address is downloaded to `store`, and one of the Hub to the cache of `huggingface_hub`. Raise
    `UserError` when there are no weights.
    """
    if "://" not in str(source):
        path = expanded(source)
        if path.is_dir():
            weights = weights_in(path)
            return Source(weights, path.absolute().name, weights.name)
        if not path.exists() and path.suffix.lower() not in SUFFIXES and is_repository(str(source)):
            folder = hub.download(str(source), USUAL, progress)
            return Source(weights_in(folder), path.name, hub.origin(str(source), folder))
    file = local_file(source, store, progress)
    return Source(file, file.stem, file.name)


def local_file(source: str | Path, store: Path, progress: Progress) -> Path:
    """Return the path of a file, downloaded to `store` if the source is an address.

    Raise `UserError` when there is no such file.
    """
    try:
        address = urlparse(str(source))
    except ValueError as error:
        raise UserError(f"{source} cannot be downloaded ({error}): check the address.") from None
    if address.scheme in ("http", "https"):
        if not str(source).isascii():
            raise UserError(
                f"{source} is not an address: percent-encode its non-ASCII characters, such as %C3%A9."
            )
        return fetch(str(source), store / (Path(address.path).name or "checkpoint.ckpt"), progress)
    if "://" in str(source):
        raise UserError(f"{source} cannot be downloaded: give a path, or an http(s) address.")
    path = expanded(source)
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the path of the file in it.")
    if not path.is_file():
        raise UserError(
            f"{path} is not a file: give the path or the http(s) address of a checkpoint, or the name of a "
            "model of the Hugging Face Hub, such as timm/deit_tiny_patch16_224.fb_in1k."
        )
    return path


def weights_in(folder: Path) -> Path:
    """Return the file of the weights in a folder. Raise `UserError` if there is none, or more than one."""
    if usual := next((folder / name for name in USUAL if (folder / name).is_file()), None):
        return usual
    if parts := sorted(folder.glob("*.index.json")):
        raise UserError(
            f"The weights in {folder} are in several files ({parts[0].name}): save them as one file, for "
            'example with model.save_pretrained(FOLDER, max_shard_size="100GB").'
        )
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if len(found) == 1:
        return found[0]
    problem = f"has {len(found)} files of weights" if found else f"has no weights ({', '.join(SUFFIXES)})"
    raise UserError(f"The folder {folder} {problem}: give the path of the file.")
