"""Outputs of vit-explain and pytorch-grad-cam on small models, with which the tests compare ours.

`reference_outputs.json` holds them, because vit-explain is not a package and pytorch-grad-cam needs OpenCV.
To make the file again, get the code of both (MIT licenses) and install what it imports. The last command
takes the two folders:

    git clone https://github.com/jacobgil/vit-explain
    git -C vit-explain checkout 15a81d355a5aa6128ea4e71bbd56c28888d0f33b
    git clone https://github.com/jacobgil/pytorch-grad-cam
    git -C pytorch-grad-cam checkout 084273b3f30b54ad0c64cf8020a4337d979a66e0
    pip install opencv-python-headless ttach scikit-learn scipy
    python -m tests.reference_outputs vit-explain pytorch-grad-cam

The models are a ViT and a ResNet of timm, the library for whose ViTs both were written. Weights and images
are random numbers of numpy with fixed seeds, since the initialization of torch may change with its version.

vit-explain returns a mask, which it divides by its largest value. Two of each are stored. `published` is
that of the code as it is. `corrected` is that of the same code after these corrections, which are made
below:

- Both rollouts divide column j by the sum of row j, because `a.sum(dim=-1)` lacks `keepdim`. Here rows are
  divided by their own sums.
- The gradient rollout multiplies the weights of the first layer by the gradients of the last, because the
  hooks collect gradients from the last layer to the first. Here they are put in the order of the layers.
- These gradients are those for the scores before the softmax. The hook is on a dropout that returns its
  input itself in evaluation mode, so that torch hands it the gradient of the softmax's input. Here the
  dropout is replaced by a copy, and the gradients are those for the attention weights.

The map of pytorch-grad-cam is stored as `GradCAM.get_cam_image` returns it, before negative values become 0
and before it is scaled and resized.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FILE = Path(__file__).with_suffix(".json")
FUSIONS, DISCARDS = ("mean", "max", "min"), (0.0, 0.5, 0.9)
CLASS = 3
SIDE = 4  # patches per side of the ViT
COLUMNS, ROWS = "a.sum(dim=-1)", "a.sum(dim=-1, keepdim=True)"


def small_vit() -> nn.Module:
    """Return a ViT of timm with fixed weights, whose attention is not fused, so that hooks can see it."""
    from timm.models.vision_transformer import VisionTransformer

    model = filled(
        VisionTransformer(
            img_size=32, patch_size=32 // SIDE, embed_dim=32, depth=3, num_heads=4, num_classes=7
        )
    )
    for block in model.blocks:
        block.attn.fused_attn = False
    return model


def small_resnet() -> nn.Module:
    """Return a ResNet of timm with fixed weights."""
    from timm.models.resnet import BasicBlock, ResNet

    return filled(ResNet(BasicBlock, (1, 1, 1, 1), num_classes=7, channels=(8, 12, 16, 24)))


def image(side: int) -> torch.Tensor:
    """Return a normalized image of noise. -> [1, 3, side, side]"""
    return torch.from_numpy(np.random.default_rng(1).standard_normal((1, 3, side, side))).float()


def filled(model: Any) -> Any:
    """Give a model random weights and statistics that depend only on the names and shapes of its tensors."""
    rng = np.random.default_rng(0)
    for name, values in sorted(model.state_dict().items()):
        noise = torch.from_numpy(rng.standard_normal(values.shape)) if values.is_floating_point() else values
        if values.ndim == 1:
            scale = name.endswith((".weight", ".running_var"))  # of a norm
            noise = 1 + 0.2 * noise.abs() if scale else 0.2 * noise
        elif values.ndim and name not in ("cls_token", "pos_embed"):
            noise = noise / values[0].numel() ** 0.5
        values.copy_(noise)
    return model.eval()


def stored() -> dict[str, Any]:
    """Return the stored outputs."""
    return json.loads(FILE.read_text(encoding="utf-8"))


class Copied(nn.Module):
    """Takes the place of a dropout of rate 0, and returns a copy and not its input itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clone()


def loaded(path: Path, *, correct: bool) -> types.ModuleType:
    """Return a module of vit-explain. If `correct`, it divides rows by their own sums."""
    text = path.read_text(encoding="utf-8")
    if text.count(COLUMNS) != 1:
        raise SystemExit(f"{path} is another version: check out the commit named in this file.")
    module = types.ModuleType(path.stem)
    exec(compile(text.replace(COLUMNS, ROWS) if correct else text, str(path), "exec"), module.__dict__)
    return module


def rollouts(folder: Path) -> list[dict[str, Any]]:
    """Return the masks of `VITAttentionRollout` for all fusions and discard ratios."""
    found = []
    for fusion in FUSIONS:
        for discard in DISCARDS:
            masks = {}
            for name in ("published", "corrected"):
                module = loaded(folder / "vit_rollout.py", correct=name == "corrected")
                method = module.VITAttentionRollout(small_vit(), head_fusion=fusion, discard_ratio=discard)
                masks[name] = numbers(method(image(32)))
            found.append({"fusion": fusion, "discard": discard, **masks})
    return found


def gradient_rollouts(folder: Path) -> list[dict[str, Any]]:
    """Return the masks of `VITAttentionGradRollout` for all discard ratios."""
    file, found = folder / "vit_grad_rollout.py", []
    for discard in DISCARDS:
        published = loaded(file, correct=False).VITAttentionGradRollout(small_vit(), discard_ratio=discard)
        mask = published(image(32), CLASS)
        model: Any = small_vit()
        for block in model.blocks:
            block.attn.attn_drop = Copied()
        module = loaded(file, correct=True)
        corrected = module.VITAttentionGradRollout(model, discard_ratio=discard)
        corrected(image(32), CLASS)
        in_order = corrected.attention_gradients[::-1]
        right = module.grad_rollout(corrected.attentions, in_order, discard)
        found.append({"discard": discard, "published": numbers(mask), "corrected": numbers(right)})
    return found


def grad_cams(folder: Path) -> dict[str, Any]:
    """Return the maps of `GradCAM` for the ViT, and for every stage of the ResNet."""
    sys.path.insert(0, str(folder))
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from pytorch_grad_cam.utils.reshape_transforms import vit_reshape_transform

    class Unscaled(GradCAM):
        """Grad-CAM that also keeps the map before it is scaled."""

        def get_cam_image(self, *given: Any, **options: Any) -> np.ndarray:
            self.map = super().get_cam_image(*given, **options)
            return self.map

    def reshape(tokens: torch.Tensor) -> torch.Tensor:
        return vit_reshape_transform(tokens, SIDE, SIDE)

    def run(model: nn.Module, layer: nn.Module, side: int, transform: Any = None) -> list[Any]:
        method = Unscaled(model, [layer], transform)
        method(image(side), [ClassifierOutputTarget(CLASS)])
        return numbers(method.map[0])

    vit: Any = small_vit()
    resnet: Any = small_resnet()
    stages = [getattr(resnet, f"layer{i}")[-1] for i in range(1, 5)]
    return {
        "vit": run(vit, vit.blocks[-1].norm1, 32, reshape),
        "resnet": [run(resnet, stage, 64) for stage in stages],
    }


def numbers(values: np.ndarray) -> list[Any]:
    """Return an array as lists of numbers with seven significant digits."""
    if values.ndim > 1:
        return [numbers(part) for part in values]
    return [float(f"{value:.7g}") for value in values]


def main() -> None:
    explain, cam = map(Path, sys.argv[1:])
    found = {
        "rollout": rollouts(explain),
        "gradient rollout": gradient_rollouts(explain),
        "Grad-CAM": grad_cams(cam),
    }
    FILE.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
