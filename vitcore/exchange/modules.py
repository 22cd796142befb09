"""Convert modules in memory into our networks: those of ViT Lab, and ViTs and ResNets of timm and others.

A file of weights is converted by the same rules (`vitcore.exchange.families`). A module also says what its
weights do not show, and the conversion is checked: both must give the same outputs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vitcore.config import PHOTOS, Config, build_config
from vitcore.errors import UserError, first_line
from vitcore.exchange import families
from vitcore.exchange.families import MALFORMED, About, about_of
from vitcore.exchange.families.classes import class_names, distinct
from vitcore.exchange.shapes import read_shapes
from vitcore.models import Built, build_for, built_from, shapes_of, weights_of
from vitcore.networks.vit import ViT
from vitcore.preprocessing import preprocessing_of

CLOSE = 1e-3  # largest accepted difference of the outputs, relative to the largest output (at least 1)
ADVICE = "choose another file."  # ends the sentences about files
INSTEAD = "a ViT or a ResNet of ViT Lab, timm, transformers or torchvision can be converted"


@dataclass(frozen=True)
class Converted:
    """A network of ours with the weights of a module, in evaluation mode and float32 on the CPU.

    `config` describes the network as an imported run does. `pixels_known` says whether its normalization
    comes from the module and is not assumed.
    """

    source: nn.Module
    config: Config
    network: nn.Module
    kind: str  # what the module is, with its article
    pixels_known: bool

    def refresh(self) -> nn.Module:
        """Copy the current weights of the module into the network, and return the network."""
        self.network.load_state_dict(_translated(self.source)[1])
        return self.network


def convert(module: nn.Module, *, image_size: int | None = None, recipe: str = "imported") -> Converted:
    """Return our network with the weights of a module.

    `image_size` is needed for our convolutional networks that were not made for 32 x 32 pixels. `recipe` is
    that of the configuration. The module and torch's random state are not changed. Raise `UserError` for a
    module that cannot be converted, or whose outputs differ from those of the result.
    """
    module = unwrapped(module)
    described, state = _translated(module)
    if image_size and described.fixed_size not in (None, image_size):
        raise UserError(
            f"The images have {image_size} pixels per side, but {type(module).__name__} takes "
            f"{described.fixed_size}: resize them."
        )
    values = dict(described.values)
    if image_size and described.fixed_size is None:
        values["image_size"] = image_size
    config = build_config(**values, recipe=recipe, data=PHOTOS)
    config = config.model_copy(update={"classes": described.classes})
    with torch.random.fork_rng(devices=[]):
        network = build_for(config).eval()
    network.load_state_dict(state)
    found = Converted(module, config, network, described.kind, described.pixels_known)
    _check_outputs(found)
    return found


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside of torch.compile, DataParallel and DistributedDataParallel."""
    while isinstance(inner := getattr(module, "_orig_mod", getattr(module, "module", None)), nn.Module):
        module = inner
    return module


@dataclass(frozen=True)
class _Described:
    """The settings of a configuration that a module determines. Without `fixed_size`, it takes any size."""

    values: dict[str, Any]
    classes: tuple[str, ...]
    kind: str
    fixed_size: int | None
    pixels_known: bool


def _translated(module: nn.Module) -> tuple[_Described, dict[str, torch.Tensor]]:
    """Return the description of a module, and its weights under our names. Raise `UserError`."""
    if (built := built_from(module)) or type(module) is ViT:
        return _ours(module, built or _built_vit(module)), weights_of(module)
    return _foreign(module)


def _ours(module: nn.Module, built: Built) -> _Described:
    return _Described(
        {
            "model": built.name,
            "options": built.options,
            "image_size": built.image_size,
            "preprocessing": preprocessing_of(module).model_dump(),
        },
        class_names(built.num_classes),
        f"a {type(module).__name__} of ViT Lab",
        built.image_size if hasattr(module, "patch_size") else None,
        hasattr(module, "preprocessing"),
    )


def _built_vit(module: nn.Module) -> Built:
    """Return what `build` would have to be given for a ViT that was made without it."""
    assert isinstance(module, ViT)
    state, first = module.state_dict(), module.blocks[0]
    found = read_shapes("vit", shapes_of(state))
    assert found is not None, "it has the names of our ViT"
    options = {
        **found.options,
        "num_heads": first.attn.heads,
        "norm": first.norm,
        "pool": module.pool,
        "norm_tokens": module.norm_tokens,
        "cls_position": module.cls_position,
        **_of_layers(first),
    }
    if "pos_embedding" not in state:
        fixed = "sincos" if bool(module.pos_embedding.any()) else "none"
        options["position"] = fixed if first.attn.rotary is None else "rotary"
    return Built("vit", options, found.classes, module.image_size)


def _foreign(module: nn.Module) -> tuple[_Described, dict[str, torch.Tensor]]:
    name = type(module).__name__
    state = {key: value.detach().cpu() for key, value in module.state_dict().items()}
    if other := families.other_of(state.keys()):
        raise UserError(f"{name} {other.refusal(state.keys())}: {INSTEAD}.")
    tensors = families.unwrapped(state)
    family = families.family_of(tensors)
    if family is None:
        raise UserError(f"{name} is not a supported network: {INSTEAD}.")
    try:
        about = _about(module)
    except MALFORMED:
        raise UserError(
            f"The configuration of {name} describes no model of timm or transformers: {INSTEAD}."
        ) from None
    try:
        found = families.read(family, tensors, about, _of_layers(module), name)
    except UserError as error:
        sentence = str(error)
        raise UserError(sentence.replace(ADVICE, f"{INSTEAD}.")) from None
    classes = class_names(found.classes)
    if about.classes and len(about.classes) == found.classes:
        classes = distinct(about.classes)
    values = {
        "model": found.network,
        "options": found.options,
        "image_size": found.image_size,
        "preprocessing": {**found.pixels, **about.preprocessing},
    }
    known = "mean" in about.preprocessing
    learned = found.network == "vit" and "pos_embedding" in found.tensors
    fixed_size = found.image_size if learned else None
    return _Described(values, classes, family.name, fixed_size, known), found.tensors


def _about(module: nn.Module) -> About:
    """Return what the configuration says that timm or transformers attach to their modules."""
    config: Any = getattr(module, "config", None)
    if hasattr(config, "to_dict"):
        return about_of(config.to_dict(), {})
    pretrained, pool = (getattr(module, name, None) for name in ("pretrained_cfg", "global_pool"))
    if isinstance(pretrained, Mapping) and pretrained.get("architecture"):
        size = getattr(getattr(module, "patch_embed", None), "img_size", None)  # of the module as it is
        return about_of(
            {
                "architecture": pretrained["architecture"],
                "num_features": getattr(module, "num_features", None),
                "global_pool": getattr(pool, "pool_type", pool),  # a ResNet has a module
                "pretrained_cfg": {**pretrained, **({"input_size": size} if size else {})},
            },
            {},
        )
    return About()


def _of_layers(module: nn.Module) -> dict[str, Any]:
    """Return the options that the layers of a module show: heads, epsilon of the norms and activation."""
    found: dict[str, Any] = {}
    for layer in module.modules():
        heads = getattr(layer, "num_heads", getattr(layer, "num_attention_heads", None))
        if isinstance(heads, int):
            found.setdefault("num_heads", heads)
        if isinstance(layer, nn.LayerNorm | nn.BatchNorm2d):
            found.setdefault("norm_eps", layer.eps)
        if isinstance(layer, nn.GELU):
            found.setdefault("activation", "gelu_tanh" if layer.approximate == "tanh" else "gelu")
        elif type(layer).__name__.startswith("QuickGELU"):
            found.setdefault("activation", "quick_gelu")
    return found


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode, and restore the mode of each of its parts."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


@torch.no_grad()
def _check_outputs(found: Converted) -> None:
    """Raise `UserError` unless the network gives the outputs of the module for two random images."""
    size, name = found.config.image_size, type(found.source).__name__
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    weight = next(found.source.parameters())
    try:
        with evaluating(found.source), torch.autocast(weight.device.type, enabled=False):
            outputs = _candidates(found.source(images.to(weight.device, weight.dtype)))
    except Exception as error:  # its `forward` is code of others
        raise UserError(
            f"{name} could not be compared with our network ({first_line(error)}): its `forward` must take "
            f"images [B, 3, {size}, {size}]."
        ) from None
    wanted = found.network(images)
    loose = 1 if weight.dtype == torch.float32 else 50  # half precision has fewer digits
    limit = loose * CLOSE * max(1.0, float(wanted.abs().max()))
    differences = [float((output - wanted).abs().max()) for output in outputs if output.shape == wanted.shape]
    if not differences or not min(differences) <= limit:
        how = f"by {min(differences):.2g}" if differences else "in shape"
        raise UserError(
            f"{name} looks like {found.kind}, but its outputs differ from those of our network {how}: it "
            "computes something else than the published models, and cannot be converted."
        )


def _candidates(output: Any) -> list[torch.Tensor]:
    """Return what may be the logits or the features [B, F] in the output of a module, in float32."""
    names = ("logits", "image_embeds", "last_hidden_state", "pooler_output")
    parts = [output, *(getattr(output, name, None) for name in names)]
    if isinstance(output, tuple | list):
        parts += output
    found = [part.detach().float().cpu() for part in parts if isinstance(part, torch.Tensor)]
    return [part[:, 0] if part.ndim == 3 else part for part in found if part.ndim in (2, 3)]
