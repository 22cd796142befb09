"""The configuration of a training, with the bounds of every setting.

This module does not import torch, because pages and the command line load it at startup. `Config` is the
content of a run folder's config.yaml. `make_config` builds one from a recipe and overrides, and reports a
violation as a single sentence. Widgets get the limits of a field from `bounds`, so that each limit is defined
only here.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from vitcore.architectures import ARCHITECTURES, Options, names_with
from vitcore.errors import UserError, violation
from vitcore.finetuning import FineTuning, check_layers
from vitcore.preprocessing import Preprocessing
from vitcore.pretraining import Pretraining, check_pretraining
from vitcore.reading import read_yaml, short
from vitcore.recipes import FINE_TUNING, PRETRAINING

LONGEST_CLASS = 255  # characters, as the longest name of a folder
ClassName = Annotated[str, Field(min_length=1, max_length=LONGEST_CLASS)]
IMPORTED = "imported"  # recipe of runs whose training is unknown
FOLDER = "folder:"  # prefix of the path of a user's own dataset
CIFAR = ("cifar10", "cifar10-mini")
PHOTOS = "photos"  # the bundled photographs, for models without a dataset


class Config(FineTuning, Pretraining):
    """The complete configuration of a training.

    The same configuration on the same data reproduces the run, exactly so on the CPU.
    """

    rare: ClassVar[frozenset[str]] = frozenset(
        (*FineTuning.model_fields, *Pretraining.model_fields, "sam_rho")
    )

    model: str = "vit"
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the model, see vitcore.architectures"
    )
    data: str = "cifar10-mini"
    recipe: str = Field("quick", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    seed: int = Field(0, ge=0, le=2**31 - 1)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 mixed precision on CUDA devices that support it, else float32"
    )
    matmul: Literal["high", "highest"] = Field(
        "high", description="precision of float32 matrix products on CUDA devices: high uses TensorFloat-32"
    )
    cuda_graph: bool = Field(
        False,
        description="record whole training steps as CUDA graphs, on one device; not run on a GPU yet",
    )
    compile: bool = Field(False, description="torch.compile the model; on an H200, 0.92 times as fast")

    devices: int = Field(1, ge=1, le=64, description="on each machine; they share every batch")
    nodes: int = Field(1, ge=1, le=1024, description="machines that train together")

    epochs: int = Field(10, ge=1, le=10_000)
    minutes: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="time budget that replaces `epochs`; warm-up, schedule and full_epochs then follow the "
        "share of the time used instead of the share of the epochs",
    )
    steps_per_epoch: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="optimizer steps per epoch, independent of the number of images, so that trainings on "
        "different shares take equally many steps; None: one pass over the images",
    )
    train_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the training images of each class; smaller shares are subsets of larger ones",
    )
    batch_size: int = Field(128, ge=1, le=8192)
    optimizer: Literal["adamw", "sgd", "muon"] = "adamw"
    lr: float = Field(1e-3, gt=0, le=10)
    weight_decay: float = Field(0.05, ge=0, le=1)
    decay: Literal["matrices", "all"] = Field("matrices", description="what the weight decay applies to")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    nesterov: bool = Field(True, description="of sgd")
    schedule: Literal["cosine", "multistep", "constant"] = "cosine"
    milestones: tuple[Annotated[int, Field(ge=0, le=10_000)], ...] = Field(
        (100, 150), max_length=100, description="epochs after which multistep divides the rate by 10"
    )
    warmup_epochs: float = Field(1.0, ge=0, le=1000)
    clip_norm: float = Field(1.0, ge=0, le=1000, description="largest gradient norm; 0 does not clip")
    sam_rho: float = Field(
        0.0,
        ge=0,
        le=10,
        title="SAM radius",
        description="distance along the gradient at which sharpness-aware minimization takes the gradient of "
        "a step, in two passes; 0 turns it off",
    )
    label_smoothing: float = Field(0.1, ge=0, le=0.9)
    augment: Literal["none", "tutorial", "shift", "trivial"] = "shift"
    mixup: float = Field(0.0, ge=0, le=1, description="alpha of MixUp; 0 turns it off")
    cutmix: float = Field(0.0, ge=0, le=1, description="alpha of CutMix; with both, half of the images each")
    keep_patches: float = Field(
        1.0, ge=0.1, le=1, description="share of the patches that a ViT sees in training"
    )
    full_epochs: int = Field(
        1, ge=0, le=10_000, description="last epochs with all patches, regardless of keep_patches"
    )

    image_size: int = Field(32, ge=8, le=1024, description="side in pixels; other than 32 not for CIFAR-10")
    preprocessing: Preprocessing = Field(
        Preprocessing(), description="mean, std, interpolation and crop of the input"
    )
    skip_broken: bool = Field(
        False,
        description="leave out the images of a folder that cannot be read, instead of refusing the folder",
    )
    classes: tuple[ClassName, ...] | None = Field(
        None,
        description="class names, filled in from the data when a run is created; none for a model without a "
        "classifier, whose outputs are features",
    )

    @model_validator(mode="after")
    def check(self) -> Config:
        if self.mask_ratio:
            object.__setattr__(self, "classes", ())
        elif self.classes == () and self.recipe != IMPORTED:
            raise ValueError("classes is empty: give the name of each class")
        if self.classes and len(set(self.classes)) < len(self.classes):
            twice = next(name for name, count in Counter(self.classes).items() if count > 1)
            raise ValueError(f"classes has {short(twice)} twice: give each class one name")
        if self.model not in ARCHITECTURES:
            raise ValueError(f"unknown model {short(self.model)}: choose one of {', '.join(ARCHITECTURES)}")
        architecture = ARCHITECTURES[self.model]
        try:
            options = architecture.options(**self.options)
        except ValidationError as error:
            raise ValueError(sentence(error)) from None
        # With all defaults, so that the file reproduces the run
        object.__setattr__(self, "options", options.model_dump())
        architecture.check(options, self.image_size)
        if not architecture.drops_patches and self.keep_patches < 1:
            raise ValueError(
                f"keep_patches below 1 needs a model that drops patches: choose {names_with('drops_patches')}"
            )
        if self.mask_ratio:
            check_pretraining(self, architecture, names_with("masked"))
        check_layers(self, architecture, names_with("layers"))
        if self.optimizer == "muon" and not architecture.muon:
            raise ValueError(
                f"optimizer muon needs a model with blocks ({names_with('muon')}): choose adamw or sgd"
            )
        if self.batch_size % (self.devices * self.nodes):
            raise ValueError(
                f"batch_size {self.batch_size} cannot be divided among {self.devices * self.nodes} devices: "
                f"choose a multiple of {self.devices * self.nodes}"
            )
        if not (self.data in (*CIFAR, PHOTOS) or self.folder):
            raise ValueError(
                f"unknown dataset {short(self.data)}: choose cifar10, cifar10-mini or folder:PATH"
            )
        if self.image_size != 32 and self.data in CIFAR:
            raise ValueError(
                f"image_size {self.image_size} does not fit {self.data}, which has 32x32 images: "
                "choose 32 or folder:PATH"
            )
        return self

    @property
    def folder(self) -> Path | None:
        """The absolute path of a user's own dataset, or None for other data."""
        return folder_of(self.data)

    @property
    def has_classifier(self) -> bool:
        """Whether the model has classes. Without them its outputs are features."""
        return self.classes != ()

    @property
    def num_classes(self) -> int:
        """The number of classes: CIFAR-10's ten until the data are known, and 0 without a classifier."""
        return 10 if self.classes is None else len(self.classes)


def folder_of(data: str) -> Path | None:
    """Return the absolute path after `folder:` in a dataset's name, or None for other names.

    Raise `UserError` without a path, which would be the current folder.
    """
    if not data.startswith(FOLDER):
        return None
    if not (path := data.removeprefix(FOLDER)).strip():
        raise UserError("folder: names no folder: give its path, such as folder:/data/flowers.")
    return Path(os.path.expanduser(path)).absolute()


def bounds(field: str, of: type[BaseModel] = Config) -> tuple[float | None, float | None]:
    """Return the (smallest, largest) allowed value of a numeric field, None for no limit. For widgets."""
    low = high = None
    for rule in of.model_fields[field].metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return low, high


def choices(field: str, of: type[BaseModel] = Config) -> tuple[str, ...]:
    """Return the allowed values of a Literal field. For widgets."""
    return of.model_fields[field].annotation.__args__  # type: ignore[union-attr]


def sentence(error: ValidationError) -> str:
    """Return one sentence for a pydantic error: the first violation, and the number of further ones."""
    faults = error.errors()
    first = faults[0]
    text = first["msg"].removeprefix("Value error, ").strip().rstrip(".")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        text = f"Unknown setting {short(where)}: correct it, or update ViT Lab if a newer version wrote it"
    elif first["type"] != "value_error":
        text = f"{where} is {short(first['input'])}: {violation(first['type'], first.get('ctx', {})) or text}"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    names = {*Config.model_fields, *(name for a in ARCHITECTURES.values() for name in a.options.model_fields)}
    start = text if text.split()[0].split(".")[0] in names else text[0].upper() + text[1:]
    return f"{start}{more}."


def build_config(**values: Any) -> Config:
    """Return a validated `Config`. Raise `UserError` with one sentence for invalid values."""
    try:
        return Config(**values)
    except ValidationError as error:
        raise UserError(sentence(error)) from None


def check_options(model: str, options: dict[str, Any]) -> Options:
    """Return the validated options of a model. Raise `UserError` with one sentence for invalid values."""
    if model not in ARCHITECTURES:
        raise UserError(f"Unknown model {short(model)}: choose one of {', '.join(ARCHITECTURES)}.")
    try:
        return ARCHITECTURES[model].options(**options)
    except ValidationError as error:
        raise UserError(sentence(error)) from None


def make_config(recipe: str | None = None, **overrides: Any) -> Config:
    """Return the configuration of a recipe with overrides.

    An override with the name of a model option sets that option. The precedence, lowest first, is: the
    defaults above, the recipe for that model, the overrides. Raise `UserError` for unknown or invalid
    settings.
    """
    model = overrides.get("model", "vit")
    if not isinstance(model, str) or model not in ARCHITECTURES:
        raise UserError(f"Unknown model {short(model)}: choose one of {', '.join(ARCHITECTURES)}.")
    architecture = ARCHITECTURES[model]
    name = recipe or overrides.pop("recipe", None) or "quick"
    recipes = {**architecture.recipes, **(PRETRAINING if architecture.masked else {}), **FINE_TUNING}
    if not isinstance(name, str) or name not in recipes:
        raise UserError(f"Unknown recipe {short(name)} for {model}: choose one of {', '.join(recipes)}.")
    values = {**recipes[name], "recipe": name}
    if name in FINE_TUNING and architecture.layers is None:  # all layers get the same rate
        values.pop("layer_decay", None)
    fields = architecture.options.model_fields
    options = dict(values.pop("options", {}))
    for key, value in overrides.items():
        if key == "options" and isinstance(value, dict):
            options.update(value)
        elif key in ("options", "classes", "recipe"):
            raise UserError(f"{key} cannot be set directly: name one setting at a time.")
        elif key in Config.model_fields:
            values[key] = value
        elif key in fields:
            options[key] = value
        else:
            known = [f for f in (*Config.model_fields, *fields) if f not in ("options", "classes")]
            raise UserError(f"Unknown setting {short(key)} for {model}: choose one of {', '.join(known)}.")
    return build_config(**values, options=options)


def changed_settings(config: Config) -> dict[str, Any]:
    """Return the settings and options whose values differ from those of the recipe.

    What a fine-tuned run has from its start is left out. Raise `UserError` when this version does not have
    the recipe.
    """
    base = make_config(config.recipe, model=config.model, data=config.data)
    settled = {"model", "data", "recipe", "options", "classes"}
    if config.start:
        settled |= {"start", "start_digest", "image_size", "preprocessing"}
    changed = {name: value for name, value in config if name not in settled and value != getattr(base, name)}
    options = {} if config.start else config.options
    return changed | {name: v for name, v in options.items() if v != base.options.get(name)}


def setting_of(config: Config, name: str) -> Any:
    """Return the value of a setting of the model or of the training."""
    fields = ARCHITECTURES[config.model].options.model_fields
    if name in config.options or name not in fields:
        return config.options[name] if name in config.options else getattr(config, name)
    return fields[name].default  # an option that configurations hold only where it differs


def setting_title(model: str, name: str) -> str:
    """Return the display name of a setting, for pages and tables."""
    fields = {**Config.model_fields, **ARCHITECTURES[model].options.model_fields}
    title = fields[name].title if name in fields else None
    return title or {"lr": "Learning rate"}.get(name) or name.replace("_", " ").capitalize()


def text_of(value: Any) -> str:
    """Return the text of a value, for a list of values."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(text_of, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def dump_config(config: Config) -> str:
    """Return the YAML text of a configuration."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_config(path: str | Path) -> Config:
    """Read a configuration from a YAML file. Raise `UserError` if missing, malformed or out of bounds."""
    values = read_yaml(Path(path))
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UserError(f"{path} is not a configuration: write one `name: value` per line.")
    try:
        return build_config(**values)
    except UserError as error:
        raise UserError(f"{path} is not a valid configuration. {error}") from None
