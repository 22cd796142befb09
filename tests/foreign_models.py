"""Small models of other libraries with random weights: their files, their outputs and their attention maps.

`CASES` has a function for each kind of model. It returns a `Case` whose `outputs(images)` are those of the
library itself, so that the import is compared with it. No weights are downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

SIZES = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=4)
SIZES_OF_TRANSFORMERS = dict(
    hidden_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=96,
    image_size=32,
    patch_size=8,
    attn_implementation="eager",
)
Outputs = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


@dataclass
class Case:
    """A model, its state dictionary, and a function from images to (logits or features, attention maps).

    The maps are [B, layers, H, T, T].
    """

    model: nn.Module
    state: dict[str, torch.Tensor]
    outputs: Outputs
    classes: int = 0
    settings: dict[str, Any] = field(default_factory=lambda: {"num_heads": 4})  # what the weights do not say


def randomized(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give a model random weights that are not those of an initialization, where many are 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            scale = "norm" in name.lower() or "ln_" in name or "gamma" in name or "lambda" in name
            if p.ndim < 2:
                p.copy_(0.2 * noise + (1 if scale and "bias" not in name else 0))
            else:
                fan_in = p[0].numel() if "token" not in name and "pos" not in name else 1
                p.copy_(noise / fan_in**0.5)
    return model.eval()


def timm_case(model: nn.Module) -> Case:
    """Return the case of a model of timm. Its maps are what enters the dropout of its attention."""
    randomized(model)
    seen: list[torch.Tensor] = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda module, given, output: seen.append(output))

    def outputs(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.clear()
        logits = model(images)
        return logits, torch.stack(seen, dim=1)

    return Case(model, model.state_dict(), outputs, model.num_classes)


def timm_vit(**options: Any) -> Case:
    from timm.models.vision_transformer import VisionTransformer

    return timm_case(VisionTransformer(**{**SIZES, "num_classes": 7, **options}))


def timm_named(name: str, **options: Any) -> Case:
    """Return the case of a published architecture of timm at a small width."""
    import timm

    return timm_case(timm.create_model(name, **{**SIZES, "num_classes": 7, **options}))


def clip_of_timm(**options: Any) -> Case:
    case = timm_named("vit_base_patch16_clip_quickgelu_224", **options)
    case.settings["activation"] = "quick_gelu"
    return case


def projected_clip_of_timm() -> Case:
    """Return an image tower whose head is the projection of CLIP, as in the files of timm."""
    case = clip_of_timm(num_classes=24)
    with torch.no_grad():
        case.model.head.bias.zero_()
    case.classes = 0
    return case


def sized(case: Case) -> Case:
    """Return a case whose images have 32 pixels, which weights without learned positions do not show."""
    case.settings["image_size"] = 32
    return case


def dinov3_of_timm(name: str = "vit_small_patch16_dinov3_qkvb", **options: Any) -> Case:
    return sized(timm_named(name, **{"num_classes": 0, **options}))


TIMM: dict[str, Callable[[], Case]] = {
    "ViT": lambda: timm_named("vit_base_patch16_224"),
    "ViT without a classifier": lambda: timm_named("vit_base_patch16_224", num_classes=0),
    "DeiT": lambda: timm_named("deit_tiny_patch16_224"),
    "DeiT, distilled": lambda: timm_named("deit_tiny_distilled_patch16_224"),
    "DeiT, distilled, without heads": lambda: timm_named("deit_tiny_distilled_patch16_224", num_classes=0),
    "DeiT III": lambda: timm_named("deit3_small_patch16_224"),
    "DINO": lambda: timm_named("vit_small_patch16_224.dino", num_classes=0),
    "DINOv2": lambda: timm_named("vit_small_patch14_dinov2", num_classes=0),
    "DINOv2 with registers": lambda: timm_named("vit_small_patch14_reg4_dinov2", num_classes=0),
    "DINOv3": lambda: dinov3_of_timm("vit_small_patch16_dinov3"),
    "DINOv3 with biases": dinov3_of_timm,
    "MAE": lambda: timm_named("vit_base_patch16_224.mae", num_classes=0),
    "MAE, fine-tuned": lambda: timm_vit(global_pool="avg"),
    "CLIP": lambda: clip_of_timm(num_classes=0),
    "CLIP with its projection": projected_clip_of_timm,
    "mean over patches without CLS": lambda: timm_vit(class_token=False, global_pool="avg", fc_norm=False),
    "registers with positions": lambda: timm_vit(class_token=False, global_pool="avg", reg_tokens=3),
    "no biases": lambda: timm_vit(qkv_bias=False, proj_bias=False),
}


def of_transformers(name: str, *, forward: dict[str, Any] | None = None, **options: Any) -> Case:
    """Return the case of a model of transformers. Without logits, its features are those of CLS."""
    import transformers

    kind = getattr(transformers, name)
    model = randomized(kind(kind.config_class(**{**SIZES_OF_TRANSFORMERS, **options})))

    def outputs(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        given = {key: make(images) for key, make in (forward or {}).items()}
        found = model(images, output_attentions=True, **given)
        read = found.get("logits", found.get("image_embeds"))
        if read is None and name.startswith("CLIP"):
            read = found.pooler_output
        return found.last_hidden_state[:, 0] if read is None else read, torch.stack(found.attentions, dim=1)

    classes = model.config.num_labels if "Classification" in name else 0
    return Case(model, model.state_dict(), outputs, classes)


def in_order(images: torch.Tensor) -> torch.Tensor:
    """Return the noise with which MAE keeps all patches in their order."""
    return torch.arange(16.0).expand(len(images), -1)


TRANSFORMERS: dict[str, Callable[[], Case]] = {
    "ViT": lambda: of_transformers("ViTForImageClassification", num_labels=7),
    "ViT without a classifier": lambda: of_transformers("ViTModel"),
    "ViT without biases": lambda: of_transformers("ViTModel", qkv_bias=False, add_pooling_layer=False),
    "DeiT": lambda: of_transformers("DeiTForImageClassification", num_labels=7),
    "DeiT, distilled": lambda: of_transformers("DeiTForImageClassificationWithTeacher", num_labels=7),
    "DINOv2": lambda: of_transformers("Dinov2Model"),
    "DINOv2 with a classifier": lambda: of_transformers("Dinov2ForImageClassification", num_labels=7),
    "DINOv2 with registers": lambda: of_transformers("Dinov2WithRegistersModel"),
    "DINOv2 with registers and a classifier": lambda: of_transformers(
        "Dinov2WithRegistersForImageClassification", num_labels=7
    ),
    "DINOv3": lambda: sized(of_transformers("DINOv3ViTModel", num_register_tokens=4)),
    "MAE": lambda: of_transformers("ViTMAEModel", mask_ratio=0.0, forward={"noise": in_order}),
    "CLIP": lambda: of_transformers("CLIPVisionModel"),
    "CLIP with its projection": lambda: of_transformers("CLIPVisionModelWithProjection", projection_dim=24),
}


def of_torchvision(**options: Any) -> Case:
    """Return the case of a model of torchvision. Its maps are those of its own attention layers."""
    from torchvision.models import VisionTransformer

    sizes = dict(
        image_size=32, patch_size=8, num_layers=3, num_heads=4, hidden_dim=64, mlp_dim=96, num_classes=7
    )
    model = randomized(VisionTransformer(**{**sizes, **options}))
    seen: list[torch.Tensor] = []

    def look(module: nn.MultiheadAttention, given: tuple[torch.Tensor, ...], output: Any) -> None:
        module._forward_hooks.clear()
        seen.append(module(*given, need_weights=True, average_attn_weights=False)[1])

    def outputs(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.clear()
        for layer in model.encoder.layers:
            layer.self_attention.register_forward_hook(look)
        return model(images), torch.stack(seen, dim=1)

    return Case(model, model.state_dict(), outputs, model.num_classes)


TORCHVISION: dict[str, Callable[[], Case]] = {
    "ViT": of_torchvision,
    "ViT with a representation layer": lambda: of_torchvision(representation_size=40),
}


def released(name: str, **extra: tuple[int, ...]) -> Case:
    """Return a case with the names of a release by its authors, which timm itself translates for its model.

    `extra` are tensors of the release that timm does not have, with their shapes.
    """
    from timm.models.vision_transformer import checkpoint_filter_fn

    case = timm_named(name, num_classes=0)
    renamed = {key: value.clone() for key, value in case.state.items()}
    if "reg_token" in renamed:
        renamed["register_tokens"] = renamed.pop("reg_token")
        position = torch.full_like(renamed["cls_token"], 0.5)
        renamed["pos_embed"] = torch.cat([position, renamed["pos_embed"]], dim=1)
    if name.startswith("deit3"):
        renamed = {
            key.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): value
            for key, value in renamed.items()
        }
    renamed |= {key.replace("__", "."): torch.randn(shape) for key, shape in extra.items()}
    more = {"adapt_layer_scale": True} if name.startswith("deit3") else {}
    case.model.load_state_dict(checkpoint_filter_fn(dict(renamed), case.model, **more), strict=False)
    return Case(case.model, renamed, case.outputs)


def released_dinov3() -> Case:
    """Return a case with the names of DINOv3's authors, whose biases of keys are masked."""
    from timm.models.eva import checkpoint_filter_fn

    case = dinov3_of_timm(global_pool="token")
    named = {"reg_token": "storage_tokens", "gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"}
    state = {}
    for name, value in case.state.items():
        before, _, last = name.rpartition(".")
        if last == "q_bias":
            parts = [value, torch.randn_like(value), case.state[f"{before}.v_bias"]]
            state[f"{before}.qkv.bias"] = torch.cat(parts)
            mask = torch.stack([torch.ones_like(value), torch.zeros_like(value), torch.ones_like(value)])
            state[f"{before}.qkv.bias_mask"] = mask.flatten()
        elif last != "v_bias":
            state[name.replace(last, named.get(last, last))] = value.clone()
    state |= {"mask_token": torch.randn(1, 64), "rope_embed.periods": case.model.rope.periods.bfloat16()}
    case.model.load_state_dict(checkpoint_filter_fn(dict(state), case.model))
    case.state = state
    return case


RELEASES: dict[str, Callable[[], Case]] = {
    "DINO": lambda: released("vit_small_patch16_224.dino", head__mlp__0__weight=(8, 64)),
    "DINOv2": lambda: released("vit_small_patch14_dinov2", mask_token=(1, 64)),
    "DINOv2 with registers": lambda: released("vit_small_patch14_reg4_dinov2", mask_token=(1, 64)),
    "DINOv3": released_dinov3,
    "MAE": lambda: released(
        "vit_base_patch16_224.mae", mask_token=(1, 1, 48), decoder_blocks__0__norm1__weight=(48,)
    ),
    "DeiT III": lambda: released("deit3_small_patch16_224"),
}


def of_openai() -> Case:
    """Return a case with the names of OpenAI's CLIP, which timm itself translates for its model."""
    case = projected_clip_of_timm()
    swaps = [
        ("patch_embed.proj", "conv1"),
        ("pos_embed", "positional_embedding"),
        ("norm_pre", "ln_pre"),
        ("norm1", "ln_1"),
        ("norm2", "ln_2"),
        ("qkv.", "in_proj_"),
        ("attn.proj", "attn.out_proj"),
        ("mlp.fc1", "mlp.c_fc"),
        ("mlp.fc2", "mlp.c_proj"),
        ("blocks.", "transformer.resblocks."),
        ("cls_token", "class_embedding"),
    ]
    # Of the text
    state = {"transformer.resblocks.0.ln_1.weight": torch.ones(8), "logit_scale": torch.ones(())}
    for name, value in case.state.items():
        name = "ln_post" + name[4:] if name.startswith("norm.") else name
        for theirs, openai in swaps:
            name = name.replace(theirs, openai)
        state[f"visual.{name}"] = value
    state["visual.proj"] = state.pop("visual.head.weight").T
    del state["visual.head.bias"]
    for name in ("class_embedding", "positional_embedding"):
        state[f"visual.{name}"] = state[f"visual.{name}"].squeeze()
    return Case(case.model, state, case.outputs)


FAMILIES = {
    "timm": TIMM,
    "transformers": TRANSFORMERS,
    "torchvision": TORCHVISION,
    "the authors' releases": {**RELEASES, "CLIP": of_openai},
}
CASES = {(library, name): make for library, made in FAMILIES.items() for name, make in made.items()}
