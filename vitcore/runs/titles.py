"""The titles of datasets and runs, and the commands that launch runs.

A run is named by its recipe and the settings that differ from it.

Does not import torch.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml
from pydantic import BaseModel

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import IMPORTED, Config, changed_settings, make_config, setting_title, text_of
from vitcore.errors import UserError
from vitcore.finetuning import TRAINING_OPTIONS
from vitcore.runs.status import TITLE_LENGTH

# settings that say where or how fast a run trains, not what it learns
TECHNICAL = ("device", "devices", "nodes", "precision", "matmul", "compile", "cuda_graph", "skip_broken")


def varied_settings(config: Config) -> dict[str, Any]:
    """Return the settings that differ from the recipe and may change the result of the training.

    Empty if this version does not have the recipe.
    """
    try:
        changed = changed_settings(config)
    except UserError:
        return {}
    return {name: value for name, value in changed.items() if name not in TECHNICAL}


def variant_settings(config: Config) -> dict[str, Any]:
    """Return the settings that differ from the recipe and make the model a variant of its architecture.

    These are its options without the regularization, and the search for flat minima. Empty if this version
    does not have the recipe, as for imported models.
    """
    try:
        usual = make_config(config.recipe, model=config.model, data=config.data)
    except UserError:
        return {}
    own = {name: value for name, value in config.options.items() if value != usual.options.get(name)}
    flat = {"sam_rho": config.sam_rho} if config.sam_rho != usual.sam_rho else {}
    return {name: value for name, value in own.items() if name not in TRAINING_OPTIONS} | flat


def variant_label(model: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a model with settings of its own: `ViT (conv stem)`."""
    words = ", ".join(setting_words(model, name, value) for name, value in settings.items())
    return ARCHITECTURES[model].label + (f" ({words})" if words else "")


def data_title(config: Config) -> str:
    """Return the display name of the dataset. For a folder it is the last part of the path."""
    return config.folder.name if config.folder else config.data


def planned_epochs(config: Config) -> int | None:
    """Return the epochs that a training should have. None with a time budget, and for an imported run."""
    return None if config.minutes or config.recipe == IMPORTED else config.epochs


def epochs_title(done: float, planned: int | None, recipe: str) -> str:
    """Return how many epochs are done, such as `2.5 of 10`. Empty if an imported run does not say."""
    return "" if recipe == IMPORTED and not done else numbers.epochs(done, planned)


def start_title(config: Config) -> str:
    """Return the name of the run that a training starts from. Of a path, it is the last part."""
    return PurePath(config.start).name


FLAGS = ("seed", "epochs", "minutes", "batch_size", "lr", "device", "devices", "nodes")


def launch_command(config: Config) -> str:
    """Return the shortest command line that launches this configuration.

    It lists only the settings that differ from the recipe. Raise `UserError` when this version does not have
    the recipe.
    """
    words = ["python -m vitcore launch"]
    changed = changed_settings(config)
    if config.start:  # which has the architecture, the preprocessing and most options
        words.append(f"--from {shlex.quote(config.start)}")
        changed["image_size"] = config.image_size
        changed |= {name: config.options[name] for name in TRAINING_OPTIONS if name in config.options}
        changed |= {"start_digest": config.start_digest} if config.start_digest else {}
    else:
        words.append(f"--model {config.model}")
    words += ["--data", shlex.quote(config.data), "--recipe", config.recipe]
    for name, value in changed.items():
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        text = yaml.safe_dump(plain, default_flow_style=True, width=1000)
        text = text.removesuffix("\n").removesuffix("\n...")
        flag = name in FLAGS and value is not None
        setting = f"--{name.replace('_', '-')} {text}" if flag else f"--set {shlex.quote(f'{name}={text}')}"
        words.append(setting)
    return " ".join(words)


def default_title(config: Config) -> str:
    """Return a title such as "ResNet quick, 4 epochs, seed 1", with as many settings as fit."""
    title = f"{ARCHITECTURES[config.model].label} {config.recipe}"
    if config.data != Config.model_fields["data"].default:
        title += f" on {data_title(config)}"
    if config.start:
        title += f" from {start_title(config)}"
    changed = varied_settings(config)
    if config.minutes:
        changed.pop("epochs", None)  # the time budget replaces them
    for name, value in changed.items():
        longer = f"{title}, {setting_words(config.model, name, value)}"
        if len(longer) > TITLE_LENGTH:
            break
        title = longer
    return title[:TITLE_LENGTH]


def setting_words(model: str, name: str, value: Any) -> str:
    """Return a setting with its value in words: `SAM radius 0.1`, `no conv stem`, `50 % of the images`."""
    if name in ("epochs", "minutes"):
        return numbers.count(value, name.removesuffix("s"))
    if name == "train_share":
        return f"{numbers.chosen_share(value)} of the images"
    if name == "keep_patches":
        return "all patches" if value == 1 else f"{numbers.chosen_share(value)} of the patches"
    words = setting_title(model, name).split()
    title = " ".join(word if word.isupper() else word.lower() for word in words)  # SAM stays SAM
    if isinstance(value, bool):
        return title if value else f"no {title}"
    return f"{title} {text_of(value)}"
