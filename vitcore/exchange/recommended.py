"""Names of the Hugging Face Hub, and its models that ViT Lab proposes. Imports nothing heavy.

Sizes, images and licenses are those that timm states (tests/process/test_recommended.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_repository(source: str) -> bool:
    """Return whether a text can be the name of a repository, such as `timm/deit_tiny_patch16_224.fb_in1k`."""
    return REPOSITORY.fullmatch(source) is not None


@dataclass(frozen=True)
class Recommended:
    """A model of the Hub. `pixels` is the side of its images, `megabytes` the size of its download."""

    repository: str
    label: str
    parameters: int
    patch: int  # 0 for a ResNet
    pixels: int
    trained_on: str
    license: str
    classes: int  # 0 for a model without a classifier

    @property
    def megabytes(self) -> int:
        """The size of its weights in float32."""
        return round(4 * self.parameters / 1e6)


RECOMMENDED = (
    Recommended(
        repository="timm/deit_tiny_patch16_224.fb_in1k",
        label="DeiT-Ti/16",
        parameters=5_717_416,
        patch=16,
        pixels=224,
        trained_on="ImageNet-1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/deit_small_distilled_patch16_224.fb_in1k",
        label="DeiT-S/16, distilled",
        parameters=22_436_432,
        patch=16,
        pixels=224,
        trained_on="ImageNet-1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/deit3_small_patch16_224.fb_in22k_ft_in1k",
        label="DeiT III S/16",
        parameters=22_059_496,
        patch=16,
        pixels=224,
        trained_on="ImageNet-22k, then 1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        label="ViT-Ti/16",
        parameters=5_717_416,
        patch=16,
        pixels=224,
        trained_on="ImageNet-21k, then 1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
        label="ViT-S/16",
        parameters=22_050_664,
        patch=16,
        pixels=224,
        trained_on="ImageNet-21k, then 1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
        label="ViT-B/16",
        parameters=86_567_656,
        patch=16,
        pixels=224,
        trained_on="ImageNet-21k, then 1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/vit_base_patch32_224.augreg_in21k_ft_in1k",
        label="ViT-B/32",
        parameters=88_224_232,
        patch=32,
        pixels=224,
        trained_on="ImageNet-21k, then 1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/vit_small_patch16_224.dino",
        label="DINO S/16",
        parameters=21_665_664,
        patch=16,
        pixels=224,
        trained_on="ImageNet-1k without labels",
        license="apache-2.0",
        classes=0,
    ),
    Recommended(
        repository="timm/vit_small_patch8_224.dino",
        label="DINO S/8",
        parameters=21_670_272,
        patch=8,
        pixels=224,
        trained_on="ImageNet-1k without labels",
        license="apache-2.0",
        classes=0,
    ),
    Recommended(
        repository="timm/vit_small_patch14_dinov2.lvd142m",
        label="DINOv2 S/14",
        parameters=22_056_192,
        patch=14,
        pixels=518,
        trained_on="LVD-142M without labels",
        license="apache-2.0",
        classes=0,
    ),
    Recommended(
        repository="timm/vit_small_patch14_reg4_dinov2.lvd142m",
        label="DINOv2 S/14, 4 registers",
        parameters=22_057_344,
        patch=14,
        pixels=518,
        trained_on="LVD-142M without labels",
        license="apache-2.0",
        classes=0,
    ),
    Recommended(
        repository="timm/vit_small_patch16_dinov3.lvd1689m",
        label="DINOv3 S/16",
        parameters=21_586_944,
        patch=16,
        pixels=256,
        trained_on="LVD-1689M without labels",
        license="dinov3-license",
        classes=0,
    ),
    Recommended(
        repository="timm/vit_base_patch16_224.mae",
        label="MAE B/16",
        parameters=85_798_656,
        patch=16,
        pixels=224,
        trained_on="ImageNet-1k without labels",
        license="cc-by-nc-4.0",
        classes=0,
    ),
    Recommended(
        repository="timm/resnet18.a1_in1k",
        label="ResNet-18",
        parameters=11_689_512,
        patch=0,
        pixels=224,
        trained_on="ImageNet-1k",
        license="apache-2.0",
        classes=1000,
    ),
    Recommended(
        repository="timm/resnet50.a1_in1k",
        label="ResNet-50",
        parameters=25_557_032,
        patch=0,
        pixels=224,
        trained_on="ImageNet-1k",
        license="apache-2.0",
        classes=1000,
    ),
)
