"""Export the trained model of a run to one ONNX file, which is verified against torch before it is kept.

The graph takes unnormalized RGB images and normalizes them itself, so that the file can be used without this
project. The input is `images` float32 [N, 3, S, S], RGB from 0 to 1, for any N >= 1. The outputs are `logits`
and `probabilities`, both float32 [N, classes]. The file's `metadata_props` hold the class names and other
details.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vitcore import __version__, numbers
from vitcore.data.datasets import Split
from vitcore.errors import UserError, first_line
from vitcore.exchange.archive import check_new, portable_data
from vitcore.models import count_parameters, load_run
from vitcore.models.evaluate import batch_for, evaluate
from vitcore.preprocessing import preprocessing_of
from vitcore.probes.store import Images, images_for
from vitcore.runs.files import writing
from vitcore.runs.folder import Run

OPSET = 20  # from 2023, the first opset with GELU as one node
LARGEST = 2_000_000_000  # bytes; protobuf's limit for one file is 2 GiB
# Relative to the largest logit. Libraries that sum float32 in different orders differ by about 1e-6 in the
# bundled models and in deep ones. A normalization with an error in its third digit differs by more than 1e-3.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class OnnxReport:
    """The written file, and the result of the check on `images` test images of `data`."""

    path: Path
    images: int
    data: str
    difference: float  # largest absolute difference of a logit
    scale: float  # largest absolute logit

    def __str__(self) -> str:
        same = "the same prediction" if self.images == 1 else f"the same {self.images:,} predictions"
        seen = numbers.count(self.images, "test image")
        return (
            f"{seen} of {self.data}: {same} as torch, logits differ by at most "
            f"{self.difference:.1e} (the largest is {self.scale:.1f})."
        )


class Complete(nn.Module):
    """A model with built-in normalization.

    It maps images [N, 3, S, S], 0 to 1, to logits and probabilities [N, classes].
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, about = model, preprocessing_of(model)
        self.register_buffer("mean", torch.tensor(about.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(about.std).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model((images - self.mean) / self.std)
        return logits, logits.softmax(dim=1)


def export_onnx(run: Run, path: Path, *, images: int = 100) -> OnnxReport:
    """Write a run's best weights to the new file `path`, and compare its results with those of torch.

    The file is run by onnxruntime on the CPU on `images` test images of the run's data (for CIFAR-10, of its
    bundled part). If a predicted class differs, or a logit by more than `TOLERANCE` of the largest, no file
    is kept. Raise `UserError` when the export or the comparison fails.
    """
    _check_libraries()
    check_new(path)
    model = load_run(run)
    seen = images_for([run], images)
    content = _graph(run, model)
    with (
        writing(path, "another file"),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as place,
    ):
        draft = Path(place) / "model.onnx"
        draft.write_bytes(content)
        report = _compare(run, model, draft, path, seen)
        draft.replace(path)
    return report


def _check_libraries() -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError:
            raise UserError(
                f"ONNX files need {name}, which is not installed: run `pip install -r requirements.txt`."
            ) from None


def _graph(run: Run, model: nn.Module) -> bytes:
    """Return the content of the ONNX file. Raise `UserError` for a model that ONNX cannot represent."""
    from torch.onnx.errors import OnnxExporterError

    if 4 * count_parameters(model) > LARGEST:
        raise UserError(f"Run {run.id} exceeds the 2 GB of an ONNX file: export a zip or a folder instead.")
    side = run.config.image_size
    example = torch.rand(2, 3, side, side)  # torch would specialize a batch size of 1 as a constant
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Complete(model).eval(),
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["logits", "probabilities"],
                dynamic_shapes={"images": {0: torch.export.Dim("N")}},
            )
    except OnnxExporterError as error:
        detail = first_line(error).rstrip(".: ")
        raise UserError(
            f"The model {run.config.model} of run {run.id} cannot be converted to ONNX ({detail}): export a "
            "zip or a folder instead."
        ) from None
    assert program is not None, "only exports without dynamo return None"
    proto = program.model_proto
    if not proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise UserError(
            f"The exported {run.config.model} accepts only one number of images: in its code, replace len(x) "
            "by x.shape[0]."
        )
    _tidy(proto)
    _describe(proto, run)
    return proto.SerializeToString(deterministic=True)


def _tidy(proto: Any) -> None:
    """Remove the exporter's metadata, which contains paths of this machine."""
    proto.ClearField("metadata_props")
    for part in (proto.graph, *proto.functions):
        for field in ("metadata_props", "doc_string"):
            part.ClearField(field)
        inner = [*part.node, *part.value_info]
        if part is proto.graph:
            inner += [*part.input, *part.output, *part.initializer]
        for item in inner:
            item.ClearField("metadata_props")
            item.ClearField("doc_string")


def _describe(proto: Any, run: Run) -> None:
    import onnx

    config, side, how = run.config, run.config.image_size, run.config.preprocessing
    proto.producer_name, proto.producer_version = "ViT Lab", __version__
    proto.graph.name = run.id
    proto.doc_string = (
        f"images: float32 [N, 3, {side}, {side}], RGB, 0 to 1, not normalized (the graph does it). "
        "logits, probabilities: float32 [N, classes]."
    )
    about = {
        "run": run.id,
        "architecture": config.model,
        "options": json.dumps(config.options),
        "classes": json.dumps(config.classes or []),
        "data": portable_data(config.data),
        "normalization": json.dumps({"inside": True, "mean": how.mean, "std": how.std}),
        "source": f"ViT Lab {__version__}, torch {torch.__version__}",
    }
    onnx.helper.set_model_props(proto, about)


def _compare(run: Run, model: nn.Module, draft: Path, path: Path, seen: Images) -> OnnxReport:
    """Compare the file with the evaluation used for every accuracy in this project: bytes, loader, model."""
    labels = np.maximum(seen.labels, 0)  # those of the photographs are -1; the logits do not depend on them
    wanted = evaluate(model, Split(seen.pixels, labels)).logits.numpy()  # [N, classes]
    if not np.isfinite(wanted).all():
        raise UserError(f"Run {run.id} gives logits that are not finite: choose a run that did not diverge.")
    try:
        given = _logits(draft, np.asarray(seen.pixels, np.float32) / 255)
    except Exception as error:  # onnxruntime's errors have no common base class
        detail = first_line(error).rstrip(".")
        raise UserError(f"onnxruntime cannot run the ONNX file of run {run.id} ({detail}).") from None
    difference, scale = float(np.abs(given - wanted).max()), float(np.abs(wanted).max())
    differing = int((given.argmax(1) != wanted.argmax(1)).sum())
    if differing or not difference <= TOLERANCE * scale:
        raise UserError(
            f"The ONNX file of run {run.id} was not kept: {differing:,} of {len(wanted):,} predictions "
            f"differ from those of torch, and logits differ by up to {difference:.1e} (at most "
            f"{TOLERANCE * scale:.1e} is allowed)."
        )
    return OnnxReport(path, len(wanted), portable_data(seen.name), difference, scale)


def _logits(file: Path, colors: np.ndarray) -> np.ndarray:
    """Return logits [N, classes] from onnxruntime on the CPU: one image alone, then the rest in batches."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    size = batch_for(colors.shape[-1])
    starts = [0, *range(1, len(colors), size)]
    parts = [colors[a:b] for a, b in zip(starts, [*starts[1:], len(colors)], strict=True)]
    return np.concatenate([np.asarray(session.run(["logits"], {"images": part})[0]) for part in parts])
