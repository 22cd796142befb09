"""Links give scenes, or an error that names the wrong value."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from dashboard.page_table import PAGES
from dashboard.shared import scenes as scene_types
from dashboard.shared.scene_links import image_in
from dashboard.standalone import scene_file
from dashboard.states.attention import AttentionState
from dashboard.talk import html_export, scenes, stage
from dashboard.talk.files import Step, Talk, parse_link
from tests.conftest import ROOT
from vitcore.data import load_dataset
from vitcore.errors import UserError


@pytest.mark.parametrize(
    ("where", "state", "words"),
    [
        (
            "attention",
            {"run": "gone"},
            "names the run gone, which is not on this machine: `python -m vitcore runs` lists",
        ),
        ("attention", {"run": "study-vit-patch-2"}, "run study-vit-patch-2, .* can't show, .* no weights"),
        ("attention", {"query": "9.1"}, r"says query=9\.1, .* 6 layers, 8 heads, 8 x 8 patches"),
        ("attention", {"layer": "7"}, "says layer=7"),
        ("attention", {"head": "0"}, "says head=0"),
        ("attention", {"map": "rollin"}, "says map=rollin"),
        ("attention", {"snapshot": "1"}, "says snapshot=1"),
        (
            "attention",
            {"view": "Class maps", "method": "lime"},
            "says method=lime, .* use relevance, rollout",
        ),
        ("attention", {"view": "Class maps", "beside_method": "rollout"}, "says beside_method=rollout"),
        (
            "attention",
            {"view": "Class maps", "method": "rollout", "set_discard": "2"},
            "says set_discard=2, .* 0.95",
        ),
        ("attention", {"view": "Class maps", "stage": "4"}, "says stage=4"),
        ("attention", {"view": "Class maps", "minus": "unicorn"}, "says minus=unicorn"),
        ("patches", {"view": "cost"}, "says view=cost, .* use .*view=similarity"),
        ("compare", {"show": "Confusin"}, "says show=Confusin"),
        ("inductive_bias", {"probe": "Shift", "border": "none"}, "says border=none"),
        ("attention", {"class": "unicorn"}, "names unicorn, test image 1"),
        ("patches", {"image": "101"}, "names cat, test image 101"),
        ("inductive_bias", {"probe": "Telepathy"}, "names the experiment 'Telepathy'"),
        ("compare", {"view": "Sweeps", "sweep": "gone"}, "names the sweep 'gone'"),
        ("inductive_bias", {"probe": "Attention distance", "n": "100"}, "Not measured yet"),
    ],
)
def test_link_to_something_missing_is_refused_with_its_name(where, state, words):
    with pytest.raises(UserError, match=words):
        scenes.scene(where, state)


@pytest.mark.parametrize("link", [{"view": "Class maps", "run": "vit-cifar10"}, {"run": "resnet-cifar10"}])
def test_class_maps_have_no_file_and_the_refusal_names_the_other_formats(link):
    with pytest.raises(UserError, match=r"(?i)class maps .* PNG, SVG or CSV .* talk") as refused:
        scene_file.from_address(link)
    assert "no attention" not in str(refused.value)


def test_link_to_something_unsupported_is_refused_with_its_value():
    for page, state, words in (
        ("patches", {"patch": "3"}, "patches of 3 pixels"),
        ("attention", {"image": "101"}, "cat, test image 101"),
        ("compare", {"show": "Disagreement", "runs": "vit-cifar10"}, "two runs"),
        ("compare", {"show": "Disagreement", "sheet": "999"}, "do not exist"),
        ("inductive_bias", {"probe": "Frequencies", "n": "7"}, "says n=7"),
    ):
        with pytest.raises(UserError, match=words):
            scenes.scene(page, state)
    good = {"query": "8.8", "second": "cls", "layer": "mean", "head": "8", "map": "rollout", "overlay": "off"}
    scenes.scene(
        "attention", good | {"direction": "keys", "scale": "map", "content": "positions", "over": "test"}
    )
    scenes.scene("attention", {"image": "9" * 5000})  # too many digits for int()


def test_class_map_is_of_the_class_in_the_link():
    link = {"run": "resnet-cifar10", "class": "deer", "image": "5"}
    answer, dog, same = (
        scenes.scene("attention", {**link, **more}).parts[1]
        for more in ({}, {"speaks": "dog"}, {"speaks": "the answer"})
    )
    assert (dog[0].count("dog"), answer[0].count("dog")) == (1, 0)
    assert dog[1] != answer[1]
    assert dog[2] == answer[2]  # the prediction stays the same
    assert same == answer


def test_every_section_of_compare_has_a_scene():
    runs = "vit-cifar10,resnet-cifar10"
    shown = scenes.scene("compare", {"show": "Disagreement", "runs": runs, "who": "second"})
    assert isinstance(shown, scene_types.Pictures)
    for truth, _, predictions in shown.parts:  # only the second model is correct
        first, second = predictions.split(", ResNet")
        assert f": {truth} " in second
        assert f": {truth} " not in first
    (part,) = scenes.scene("compare", {"show": "Speed to accuracy", "runs": runs}).parts
    assert "82.30 %" in part[1]  # the ViT's best validation accuracy, README
    for section in ("Confusion", "Classes", "Calibration", ""):
        assert isinstance(scenes.scene("compare", {"show": section}), scene_types.Figures)
    (part,) = scenes.scene("compare", {}).parts
    names = {trace.name for trace in part[0].data}
    (smooth,) = scenes.scene("compare", {"smooth": "0.9", "log": "true", "x": "step"}).parts
    assert smooth[0].layout.yaxis2.type == "log"
    assert part[0].layout.yaxis2.type != "log"
    assert len(smooth[0].data) > len(part[0].data)  # with the raw curves behind
    assert smooth[0].layout.xaxis.title.text == "optimizer step"
    assert scenes.scene("compare", {"smooth": "much", "x": "weather"})  # invalid values are ignored
    pair = {"ViT, 88 epochs", "ResNet, 85 epochs"}
    assert pair | {"faint: training"} <= names
    assert not names & {"GoogleNet, quick", "DenseNet, quick"}  # the page shows the pair only


def test_receptive_fields_of_both_models_are_one_figure():
    link = {"probe": "Receptive field", "n": "500"}
    ((figure, alt),) = scenes.scene("inductive_bias", link).parts
    titles = [note.text for note in figure.layout.annotations]
    assert all(any(name in text for text in [*titles, alt]) for name in ("ViT", "ResNet"))
    assert not any("untrained" in text for text in [*titles, alt])


def test_every_page_has_a_scene():
    for page in PAGES:
        assert scenes.scene(page, {})
    with pytest.raises(UserError, match="no page 'attic'"):
        scenes.scene("attic", {})


def test_pages_import_no_other_page_for_their_scene():
    for page in PAGES:
        code = (ROOT / "dashboard" / page / "scene.py").read_text()
        others = [other for other in PAGES if other != page and f"dashboard.{other}" in code]
        assert not others, page


def test_stepper_starts_at_the_step_in_the_link():
    assert scenes.scene("patches", {"step": "3"}).arguments["step"] == 3
    assert scenes.scene("patches", {}).arguments["step"] == 1


def asked(link, question="Which patch?"):
    """Return the pixels of the picture next to the question of a step, or None."""
    page, state = parse_link(link)
    answer = {"question": question, "answer": "This."} if question else {}
    step = Step(title="Title", say="Words.", link=link, **answer)
    text = stage.asked(3, step, scenes.scene(page, state), state)
    found = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    return found and np.array(Image.open(io.BytesIO(base64.b64decode(found[1]))))


def test_question_has_the_image_of_its_step_with_a_frame_at_the_queried_patch():
    link = "attention?run=vit-cifar10&class=cat&image=1&layer=2&head=3"
    plain, framed = asked(link + "&query=cls"), asked(f"{link}&query=3.4&view=Inside+a+block")
    changed = np.argwhere((plain != framed).any(axis=-1))
    unit = len(plain) / 8
    assert np.all(np.abs(changed.min(axis=0) - unit * np.array([2, 3])) <= 9)
    assert np.all(np.abs(changed.max(axis=0) - unit * np.array([3, 4])) <= 9)
    image = image_in(AttentionState.of(kind="cat", image=1), load_dataset("cifar10-mini")).image
    step = len(plain) // 32
    assert np.array_equal(plain[step // 2 :: step, step // 2 :: step], image.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("link", "question", "shown"),
    [
        ("overview?look=cat", "What is it?", True),
        ("patches?class=cat&image=1&step=2", "How many patches?", True),
        ("patches?class=cat&image=1&step=2", "", False),
        ("compare?show=Scores", "Which model?", False),
    ],
)
def test_question_has_a_picture_if_its_step_has_an_image(link, question, shown):
    assert (asked(link, question) is not None) == shown


def test_exported_question_covers_its_own_step_and_shows_its_image():
    link = "overview?look=cat"
    asking = Step(title="Ears", say="Words.", question="What is it?", answer="a cat", link=link)
    text, errors = html_export.as_html(Talk(title="One", steps=(asking,)))
    assert not errors
    (selector,) = re.findall(r'<style>html:not\(\[data-answered~="1"\]\) ([^{]+) {', text)
    assert selector.startswith(".standalone-step[")  # a stepper in a view has `data-step`, too
    assert text.count('class="talk-asked ') == 1
