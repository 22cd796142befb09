"""The scene of Attention: the explorer of a ViT, a stepper, or Grad-CAM of a model without attention."""

from __future__ import annotations

from dashboard.attention import block, convolution, convolution_outputs, explorer
from dashboard.drawing import pictures
from dashboard.drawing.prediction import prediction
from dashboard.shared import model_outputs, resources
from dashboard.shared.scenes import (
    Block,
    Convolution,
    Explorer,
    Pictures,
    Query,
    image_in,
    read_state,
    run_in,
    unusable,
)
from dashboard.shared.selection import SelectedImage
from dashboard.states.attention import BLOCK, CONVOLUTION, PREDICTED, AttentionState
from vitcore.architectures import ARCHITECTURES
from vitcore.data import Dataset
from vitcore.errors import UserError
from vitcore.runs.folder import Run


def scene(query: Query) -> Explorer | Block | Convolution | Pictures:
    """Return the scene of the run and the image that the link names. Raises `UserError`."""
    state = read_state(AttentionState, query, "view")
    run = run_in(state.run, resources.runs(trained=True))
    data = resources.dataset_of(run)
    chosen = image_in(state, data, run)
    if state.view == CONVOLUTION:
        return _convolution(run, chosen, data, query)
    if not ARCHITECTURES[run.config.model].attention:
        return _class_map(run, chosen, data, state.target, query)
    if state.view == BLOCK:
        header, _ = block.prepare(run, chosen, data, query)
        wrong = block.unavailable(run, query)
    else:
        header, _, _ = explorer.prepare(run, chosen, data, query)
        wrong = explorer.unavailable(header, query)
    if wrong:
        sizes = "{layers} layers, {heads} heads, {side} x {side} patches".format(**header)
        name = wrong[0].partition("=")[0]
        raise unusable(name, query, f"set it on Attention and copy the step again. {run.title} has {sizes}")
    kind = Block if state.view == BLOCK else Explorer
    return kind(run, chosen, data)


def _convolution(run: Run, chosen: SelectedImage, data: Dataset, query: Query) -> Convolution:
    if run.config.model not in convolution_outputs.MODELS:
        raise unusable("view", query, f"{run.title} is no ResNet: name another run")
    convolution.prepare(run, chosen, data, query)
    if wrong := convolution.unavailable(run, query):
        blocks = len(convolution_outputs.sizes_of(run)) - 1
        name = wrong[0].partition("=")[0]
        raise unusable(
            name, query, f"set it on Attention and copy the step again. {run.title} has {blocks} blocks"
        )
    return Convolution(run, chosen, data)


def _class_map(run: Run, chosen: SelectedImage, data: Dataset, named: str, query: Query) -> Pictures:
    """Return the image, and Grad-CAM for the class `named` in the link, or else for the predicted class."""
    found = model_outputs.class_maps(run, chosen.image)
    predicted = prediction(found.probabilities, data.classes)
    if named != PREDICTED and named not in data.classes:
        name = AttentionState.parameter("target")
        raise unusable(name, query, f"{data.name} has {', '.join(data.classes[:20])}")
    if not found.stages:
        raise UserError(
            f"Grad-CAM needs stages of feature maps, which {run.title} does not have: name another run."
        )
    target = predicted.index if named == PREDICTED else data.classes.index(named)
    title = f"{ARCHITECTURES[run.config.model].label}: Grad-CAM"
    map_of_class = (
        title if named == PREDICTED else f"{title} for {named}",
        pictures.encoded(pictures.overlay(chosen.image, found.stages[-1][target])),
        f"predicts {predicted.name}, {predicted.confidence} confidence",
    )
    return Pictures([("The image", pictures.data_url(chosen.image), chosen.name), map_of_class])
