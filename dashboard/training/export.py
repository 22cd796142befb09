"""Export on the Training page: a run as a zip, and its model as an ONNX file.

The ONNX file is made by the command line in a child process, since torch's exporter changes torch for
everybody in its process while it works. What was made is kept for as long as the server runs, so that
visitors who ask for the same weights share it.
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
from dashboard.shared import jobs, ticking
from vitcore.child import Child
from vitcore.exchange.archive import pack_run
from vitcore.probes.store import Subject
from vitcore.runs.folder import Run

TICK_S = 0.5
LIMIT_S = 600.0
WIDTH = 760  # pixels, of both files beside each other


@dataclass(frozen=True)
class Exported:
    """An ONNX file, and in `check` how it was compared with torch."""

    file: Path
    check: str


@dataclass(frozen=True)
class Step:
    """How many seconds the child has worked, of an unknown total; the file at its end."""

    done: int
    total: int = 0
    values: Exported | None = None


def control(run: Run, state: str) -> None:
    """A popover with both files, for a run with weights that were trained."""
    weights = run.weights
    if weights is None or weights.stem == "step-0000000":
        return
    with st.popover("Export", icon=":material/download:"), st.container(width=WIDTH):
        whole, alone = st.columns([1, 1.35], gap="medium")
        with whole:
            _zip(run, weights, state)
        with alone:
            ticking.fragment(
                lambda running: _onnx(run, running), lambda: jobs.running(_key(run)), every_s=TICK_S
            )
        st.caption(f"At the command line: `python -m vitcore export {run.id} NAME.zip` or `NAME.onnx`")


def _zip(run: Run, weights: Path, state: str) -> None:
    over = state == "finished"
    st.download_button(
        "Weights and configuration (.zip)", lambda: pack_run(run), f"{run.id}.zip", "application/zip",
        key=f"zip_{run.id}", on_click="ignore", width="stretch", disabled=not over,
        help=None if over else f"This run is {state}: only a finished run can be exported.",
    )  # fmt: skip
    st.caption(
        f"{_size(weights)} of weights as they are, with curves and scores. Imported by another ViT Lab "
        "(`import NAME.zip`), it is in every list there; in Python:"
    )
    st.code(
        f'import vitcore\nmodel = vitcore.load(\n    "runs/{run.id}")', language="python", wrap_lines=True
    )


def _onnx(run: Run, running: bool) -> None:
    job = jobs.find(_key(run))
    made: Exported | None = job.last.values if job and job.last else None
    if made and made.file.is_file():
        st.download_button(
            "ONNX (.onnx)", made.file.read_bytes, f"{run.id}.onnx", "application/octet-stream",
            key=f"onnx_{run.id}", on_click="ignore", width="stretch",
        )  # fmt: skip
        st.caption(f"{_size(made.file)}. Checked with {made.check}")
    elif job and running:
        spent = job.last.done if job.last else 0
        words = "Waiting for a measurement to end" if job.waiting else f"Writing and checking: {spent} s"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(words, width="stretch")
            st.button("Cancel", key=f"cancel_onnx_{run.id}", on_click=job.cancel)
        st.caption(
            "This goes on when you leave the page. The file is then here for as long as the server runs."
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
        )
        st.caption(
            "For programs without torch. Takes some ten seconds: you get it when onnxruntime gives torch's "
            "answers on 100 test images."
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
    jobs.start(_key(run), lambda: _made(run))


def _key(run: Run) -> str:
    """Of these very weights, and of the run that the file names."""
    return f"onnx-{run.id}-{Subject(run).digest[:20]}"


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


@functools.cache
def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="vitlab-onnx-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _made(run: Run) -> Iterator[Step]:
    """Export in a child process; leaving this iterator early ends it. Raises `UserError`."""
    folder = Path(tempfile.mkdtemp(dir=_place()))
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
