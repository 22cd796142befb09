"""The import of a file of weights that the visitor uploads: a ViT or a ResNet of another library, or ours.

A child process runs `vitcore import FILE`, which reads tensors and numbers only and executes no code.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import streamlit as st

from dashboard.compare import import_progress
from dashboard.shared import jobs, messages
from vitcore.errors import UserError
from vitcore.paths import check_allowed, readonly

JOB = "weights"  # one file at a time, for all visitors
TYPES = ("safetensors", "pt", "pth", "ckpt")
MOST_MB = 120  # of 1,048,576 bytes, as Streamlit counts; a ResNet-50 has 98. server.maxUploadSize is the same
GENERATION = "weight_upload_generation"


class Uploaded(Protocol):
    """A file of `st.file_uploader`."""

    name: str

    def getvalue(self) -> bytes:
        """Return its content."""
        ...


def control() -> None:
    """Draw the choice of a file and the button that imports it, or the progress of an import."""
    generation = st.session_state.get(GENERATION, 0)
    file = st.file_uploader(
        f"A file of weights (.safetensors, .pt, .pth or .ckpt, up to {MOST_MB} MB; give larger ones and "
        "folders by their path, above): a ViT of timm, transformers, torchvision or its authors, a ResNet of "
        "timm or torchvision, or a ViT of ViT Lab",
        type=list(TYPES),
        max_upload_size=MOST_MB,
        key=f"weight_upload_{generation}",
        disabled=readonly(),
    )
    st.button(
        "Import this file",
        key="weight_import",
        width="stretch",
        disabled=readonly() or file is None or jobs.running(JOB),
        on_click=_start,
        args=(file,),
    )
    messages.show_error(JOB, "")
    import_progress.show(JOB, "Reading the file", file.name if file else None)


def _start(file: Uploaded | None) -> None:
    with messages.keep_error(JOB):
        check_allowed()
        if file is None:
            raise UserError("No file was chosen: choose a file of weights.")
        if jobs.running(JOB):
            raise UserError("Another file is being imported: try again when it is done.")
        path = stored(file.name, file.getvalue())
        try:
            import_progress.start(JOB, file.name, lambda: steps(path))
        except UserError:  # another visitor was faster
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1  # a new, empty uploader


def stored(name: str, content: bytes) -> Path:
    """Return a temporary file with this content, alone in its folder. Raise `UserError` for other files.

    The name of the visitor's file becomes that of the run. Other characters than letters, digits and `._-`
    are replaced.
    """
    stem, _, suffix = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    if suffix.lower() not in TYPES:
        raise UserError(f"This file type is not supported: choose .{', .'.join(TYPES[:-1])} or .{TYPES[-1]}.")
    if len(content) > MOST_MB * 2**20:
        raise UserError(
            f"The file is larger than {MOST_MB} MB: copy it to this machine, and import it by its path above."
        )
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="vitlab-upload-"))
        path = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', stem)[:80] or 'weights'}.{suffix.lower()}"
        path.write_bytes(content)
    except OSError as error:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"The file cannot be stored ({error.strerror}): free some space, and try again."
        ) from None
    return path


def steps(path: Path) -> Iterator[jobs.Progress]:
    """Import a file of `stored`, and delete it with its folder at the end. Raise `UserError`."""
    try:
        yield from import_progress.steps_of(str(path))
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
