"""Largest differences between models of other libraries and ours after the import, as a table in Markdown.

    python -m tests.benchmarks.families           # small models with random weights
    python -m tests.benchmarks.families --real    # the architectures of timm at their real sizes
    python -m tests.benchmarks.families --resnets # ResNets, small ones and those of real sizes

Logits (features where there is no classifier) and attention maps are compared with those of the library. The
column of positions is the largest difference of the logits after the positions have been interpolated to
another image size, by ours and by timm. Rotary positions need no interpolation. ResNets have no attention
maps, so that the feature maps after all four stages are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from tests.foreign_models import CASES, RELEASES, TIMM, Case, timm_named
from tests.foreign_resnets import REAL as REAL_RESNETS
from tests.foreign_resnets import SMALL as SMALL_RESNETS
from vitcore.exchange.families import About, family_of, read, unwrapped
from vitcore.models import build
from vitcore.networks.resnet import ResNet
from vitcore.networks.vit import ViT

REAL = (
    "vit_base_patch16_224",
    "deit_base_distilled_patch16_224",
    "vit_base_patch16_224.mae",
    "vit_base_patch14_dinov2",
    "vit_base_patch14_reg4_dinov2",
    "vit_small_patch16_dinov3",
    "vit_base_patch16_clip_quickgelu_224",
)
OTHER_SIDE = 6  # patches, unlike any of the models


def ours(case: Case, **settings: object) -> ViT:
    """Return our network with the translated weights of a case."""
    tensors = unwrapped(case.state)
    family = family_of(tensors)
    assert family is not None
    found = read(family, tensors, About(), {**case.settings, **settings}, "model")
    model = build("vit", num_classes=found.classes, image_size=found.image_size, **found.options).eval()
    model.load_state_dict(found.tensors)
    assert isinstance(model, ViT)
    return model


def differences(case: Case, size: int) -> tuple[float, float]:
    """Return the largest differences of the logits and of the attention maps."""
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    trace, (outputs, maps) = ours(case, image_size=size).trace(images), case.outputs(images)
    return float((trace.logits - outputs).abs().max()), float((trace.weights - maps).abs().max())


def rows() -> list[tuple[str, Callable[[], Case]]]:
    if "--real" not in sys.argv:
        return [(f"{library}: {name}", make) for (library, name), make in CASES.items()]
    none = dict.fromkeys(("img_size", "patch_size", "embed_dim", "depth", "num_heads"))

    def real(name: str) -> Case:
        case = timm_named(name, **none)
        case.settings.pop("num_heads")
        case.settings |= {"activation": "quick_gelu"} if "quickgelu" in name else {}
        return case

    return [(name, lambda name=name: real(name)) for name in REAL]


@torch.no_grad()
def resnets() -> None:
    """Print the table of the ResNets: small ones on images of 64 pixels, real ones on 224."""
    print("| model | logits | feature maps |\n|---|---|---|")
    for name, make in {**SMALL_RESNETS, **REAL_RESNETS}.items():
        case, size = make(), 224 if name in REAL_RESNETS else 64
        tensors = unwrapped(case.state)
        family = family_of(tensors)
        assert family is not None
        found = read(family, tensors, About(), {}, "model")
        model = build("resnet", num_classes=found.classes, image_size=size, **found.options).eval()
        model.load_state_dict(found.tensors)
        images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
        logits, maps = case.outputs(images)
        assert isinstance(model, ResNet)
        pairs = [(a - b).abs().max() for a, b in zip(model.stages(images), maps, strict=True)]
        largest = float(torch.stack(pairs).max())
        print(f"| {name} | {float((model(images) - logits).abs().max()):.1e} | {largest:.1e} |", flush=True)


@torch.no_grad()
def main() -> None:
    """Print the table."""
    if "--resnets" in sys.argv:
        return resnets()
    print("| model | logits | maps | positions |\n|---|---|---|---|")
    of_timm = {*TIMM.values(), *RELEASES.values()}
    for name, make in rows():
        case = make()
        model = ours(case)
        logits, maps = differences(case, model.image_size)
        positions = "-"
        if "--real" in sys.argv or make in of_timm or model.blocks[0].attn.rotary:
            size = OTHER_SIDE * model.patch_size
            if hasattr(case.model, "set_input_size"):  # of timm
                case.model.set_input_size(size)  # type: ignore[operator]
            positions = f"{differences(case, size)[0]:.1e}"
        print(f"| {name} | {logits:.1e} | {maps:.1e} | {positions} |", flush=True)


if __name__ == "__main__":
    main()
