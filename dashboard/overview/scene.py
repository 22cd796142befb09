"""The scene of Overview: an image, and where a ViT and a ResNet find its class."""

from __future__ import annotations

from dashboard.drawing import pictures
from dashboard.overview import featured_image
from dashboard.shared import resources
from dashboard.talk.scene_types import Pictures, State, image_in
from vitcore.architectures import ARCHITECTURES
from vitcore.errors import UserError


def scene(state: State) -> Pictures:
    """The image that the link names, with the maps of both bundled models. Raises `UserError`."""
    data, bundled = resources.dataset(), resources.bundled()
    chosen = image_in({"class": state.get("look", "cat"), "image": state.get("nth", "1")}, data)
    featured = featured_image.Shown(chosen.image, chosen.truth, chosen.name, None)
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
                f"says {data.classes[best]}, {100 * probabilities[best]:.0f} % sure",
            )
        )
    return Pictures(parts)
