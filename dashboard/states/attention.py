"""The state of the Attention page in its address. The browser also reads the fields of `ExplorerState`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from dashboard.shared.page_state import AsWhole, Count, Flag, ImageState, PageState, SettingsState, Square

# tests/unit/components/links.json states what the browser must read in the same way
Token = Annotated[
    str,
    StringConstraints(pattern=r"^(cls|distillation|register[1-9][0-9]?|[1-9][0-9]{0,3}\.[1-9][0-9]{0,3})$"),
]
Position = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}$")]
Place = Literal["mean"] | Count
Step = Annotated[int, AsWhole, Field(ge=0)]  # a run may have a snapshot before the first step
PREDICTED = "the answer"  # in links: the class that the model predicts
NO_CONTRAST = "no other class"
BLOCK: Literal["Inside a block"] = "Inside a block"  # the view with the stepper, otherwise the explorer
CONVOLUTION: Literal["Inside a convolution"] = "Inside a convolution"  # the same for a ResNet
CLASS_MAPS: Literal["Class maps"] = "Class maps"  # the view with only the class maps
SIDE_BY_SIDE: Literal["Side by side"] = "Side by side"  # two explorers and their difference
FEATURES: Literal["Token features"] = "Token features"  # similarities, components and norms of features

# as the steppers name their steps in the browser (block/words.js)
BLOCK_STEPS = (
    "Layer norm",
    "q, k, v",
    "Scores",
    "Softmax",
    "Values",
    "Join heads",
    "Residual",
    "MLP",
    "Output",
    "Classifier",
)
# the parameters that say which part of the model a view shows
PLACES = {
    "Maps": ("layer", "head"),
    BLOCK: ("layer", "head"),
    CONVOLUTION: ("block", "convolution", "channel"),
    CLASS_MAPS: (),
    SIDE_BY_SIDE: ("layer", "head"),
    FEATURES: ("layer",),
}


def token_index(token: Token, *, side: int, prefix: Sequence[str]) -> int | None:
    """Return the index of a token, or None if the model has no such token.

    The model has the tokens of `prefix` (`ViTOptions.prefix`), and then `side` x `side` patches.
    """
    if "." not in token:
        return prefix.index(token) if token in prefix else None
    row, column = map(int, token.split("."))
    return len(prefix) + (row - 1) * side + column - 1 if max(row, column) <= side else None


class ExplorerState(PageState):
    """What the explorer shows. Layers and heads count from 1.

    A token is `row.column` of a patch, or a name of `ViTOptions.prefix` such as `cls` or `register1`.
    """

    query: Token | None = None
    second: Token | None = None
    layer: Place | None = None
    head: Place | None = None
    map: Literal["head", "rollout"] = "head"
    direction: Literal["queries", "keys"] = "queries"
    scale: Literal["layer", "shared", "root", "map"] = "layer"
    content: Literal["image", "positions"] = "image"
    overlay: Literal["on", "off"] = "on"
    snapshot: Step | None = None
    mask: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+\.[\w-]+$")] | None = None
    over: Literal["image", "test"] = "image"
    order: Literal["layers", "distance", "entropy", "cls", "self", "position", "change"] = "layers"

    @classmethod
    def for_browser(cls) -> dict[str, Any]:
        """Return the names of the parameters, and the allowed values of those with choices, default first."""
        choices = {}
        for name in cls.model_fields:
            try:
                choices[name] = list(cls.options(name))
            except TypeError:
                continue
        return {"names": list(cls.model_fields), "choices": choices}


class FeaturesState(PageState):
    """What the view of token features shows in addition to the explorer's token and layer.

    `point` is where the features are read: after the block of the layer, before the first block ("input"), or
    after the last layer norm ("norm"). `span` is the color scale: the same for all layers, or one for each
    map.
    """

    feature: Literal["similarity", "components", "norm"] = "similarity"
    point: Literal["block", "input", "norm"] = "block"
    span: Literal["shared", "map"] = "shared"


class BlockState(PageState):
    """What the stepper through a block shows in addition to the explorer's token, layer and head.

    A step counts from 1. The scores are divided by `temperature`, which is 1 in the model.
    `array`, `token` and `number` name the number that is written out: the panel of the step that has it, the
    token that it belongs to if that is not the chosen one, and its place from 1 (channel, unit or class).
    """

    step: Count = 1
    temperature: float = Field(1.0, ge=0.1, le=10.0)
    array: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}(-[a-z]{1,8})?$")] | None = None
    token: Token | None = None
    number: Count | None = None


class ConvolutionState(PageState):
    """What the stepper through a convolution shows in addition to its step. All numbers count from 1.

    `block` is "input" for the first convolution. A position is `row.column` of the output.
    `convolution_step` is the step when the stepper is shown with that of a ViT, whose step is `step`.
    """

    block: Literal["input"] | Count = "input"
    convolution: Count = 1
    channel: Count = 1
    position: Position | None = None
    convolution_step: Count = 1


class RightState(PageState):
    """What is on the right of "Side by side": another image, another run, or another snapshot of the run.

    The fields of the other kinds are ignored. Without a snapshot, it is the first one of the run.
    """

    versus: Literal["images", "models", "snapshots"] = "images"
    right_class: str | None = None  # a class or a ranking
    right_image: Count = 2
    right_square: Square | None = None
    right_run: str | None = None
    right_snapshot: Literal["best"] | Step | None = None  # "best": the best weights


class AttentionState(
    ExplorerState, FeaturesState, RightState, BlockState, ConvolutionState, ImageState, SettingsState
):
    """A run, an image, what the explorers or a stepper show, and the class maps with their settings."""

    run: str | None = None
    view: Literal[
        "Maps", "Inside a block", "Inside a convolution", "Class maps", "Side by side", "Token features"
    ] = "Maps"
    both: Flag = False  # whether the stepper through a block is shown with that of `other`, a ResNet
    target: str = Field(PREDICTED, alias="speaks")  # the class of the class maps
    minus: str = NO_CONTRAST
    other: str | None = Field(None, alias="beside")  # the run to compare with
    stage: Count | None = None
    method: str | None = None  # of the class map, a name of `vitcore.attribution`
    other_method: str | None = Field(None, alias="beside_method")  # that of the run to compare with
    checked: Flag = Field(False, alias="check")  # whether the checks of the maps are shown
