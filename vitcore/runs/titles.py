"""The default title of a run: model, recipe, and the settings that differ from the recipe. No torch."""

from __future__ import annotations

from typing import Any

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


def default_title(config: Config) -> str:
    """Return a title such as "ResNet quick, 4 epochs, seed 1", with as many settings as fit."""
    title = f"{ARCHITECTURES[config.model].label} {config.recipe}"
    if config.data != Config.model_fields["data"].default:
        title += f" on {config.folder.name if config.folder else config.data}"
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
        return f"{value:g} {name if value != 1 else name.removesuffix('s')}"
    if name == "train_share":
        return f"{100 * value:g} % of the images"
    if name == "keep_patches":
        return "all patches" if value == 1 else f"{100 * value:g} % of the patches"
    title = setting_title(model, name).lower()
    if isinstance(value, bool):
        return title if value else f"no {title}"
    return f"{title} {text_of(value)}"
