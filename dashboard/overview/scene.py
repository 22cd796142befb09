"""The scene of Overview: an image, and the regions that a ViT and a ResNet use."""

from __future__ import annotations

from dashboard.drawing import pictures
from dashboard.overview import featured_image
from dashboard.shared import resources
from dashboard.shared.page_state import ImageState
from dashboard.shared.scenes import Pictures, Query, image_in, read_state
from dashboard.states.overview import OverviewState
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError


def scene(query: Query) -> Pictures:
    """Return the image that the link names, with the maps of both bundled models. Raises `UserError`."""
    data, bundled = resources.dataset(), resources.bundled()
    state = read_state(OverviewState, query)
    chosen = image_in(ImageState.of(kind=state.look, image=state.nth), data)
    featured = featured_image.FeaturedImage(chosen.image, chosen.truth, chosen.name, None)
    parts = [("The image", pictures.data_url(chosen.image), chosen.name)]
    for model, method in (("vit", "attention rollout"), ("resnet", "Grad-CAM")):
        if model not in bundled:
            raise UserError("The bundled models are missing: get a complete copy of the project.")
        values, probabilities = featured_image.reading(bundled[model], {}, featured)
        best = int(probabilities.argmax())
        parts.append(
            (
                f"{ARCHITECTURES[model].label}: {method}",
                pictures.encoded(pictures.overlay(chosen.image, values)),
                f"predicts {data.classes[best]}, {100 * probabilities[best]:.0f} % confidence",
            )
        )
    return Pictures(parts)
