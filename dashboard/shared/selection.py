"""The image that a page shows, selected by widgets that the address holds.

Widgets with the same parameter share their value between pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.drawing.markdown import escape
from dashboard.shared import bound, own_crop, own_image, same_square
from dashboard.shared.page_state import ImageState, PageState
from dashboard.shared.same_square import Cropper
from vitcore.config import Config
from vitcore.data import Dataset
from vitcore.data.photos import Photo, first_large, photos

WRONG, SUREST, UNSURE = "misclassified", "surest", "least sure"
RANKINGS = (WRONG, SUREST, UNSURE)


@dataclass(frozen=True)
class SelectedImage:
    """An image uint8 [3, S, S], its true class if known, and its name on the page.

    `original` cuts the square out of the original image again. It is None if only the pixels are known.
    """

    image: np.ndarray
    truth: int | None
    name: str
    own: bool = False
    original: Cropper | None = None

    def for_model(self, config: Config) -> SelectedImage:
        """Return the same square of the image, at the size of another model and resized with its filter."""
        cut = self.original or same_square.of_pixels(self.image)
        return replace(self, image=cut(config.image_size, config.preprocessing))


def kinds(data: Dataset) -> tuple[str, ...]:
    """Return what images can be chosen by: the classes that have any, or names if there are no labels."""
    return data.names or tuple(data.classes[label] for label in np.unique(data.test.labels))


def first_class(data: Dataset, *, right: bool = False) -> str:
    """Return the class, or the photograph, that pages open with. It is a cat, unless that is too small.

    The second image of a page, on the `right`, is another photograph, or another image of the same class.
    """
    found = kinds(data)
    first = found.index("cat") if "cat" in found else 0
    if data.names and (large := first_large(data.size)):
        first = found.index(large)
    return found[(first + 1) % len(found)] if right and data.names else found[first]


def choose_image(
    data: Dataset,
    predictions: Callable[[], np.ndarray] | None = None,
    *,
    page: type[PageState] = ImageState,
    fields: tuple[str, str, str] = ("kind", "image", "square"),
    slot: str = "",
    place: DeltaGenerator | None = None,
) -> SelectedImage:
    """Draw the controls for class and number of a test image of `data`, or for an upload.

    `predictions` returns a model's probabilities [n, classes] for the first n test images. They add rankings:
    misclassified images, and all images by confidence. Photographs without labels have only names. A second
    image on a page has its own `fields` of `page`, and a `slot` of `own_image`.
    """
    kind_field, image_field, square_field = fields
    if data.names:
        return _choose_photo(data, page, kind_field, square_field, slot, place)
    bound.write(page, **{square_field: None})
    ranked = [] if predictions is None else [ranking for ranking in RANKINGS if ranking not in data.classes]
    options = [*kinds(data), *ranked]
    left, middle, right = (place or st).columns([2, 1.4, 1.6], vertical_alignment="bottom")
    own, first = own_image.get(slot), first_class(data)
    labels = "collapsed" if slot else "visible"  # those of the first image are above
    bound.check_link(page, kind_field, options, first)
    cropped = f" ({own_crop.Crop().words(data.preprocessing)})" if data.listing else ""
    kind = left.selectbox(
        f"Images{cropped}",
        options,
        index=options.index(first),
        disabled=bool(own),
        label_visibility=labels,
        **page.bound(kind_field, value=None),
    )
    if kind in ranked:
        with left, st.spinner("Running the model on the test images"):
            members = _members(data, kind, predictions)
    else:
        members = _members(data, kind, predictions)
    number = page.model_fields[image_field].default
    most = max(1, len(members), number)
    bound.check_link(
        page, image_field, range(1, len(members) + 1), f"{kind}, test image {number} of {len(members)}"
    )
    number = middle.number_input(
        "Test image",
        1,
        most,
        step=1,
        disabled=bool(own),
        label_visibility=labels,
        help="The number within its class, in the order of the dataset, or in the order of confidence.",
        **page.bound(image_field, value="value"),
    )
    with right:
        own_image.control(data.preprocessing, slot)
    if own:
        return _own(*own, data, slot)
    if not len(members):
        st.info(f"There are no test images for {escape(kind)}: choose other images.")
        st.stop()
    return _selected(data, kind, members, min(number, len(members)))


def _choose_photo(
    data: Dataset,
    page: type[PageState],
    field: str,
    square_field: str,
    slot: str,
    place: DeltaGenerator | None,
) -> SelectedImage:
    """Draw the choice of a bundled photograph and its square, or of the visitor's own image."""
    own, first = own_image.get(slot), first_class(data, right=bool(slot))
    if data.missing and not own and not slot:
        st.info(f"{escape(data.missing)} The bundled photographs are shown in place of its images.")
    left, right = (place or st).columns([3.4, 1.6], vertical_alignment="bottom")
    bound.check_link(page, field, data.names, first)
    wanted = bound.current(page, field)
    crop = _crop_of(wanted if wanted in data.names else first, data, page, square_field, slot)
    kind = left.selectbox(
        f"Photographs ({'your image is shown' if own else crop.words(data.preprocessing)})",
        data.names,
        index=data.names.index(first),
        disabled=bool(own),
        label_visibility="collapsed" if slot else "visible",
        help=f"Models take square images. {own_crop.used_square(data.preprocessing)} Own image or crop moves "
        "it.",
        **page.bound(field, value=None),
    )
    with right:
        own_image.control(data.preprocessing, slot, photo=_photo(kind))
    bound.write(page, **{square_field: crop.text()})
    if own:
        return _own(*own, data, slot)
    return _cropped(data, kind, crop)


def _crop_of(kind: str, data: Dataset, page: type[PageState], field: str, slot: str) -> own_crop.Crop:
    """Return the part of a photograph that is shown: the visitor's choice, at first that of the link."""
    place, read = own_crop.photo_slot(kind, slot), f"photo{slot}_link_is_read"
    if not st.session_state.get(read):
        st.session_state[read] = True
        if (linked := own_crop.Crop.of(getattr(bound.read(page)[0], field))) != own_crop.Crop():
            own_crop.put(linked, data.preprocessing, place)
    return own_crop.chosen(data.preprocessing, place)


def _cropped(data: Dataset, kind: str, crop: own_crop.Crop) -> SelectedImage:
    """Return a part of a photograph as the model of the page sees it. Its name says which part."""
    photo, how = _photo(kind), data.preprocessing
    content = photo.file.read_bytes()
    if crop == own_crop.Crop():
        pixels = data.test.images[data.names.index(kind)]
    else:
        pixels = own_crop.decoded(content, photo.title, data.size, crop, how)
    name = own_crop.named(content, photo.title, crop, how)
    return SelectedImage(pixels, None, name, original=same_square.of_file(content, photo.title, crop, how))


def _own(content: bytes, file: str, data: Dataset, slot: str) -> SelectedImage:
    """Return the visitor's image as the model of the page sees it."""
    how = data.preprocessing
    pixels, name = own_image.decoded(content, file, data.size, how, slot)
    original = same_square.of_file(content, file, own_crop.chosen(how, slot), how)
    return SelectedImage(pixels, None, name, own=True, original=original)


def _photo(name: str) -> Photo:
    return next(photo for photo in photos() if photo.name == name)


def find_image(
    data: Dataset,
    kind: str,
    number: int,
    predictions: Callable[[], np.ndarray] | None = None,
    square: str | None = None,
) -> SelectedImage | None:
    """Return the image that `choose_image` shows for a class or ranking and a number, or None.

    `square` is the part of a photograph in a link.
    """
    if kind not in kinds(data) and (data.names or predictions is None or kind not in RANKINGS):
        return None
    if data.names:
        return _cropped(data, kind, own_crop.Crop.of(square))  # which have no numbers
    members = _members(data, kind, predictions)
    return _selected(data, kind, members, number) if 1 <= number <= len(members) else None


def _selected(data: Dataset, kind: str, members: np.ndarray, number: int) -> SelectedImage:
    index, images = members[number - 1], data.test.images
    name = f"{kind}, test image {number} of {len(members)}"
    original = same_square.of_test_image(images, index, data.preprocessing)
    return SelectedImage(images[index], int(data.test.labels[index]), name, original=original)


def _members(data: Dataset, kind: str, predictions: Callable[[], np.ndarray] | None) -> np.ndarray:
    """Return the indices of the test images of a class or a ranking, in order."""
    if kind in data.classes:
        return np.flatnonzero(data.test.labels == data.classes.index(kind))
    if predictions is None:
        raise ValueError(f"{kind} is a ranking: it needs predictions")
    return _ranked(kind, predictions(), data.test.labels)


def _ranked(kind: str, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return test image indices: misclassified images by descending confidence, or all by confidence."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(confidence if kind == UNSURE else -confidence, kind="stable")
    wrong = probabilities.argmax(axis=1) != labels[: len(probabilities)]
    return order[wrong[order]] if kind == WRONG else order
