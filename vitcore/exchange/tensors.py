"""Find the weights in files of PyTorch and safetensors.

`read_file` returns the plain content. `named_tensors` finds the weights in it and removes the prefixes of
wrappers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vitcore.errors import UserError
from vitcore.models.weight_files import SAVE, Unreadable, load_file
from vitcore.reading import short

PREFIXES = (
    "model.",  # of a Lightning module
    "module.",  # of DataParallel and DistributedDataParallel
    "_orig_mod.",  # of torch.compile
    "backbone.",  # of modules that train a network with a part of their own
    "encoder.",
    "vision_model.",
)
COMPILED = "_orig_mod."  # also in the middle of a name, if only a part was compiled
# keys under which training scripts save the weights; the last ones are those of DINO
WEIGHTS = ("state_dict", "model_state_dict", "model", "teacher", "student")
NOT_WEIGHTS = ("n_averaged",)  # the counter of torch.optim.swa_utils.AveragedModel


def read_file(file: Path) -> Any:
    """Return the content of a PyTorch or safetensors file on the CPU.

    A safetensors file becomes a dictionary of tensors. Raise `UserError` for any other file.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder: give the path of the checkpoint in it.")
    try:
        return load_file(file)
    except Unreadable as error:
        raise UserError(f"{file.name} {error}.") from None


def named_tensors(content: Any, file: Path) -> dict[str, torch.Tensor]:
    """Return the weights in the content of a file by name, without the prefixes of wrappers.

    Raise `UserError` when there are none.
    """
    found = content
    if isinstance(content, Mapping):
        found = next((content[k] for k in WEIGHTS if isinstance(content.get(k), Mapping)), content)
    if not isinstance(found, Mapping) or not found:
        raise UserError(f"{file.name} holds no state_dict of named tensors: {SAVE}.")
    tensors: dict[str, torch.Tensor] = {}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise UserError(
                f"{file.name} holds no state_dict of named tensors, because of {short(name)}: {SAVE}."
            )
        if (short_name := without_prefix(name)) in tensors:
            raise UserError(
                f"{file.name} has {short_name} twice, from two models: save only one model's weights."
            )
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_complex():
            raise UserError(f"{file.name} holds {short(name)} in a form that is not supported: {SAVE}.")
        if short_name not in NOT_WEIGHTS:
            tensors[short_name] = value
    return tensors


def without_common(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors without the parts that all their names begin with, such as `net.` of `net.weight`."""
    names = [name.split(".") for name in tensors]
    common = 0
    while names and all(len(parts) > common + 1 and parts[common] == names[0][common] for parts in names):
        common += 1
    return {name.split(".", common)[-1]: value for name, value in tensors.items()}


def without_prefix(name: str) -> str:
    """Return the name of a tensor without the prefixes of wrappers, however they are nested."""
    name = name.replace(f".{COMPILED}", ".")
    while prefix := next((p for p in PREFIXES if name.startswith(p)), ""):
        name = name.removeprefix(prefix)
    return name
