"""`explore`: the attention explorer of any Vision Transformer in a notebook, or as an HTML file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dashboard.notebook.attentions import (
    RETURN_WEIGHTS,
    Grid,
    check_size,
    find_grid,
    largest_side,
    most_images,
    read_attentions,
)
from dashboard.notebook.page import Captured, as_document
from vitcore import numbers
from vitcore.data.arrays import Channels, Picture, read_images
from vitcore.errors import UserError
from vitcore.runs.folder import Run, find_run

if TYPE_CHECKING:
    from torch import nn

HEIGHT = 640  # pixels
USUAL_SIDE = 224  # pixels of the images that smaller ones are advised to have
# Scripts run without access to the notebook, and files can be saved. The document's policy forbids loading.
SANDBOX = "allow-scripts allow-downloads"
WITHOUT_MODEL = "Or pass the attention weights that it returns: explore(attentions=..., images=...)."
UNTRUSTED = "Nothing here? Trust this notebook, or run its cell again."


@dataclass(frozen=True)
class Explorer:
    """An attention explorer. Notebooks show it, also after they were saved and opened again.

    `html` is a whole file, which loads nothing from the network.
    """

    html: str = field(repr=False)
    title: str
    images: int
    layers: int
    heads: int
    tokens: int
    height: int = HEIGHT

    @property
    def size(self) -> int:
        """The bytes of the document, and so what it adds to a notebook."""
        return len(self.html.encode())

    def save(self, path: str | Path) -> Path:
        """Write the explorer as an HTML file, and return its path. Raise `UserError` if that fails."""
        file = Path(path)
        try:
            file.write_text(self.html, encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"{file} cannot be written ({error.strerror or error}): choose another path."
            ) from None
        return file

    def _repr_html_(self) -> str:
        """Return the iframe that a notebook shows. An untrusted notebook removes it and shows the note."""
        fill = "position:absolute;top:0;left:0;width:100%;height:100%;border:0"
        return (
            f'<div style="position:relative;width:100%;height:{self.height}px"><p>{UNTRUSTED}</p>'
            f'<iframe title="{html.escape(self.title)}" sandbox="{SANDBOX}" style="{fill}" '
            f'srcdoc="{html.escape(self.html)}"></iframe></div>'
        )


def explore(
    model: str | Path | Run | nn.Module | None = None,
    images: Any = None,
    *,
    attentions: Any = None,
    prefix: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    names: Sequence[str] | None = None,
    title: str = "",
    height: int = HEIGHT,
) -> Explorer:
    """Return the attention explorer of a model on images, or of attention weights.

    `model` is a run, its id or its path, a network of `vitcore`, or a ViT of timm, transformers or
    torchvision, which is converted (`vitcore.exchange.modules`). Without a model, `attentions` holds the
    weights of each layer: `outputs.attentions` of transformers, or any list of [B, heads, T, T], of torch or
    NumPy. `prefix` is the number of tokens before the patches (CLS, distillation, registers). By default it
    follows from T.

    `images` are paths of image files, PIL images, tensors or arrays [B, 3, S, S] with values in 0..1 or
    uint8, or a list of these. `mean` and `std` undo a normalization. A model's files and PIL images are
    cropped and resized as it needs them; all other images must have the pixels that the model saw. `height`
    is that of the explorer in a notebook, in pixels.

    Weights are kept in half precision. They are 11 MB per image of a ViT-B/16 (12 layers x 12 heads x 197
    tokens), and 15 MB in the document. Raise `UserError` with one sentence for everything else, and for a
    document of more than 96 MB.
    """
    if images is None:
        raise UserError(
            "There are no images: pass them as explore(model, images) or explore(attentions=..., images=...)."
        )
    if model is not None and attentions is not None:
        raise UserError("Pass either a model or attentions=, and not both.")
    if model is None and attentions is None:
        raise UserError(
            "There is neither a model nor attention weights: pass explore(model, images), or attentions=. If "
            f"outputs.attentions is None, {RETURN_WEIGHTS}."
        )
    if model is None:
        captured, found = _of_attentions(
            attentions, read_images(images, names=names, mean=mean, std=std), prefix
        )
    else:
        if prefix is not None:
            raise UserError("The model has its own number of prefix tokens: leave out prefix=.")
        captured, found = _of_model(model, images, names, mean, std)
    title = title or found
    layers, heads, tokens, _ = captured[0].weights.shape
    return Explorer(as_document(captured, title), title, len(captured), layers, heads, tokens, height)


def _of_attentions(
    attentions: Any, pictures: list[Picture], prefix: int | None
) -> tuple[list[Captured], str]:
    weights = read_attentions(attentions, len(pictures))
    _, layers, heads, tokens, _ = weights.shape
    grid = find_grid(tokens, prefix, [picture.values.shape[-1] for picture in pictures])
    captured = [Captured(one, of_one, grid) for one, of_one in zip(pictures, weights, strict=True)]
    return captured, f"Attention in {layers} layers of {heads} heads"


def _of_model(
    model: str | Path | Run | nn.Module,
    images: Any,
    names: Sequence[str] | None,
    mean: Channels | None,
    std: Channels | None,
) -> tuple[list[Captured], str]:
    import torch

    from vitcore.analysis.attention import capture
    from vitcore.preprocessing import preprocessing_of

    net, classes, title = _network(model)
    how, size = preprocessing_of(net), net.image_size
    pictures = read_images(images, names=names, mean=mean, std=std, crop=(size, how))
    for picture in pictures:
        if (side := picture.values.shape[-1]) != size:
            raise UserError(
                f"{picture.name} has {side} x {side} pixels, but {title} takes {size} x {size}: resize it, "
                "or pass files or PIL images, which are cropped and resized."
            )
    first = ["cls"] * net.has_cls + ["distillation"] * net.distilled
    registers = range(1, 1 + net.prefix_tokens - len(first))
    names_of_tokens = (*first, *(f"register{number}" for number in registers))
    grid = Grid(net.prefix_tokens, net.grid, names_of_tokens)
    sizes = len(net.blocks), net.blocks[0].attn.heads, grid.tokens
    check_size(len(pictures), *sizes, _smaller(model, net))
    center, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in (how.mean, how.std))
    captured = []
    for picture in pictures:  # one at a time, for the sake of memory
        trace = capture(net, (torch.from_numpy(picture.values)[None] - center) / spread)
        chances = trace.logits[0].softmax(dim=0).numpy() if classes else np.zeros(0)
        captured.append(Captured(picture, trace.weights[0].numpy(), grid, chances, classes))
    return captured, title


def _smaller(model: Any, net: Any) -> str:
    """Return how to make the document of a model smaller: fewer images if one fits, and smaller images."""
    layers, heads, patch = len(net.blocks), net.blocks[0].attn.heads, net.image_size // net.grid
    fitting = most_images(layers, heads, net.prefix_tokens + net.grid**2)
    side = patch * max(1, min(largest_side(layers, heads, net.prefix_tokens), USUAL_SIDE // patch))
    smaller = f"python -m vitcore import SOURCE --set image_size={side}`, and pass the id of that run"
    if hasattr(model, "pretrained_cfg"):  # of timm
        advice = f"create the model with timm.create_model(NAME, img_size={side})"
    elif isinstance(model, str | Path | Run):
        advice = f"import its weights for smaller images with `{smaller}"
    else:
        advice = f"save its weights, import them for smaller images with `{smaller}"
    return f"pass at most {numbers.count(fitting, 'image')} at a time, or {advice}" if fitting else advice


def _network(model: str | Path | Run | nn.Module) -> tuple[Any, tuple[str, ...], str]:
    """Return (our ViT in evaluation mode, the names of its classes, its title). Raise `UserError`."""
    from torch import nn

    from vitcore.analysis.attention import needs_attention
    from vitcore.data.datasets import class_names
    from vitcore.exchange.modules import convert
    from vitcore.models import load_run

    if isinstance(model, str | Path | Run):
        run = model if isinstance(model, Run) else find_run(model)
        classes = class_names(run.config) if run.config.has_classifier else ()
        return needs_attention(load_run(run)), classes, run.title
    if not isinstance(model, nn.Module):
        raise UserError(
            f"The model is of type {type(model).__name__}: pass a run, its id, or a network, or weights with "
            "attentions=."
        )
    try:
        found = convert(model)
    except UserError as error:
        raise UserError(f"{str(error).rstrip('.')}. {WITHOUT_MODEL}") from None
    return needs_attention(found.network), found.config.classes or (), type(found.source).__name__
