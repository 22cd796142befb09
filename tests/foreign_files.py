"""Files with weights of other libraries, and what the importer says about each.

The files have the names of tensors that the published models have, random weights, and few channels and
blocks. `python -m tests.foreign_files` prints the table in docs/models.md, with which
`tests/process/test_foreign_table.py` compares the importer.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.foreign_models import RELEASES, SIZES, SIZES_OF_TRANSFORMERS, of_openai

FILE = "model.pt"
SWIN = {"embed_dim": 24, "depths": (1, 1), "num_heads": (2, 4), "num_classes": 2}


def of_timm(name: str, **options: Any) -> nn.Module:
    import timm

    return timm.create_model(name, **{**SIZES, "num_classes": 7, **options})


def of_timm_alone(name: str, **options: Any) -> nn.Module:
    """Return a model of timm whose sizes have other names than those of a ViT."""
    import timm

    return timm.create_model(name, **options)


def of_transformers(name: str, **options: Any) -> nn.Module:
    import transformers

    kind = getattr(transformers, name)
    return kind(kind.config_class(**{**SIZES_OF_TRANSFORMERS, **options}))


def of_torchvision(name: str, **options: Any) -> nn.Module:
    import torchvision

    return getattr(torchvision.models, name)(**options)


def swin_of_transformers() -> nn.Module:
    from transformers import SwinConfig, SwinModel

    return SwinModel(SwinConfig(embed_dim=24, depths=[1, 1], num_heads=[2, 4]))


def within(prefix: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return a state dictionary whose names begin with those of other modules."""
    return {f"{prefix}{name}": value for name, value in state.items()}


def teacher_and_student() -> dict[str, Any]:
    state = within("module.backbone.", RELEASES["DINO"]().state)
    return {"teacher": state, "student": dict(state), "epoch": 3}


def lightning() -> dict[str, Any]:
    state = within("model._orig_mod.", of_timm("vit_base_patch16_224").state_dict())
    return {"state_dict": state, "epoch": 3, "global_step": 90, "pytorch-lightning_version": "2.6"}


Made = Callable[[], Any]  # returns what is saved; the state dictionary of a module
FILES: dict[str, Made] = {
    "timm: `vit_base_patch16_224`": lambda: of_timm("vit_base_patch16_224"),
    "timm: `deit_base_distilled_patch16_224`": lambda: of_timm("deit_base_distilled_patch16_224"),
    "timm: `vit_base_patch14_reg4_dinov2`": lambda: of_timm("vit_base_patch14_reg4_dinov2", num_classes=0),
    "timm: `vit_small_patch16_dinov3`": lambda: of_timm("vit_small_patch16_dinov3", num_classes=0),
    "timm: `resnet50`": lambda: of_timm_alone("resnet50", layers=(1, 1, 1, 1)),
    "transformers: `ViTForImageClassification`": lambda: of_transformers("ViTForImageClassification"),
    "transformers: `Dinov2WithRegistersModel`": lambda: of_transformers("Dinov2WithRegistersModel"),
    "transformers: `ViTMAEModel`": lambda: of_transformers("ViTMAEModel"),
    "transformers: `CLIPVisionModelWithProjection`": lambda: of_transformers("CLIPVisionModelWithProjection"),
    "torchvision: `vit_b_16`": lambda: of_torchvision("vit_b_16", num_classes=7, image_size=32),
    "torchvision: `resnet18`": lambda: of_torchvision("resnet18"),
    "the authors: DINO, `teacher` and `student` with `module.backbone.`": teacher_and_student,
    "the authors: MAE with its decoder": lambda: RELEASES["MAE"]().state,
    "the authors: DeiT III": lambda: RELEASES["DeiT III"]().state,
    "the authors: CLIP with its text tower": lambda: of_openai().state,
    "Lightning: a timm ViT, compiled": lightning,
    "timm: `swin_tiny_patch4_window7_224`": lambda: of_timm_alone("swin_tiny_patch4_window7_224", **SWIN),
    "timm: `swinv2_tiny_window8_256`": lambda: of_timm_alone("swinv2_tiny_window8_256", **SWIN),
    "torchvision: `swin_t`": lambda: of_torchvision("swin_t"),
    "transformers: `SwinModel`": swin_of_transformers,
    "timm: `vit_base_patch16_siglip_224`": lambda: of_timm("vit_base_patch16_siglip_224", num_classes=0),
    "transformers: `SiglipVisionModel`": lambda: of_transformers("SiglipVisionModel"),
    "timm: `beit_base_patch16_224`": lambda: of_timm("beit_base_patch16_224"),
    "transformers: `BeitModel`": lambda: of_transformers("BeitModel"),
    "timm: `cait_xxs24_224`": lambda: of_timm("cait_xxs24_224"),
    "timm: `convnext_atto`": lambda: of_timm_alone("convnext_atto"),
    "timm: `eva02_tiny_patch14_224`": lambda: of_timm("eva02_tiny_patch14_224"),
    "timm: `vit_small_plus_patch16_dinov3`": lambda: of_timm("vit_small_plus_patch16_dinov3"),
    "timm: `vit_relpos_base_patch16_224`": lambda: of_timm("vit_relpos_base_patch16_224"),
    "timm: `resnet50d`": lambda: of_timm_alone("resnet50d", layers=(1, 1, 1, 1)),
    "timm: a ViT with norms of queries": lambda: of_timm("vit_base_patch16_224", qk_norm=True),
    "torch.save(model): a module of timm": lambda: [of_timm("vit_base_patch16_224")],
}


def write(name: str, folder: Path) -> Path:
    """Write the file of an entry of `FILES`."""
    made = FILES[name]()
    if isinstance(made, nn.Module):
        made = made.state_dict()
    elif isinstance(made, list):  # not as a state dictionary
        made = made[0]
    torch.save(made, folder / FILE)
    return folder / FILE


def answer(file: Path) -> str:
    """Import a file, and return what is said about it: as what it was imported, or why it was refused."""
    from vitcore.errors import UserError
    from vitcore.exchange.checkpoint import import_checkpoint

    try:
        run = import_checkpoint(file)
    except UserError as error:
        return f"refused: {error}"
    config, said = run.config, dict(part.partition(": ")[::2] for part in run.status().reason.split("; "))
    kind = next(part.removeprefix("it is ") for part in said if part.startswith("it is "))
    classes = f"{config.num_classes:,} classes" if config.num_classes else "without a classifier"
    left_out = f"; left out: {said['left out']}" if "left out" in said else ""
    return f"imported as {kind}, {classes}{left_out}"


def rows() -> Iterator[tuple[str, str]]:
    """Yield what each file is, and the importer's answer. The runs are removed."""
    for name in FILES:
        with tempfile.TemporaryDirectory() as folder:
            before, os.environ["VITLAB_RUNS"] = os.environ.get("VITLAB_RUNS"), str(Path(folder) / "runs")
            try:
                yield name, answer(write(name, Path(folder)))
            finally:
                os.environ.pop("VITLAB_RUNS")
                os.environ.update({"VITLAB_RUNS": before} if before else {})


if __name__ == "__main__":
    print("| file | what the importer says |\n|---|---|")
    for name, said in rows():
        print(f"| {name} | {said} |", flush=True)
