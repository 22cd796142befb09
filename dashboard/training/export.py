"""Export on the Training page: a run as a zip, and its model as an ONNX file.

The command line makes the ONNX file in a child process, because torch's exporter changes global state of
torch while it works. The file is kept until the server stops, so that visitors who export the same weights
share it.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import jobs, messages, resources, ticking
from vitcore.child import Child
from vitcore.errors import UserError
from vitcore.exchange.archive import pack_run
from vitcore.paths import readonly
from vitcore.runs.folder import Run

TICK_S = 0.5
LIMIT_S = 600.0
WIDTH = 760  # pixels of the popover, with both files side by side


@dataclass(frozen=True)
class Exported:
    """An ONNX file. `check` is a sentence on how it was compared with torch."""

    file: Path
    check: str


@dataclass(frozen=True)
class Step:
    """The progress of an export. `done` counts seconds of an unknown total. `values` is the final file."""

    done: int
    total: int = 0
    values: Exported | None = None


def control(run: Run, state: str) -> None:
    """Draw a popover with both files if the run has trained weights."""
    weights = run.weights
    if weights is None or weights.stem == "step-0000000":
        return
    with st.popover("Export", icon=":material/download:"), st.container(width=WIDTH):
        zip_place, onnx_place = st.columns([1, 1.35], gap="medium")
        with zip_place:
            _zip(run, weights, state)
        with onnx_place:
            ticking.fragment(
                lambda running: _onnx(run, running), lambda: jobs.running(_key(run)), every_s=TICK_S
            )
        st.caption(f"At the command line: `python -m vitcore export {run.id} NAME.zip` or `NAME.onnx`")


def _zip(run: Run, weights: Path, state: str) -> None:
    finished = state == "finished"
    st.download_button(
        "Weights and configuration (.zip)",
        lambda: pack_run(run),
        f"{run.id}.zip",
        "application/zip",
        key=f"zip_{run.id}",
        on_click="ignore",
        width="stretch",
        disabled=not finished,
        help=None if finished else f"This run is {state}: only a finished run can be exported.",
    )
    st.caption(
        f"{_size(weights)} of exact weights, with curves and scores. Another ViT Lab can import it with "
        "`import NAME.zip`. To load it in Python:"
    )
    st.code(
        f'import vitcore\nmodel = vitcore.load(\n    "runs/{run.id}")', language="python", wrap_lines=True
    )


def _onnx(run: Run, running: bool) -> None:
    job = jobs.find(_key(run))
    exported: Exported | None = job.last.values if job and job.last else None
    if exported and exported.file.is_file():
        st.download_button(
            "ONNX (.onnx)",
            exported.file.read_bytes,
            f"{run.id}.onnx",
            "application/octet-stream",
            key=f"onnx_{run.id}",
            on_click="ignore",
            width="stretch",
        )
        st.caption(f"{_size(exported.file)}. Checked with {exported.check}")
    elif job and running:
        seconds = job.last.done if job.last else 0
        text = "Waiting for a measurement to end" if job.waiting else f"Writing and checking: {seconds} s"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(text, width="stretch")
            st.button("Cancel", key=f"cancel_onnx_{run.id}", on_click=job.cancel)
        st.caption(
            "The export continues when you leave the page. The file is available here until the server stops."
        )
    else:
        if job and job.error:
            st.error(sentence(job.error))
        st.button(
            "Make an ONNX file (.onnx)",
            key=f"make_onnx_{run.id}",
            on_click=_start,
            args=(run,),
            width="stretch",
            disabled=readonly(),
        )
        messages.show_error("onnx", run.id)
        st.caption(
            "For programs without torch. The export takes about ten seconds and checks that onnxruntime "
            "gives the same predictions as torch on 100 test images."
        )
    side = run.config.image_size
    st.code(
        "import onnxruntime as ort\n"
        f"# x: float32 [N, 3, {side}, {side}], RGB, 0 to 1\n"
        f'model = ort.InferenceSession(\n    "{run.id}.onnx")\n'
        'logits, p = model.run(None, {"images": x})',
        language="python",
        wrap_lines=True,
    )


def _start(run: Run) -> None:
    with messages.keep_error("onnx", run.id):
        jobs.start(_key(run), lambda: _export(run))


def _key(run: Run) -> str:
    """Return the key of the job, which identifies the run and the version of its weights."""
    try:
        stamp: object = resources.stamp_of(run)
    except UserError:  # another visitor has deleted the run
        stamp = None
    return f"onnx-{run.path}-{stamp}"


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


@functools.cache
def _exports_folder() -> Path:
    """Create the folder of all exports, which is deleted when the server ends."""
    folder = Path(tempfile.mkdtemp(prefix="vitlab-onnx-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _export(run: Run) -> Iterator[Step]:
    """Export in a child process, which ends if the iterator is closed early. Raise `UserError`."""
    folder = Path(tempfile.mkdtemp(dir=_exports_folder()))
    out = folder / f"{run.id}.onnx"
    try:
        child = Child(
            "vitcore", "export", str(run.path), str(out), "--json", name="The export", limit_s=LIMIT_S
        )
        for seconds in child.ticks(TICK_S / 2):
            yield Step(int(seconds))
        yield Step(int(child.seconds), values=Exported(out, child.result()["words"]))
    finally:
        if not out.is_file():
            shutil.rmtree(folder, ignore_errors=True)
