"""The titles of datasets and runs. A run is named by its recipe and the settings that differ from it.

Does not import torch.
"""

from __future__ import annotations

from typing import Any

from vitcore import numbers
from vitcore.architectures import ARCHITECTURES
from vitcore.config import Config, changed_settings, setting_title, text_of
from vitcore.errors import UserError
from vitcore.runs.status import TITLE_LENGTH

# settings that say where or how fast a run trains, not what it learns
TECHNICAL = ("device", "devices", "nodes", "precision", "compile", "skip_broken")


def varied_settings(config: Config) -> dict[str, Any]:
    """Return the settings that differ from the recipe and may change the result of the training.

    Empty if this version does not have the recipe.
    """
    try:
        changed = changed_settings(config)
    except UserError:
        return {}
    return {name: value for name, value in changed.items() if name not in TECHNICAL}


def data_title(config: Config) -> str:
    """Return the display name of the dataset. For a folder it is the last part of the path."""
    return config.folder.name if config.folder else config.data


def default_title(config: Config) -> str:
    """Return a title such as "ResNet quick, 4 epochs, seed 1", with as many settings as fit."""
    title = f"{ARCHITECTURES[config.model].label} {config.recipe}"
    if config.data != Config.model_fields["data"].default:
        title += f" on {data_title(config)}"
    changed = varied_settings(config)
    if config.minutes:
        changed.pop("epochs", None)  # the time budget replaces them
    for name, value in changed.items():
        longer = f"{title}, {_words(config.model, name, value)}"
        if len(longer) > TITLE_LENGTH:
            break
        title = longer
    return title[:TITLE_LENGTH]


def _words(model: str, name: str, value: Any) -> str:
    if name in ("epochs", "minutes"):
        return numbers.count(value, name.removesuffix("s"))
    if name == "train_share":
        return f"{numbers.chosen_share(value)} of the images"
    if name == "keep_patches":
        return "all patches" if value == 1 else f"{numbers.chosen_share(value)} of the patches"
    title = setting_title(model, name).lower()
    if isinstance(value, bool):
        return title if value else f"no {title}"
    return f"{title} {text_of(value)}"
