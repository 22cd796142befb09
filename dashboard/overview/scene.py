"""The scene of Overview: an image, and the regions that a ViT and a ResNet use."""

from __future__ import annotations

from dashboard.drawing import pictures
from dashboard.drawing.prediction import prediction
from dashboard.overview import featured_image
from dashboard.shared import resources
from dashboard.shared.page_state import ImageState
from dashboard.shared.scene_links import Query, image_in, read_state
from dashboard.shared.scenes import IMAGE, Pictures
from dashboard.states.overview import OverviewState


def scene(query: Query) -> Pictures:
    """Return the image that the link names, with the maps of both bundled models. Raise `UserError`."""
    data, pair = resources.dataset(), featured_image.bundled_pair()
    state = read_state(OverviewState, query)
    chosen = image_in(ImageState.of(kind=state.look, image=state.nth), data)
    featured = featured_image.FeaturedImage(chosen.image, chosen.truth, chosen.name, None)
    parts = [(IMAGE, pictures.data_url(chosen.image), chosen.name)]
    for run in pair:
        values, probabilities = featured_image.reading(run, {}, featured)
        predicted = prediction(probabilities, data.classes)
        overlay = pictures.encoded(pictures.overlay(chosen.image, values))
        text = f"predicts {predicted.name}, {predicted.confidence} confidence"
        parts.append((featured_image.map_title(run), overlay, text))
    return Pictures(parts)
