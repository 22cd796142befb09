"""Links with values that do not exist on this machine."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from dashboard.attention import attributions, class_maps
from dashboard.drawing.markdown import escape
from dashboard.page_table import PAGES
from dashboard.states.attention import PREDICTED
from tests.apptests import open_app
from tests.conftest import TINY_VIT
from tests.made_runs import make_run
from vitcore.data.datasets import CLASSES, load_dataset
from vitcore.models import load_run
from vitcore.paths import runs_dir
from vitcore.preprocessing import preprocessing_of
from vitcore.probes import PROBES
from vitcore.runs.folder import find_run

UNKNOWN = [  # page, query, the missing value, what is shown instead
    ("overview", {"look": "zebra"}, "zebra", "cat"),
    ("overview", {"look": "\n\n![x](http://h/x.png)"}, "`![x](http://h/x.png)`", "cat"),  # code, no picture
    ("overview", {"look": "dog", "nth": "1000"}, "1000", "dog, test image 1 of 100"),
    ("attention", {"run": "nowhere"}, "nowhere", "ViT, 88 epochs"),
    ("attention", {"class": "unicorn", "image": "3"}, "unicorn", "cat"),
    ("attention", {"query": "9.9", "layer": "7"}, "`query=9.9` and `layer=7`", "the defaults"),
    ("attention", {"view": "Nothing"}, "Nothing", "Maps"),
    (
        "attention",
        {"view": "Inside a block", "step": "11", "query": "9.9"},
        "`query=9.9` and `step=11`",
        "the defaults",
    ),
    ("attention", {"view": "Inside a block", "layer": "2", "step": "10"}, "`step=10`", "the defaults"),
    (
        "attention",
        {"run": "resnet-cifar10", "view": "Inside a convolution", "block": "1", "step": "7"},
        "`step=7`",
        "the defaults",
    ),
    (
        "attention",
        {"run": "resnet-cifar10", "view": "Inside a convolution", "block": "10", "channel": "17"},
        "`block=10` and `channel=17`",
        "the defaults",
    ),
    ("attention", {"class": "ship", "image": "9999"}, "9999", "ship, test image 1 of 100"),
    ("patches", {"patch": "7"}, "7", "patches of 4 pixels"),
    ("compare", {"show": "Nothing"}, "Nothing", "Scores"),
    ("compare", {"runs": "vit-cifar10,gone"}, "gone", "the others of the link"),
    ("compare", {"view": "Sweeps", "sweep": "lost"}, "lost", "Sample efficiency"),
    ("attention", {"beside": "gone"}, "gone", "ResNet, 85 epochs"),
    ("attention", {"method": "lime"}, "lime", "Class relevance"),
    ("attention", {"beside_method": "rollout"}, "rollout", "Grad-CAM"),
    ("attention", {"method": "rollout", "set_discard": "2"}, "`set_discard=2`", "0"),
    ("training", {"watch": "gone"}, "gone", "ViT, 88 epochs"),
    ("training", {"model": "perceptron"}, "perceptron", "ViT"),
    ("training", {"data": "mnist"}, "mnist", "cifar10-mini"),
    ("training", {"model": "mixer", "recipe": "secret"}, "secret", "quick"),
    ("inductive_bias", {"probe": "Magic"}, "Magic", "Summary"),
]


@pytest.mark.parametrize(("name", "query", "named", "shown"), UNKNOWN)
def test_unknown_link_values_show_a_toast(name, query, named, shown):
    (toast,) = open_app(name, **query).toast
    assert named in toast.value
    assert escape(shown) in toast.value


def test_valid_link_shows_no_toast():
    app = open_app("attention", run="vit-cifar10", **{"class": "ship", "image": "100"})
    assert not app.toast
    assert app.number_input(key="image").value == 100


UNKNOWN_NAMES = [  # page, query, what the page ignores
    ("training", {"wacth": "resnet-cifar10"}, "`wacth`"),
    ("inductive_bias", {"experiment": "Shift", "set_border": "zero"}, "`experiment`"),
    ("attention", {"watch": "vit-cifar10", "run": "resnet-cifar10"}, "`watch`"),  # which one is meant?
    ("overview", {"set_border": "zero", "runs": "vit-cifar10"}, "`set_border` and `runs`"),
    ("training", {"all": "1"}, "`all=1`"),
    ("compare", {"x": "weather", "smooth": "2"}, "`x=weather` and `smooth=2`"),
]


@pytest.mark.parametrize(("name", "query", "ignored"), UNKNOWN_NAMES)
def test_parameter_that_a_page_cannot_use_is_named_once_and_removed(name, query, ignored):
    app = open_app(name, **query)
    (toast,) = app.toast
    assert ignored in toast.value
    assert not any(f"`{parameter}" in ignored for parameter in app.query_params)
    assert not app.run().toast


@pytest.mark.parametrize("name", PAGES)
def test_parameters_of_hosts_and_of_the_tour_are_accepted_on_every_page(name):
    query = {
        "embed": "true",
        "embed_options": "light_theme",
        "tour": "1",
        "utm_source": "x",
        "__theme": "dark",
    }
    assert not open_app(name, **query).toast


@pytest.mark.parametrize(
    ("name", "parameter", "accepted"),
    [
        ("training", "watch", "run"),
        ("training", "watch", "runs"),
        ("attention", "run", "watch"),
        ("patches", "run", "runs"),
        ("compare", "runs", "run"),
        ("compare", "runs", "watch"),
    ],
)
def test_run_is_shown_under_the_name_that_another_page_has_for_it(name, parameter, accepted):
    app = open_app(name, **{accepted: "vit-cifar10"})
    assert not app.toast
    assert app.session_state[parameter] in ("vit-cifar10", ["vit-cifar10"])
    assert accepted not in app.query_params


@pytest.mark.parametrize(
    ("name", "query"),
    [
        (
            "attention",
            {
                "run": "../../etc",
                "class": "unicorn",
                "image": "999",
                "query": "nowhere",
                "layer": "99",
                "head": "x",
                "snapshot": "-1",
                "mask": "a.b",
                "speaks": "x",
            },
        ),
        ("compare", {"runs": "none", "x": "7"}),
        ("patches", {"patch": "3"}),
        ("inductive_bias", {"shuffle": "<b>", "probe": "Shuffle"}),
    ],
)
def test_link_with_only_invalid_values_opens_the_page(name, query):
    app = open_app(name, **query)
    assert len(app.title) == 1


@pytest.mark.parametrize("link", ["resnet", "ResNet"])
def test_link_to_training_names_a_model_by_id_or_by_its_label_as_older_links_do(link):
    app = open_app("training", model=link, data="own folder", recipe="tutorial")
    chosen = {selectbox.label: selectbox.value for selectbox in app.selectbox}
    assert (chosen["Model"], chosen["Data"], chosen["Recipe"]) == ("resnet", "own folder", "tutorial")
    assert not app.toast
    assert app.query_params["model"] in ("resnet", ["resnet"])


@pytest.mark.parametrize("link", ["attention-distance", "Attention distance", "distance"])
def test_link_names_an_experiment_by_name_or_by_its_title_as_older_links_do(link):
    app = open_app("inductive_bias", probe=link)
    known = link != "attention-distance"
    assert bool(app.toast) != known
    assert (PROBES["distance"].question in [heading.value for heading in app.header]) == known


def test_title_of_attention_is_about_regions_for_a_model_without_attention():
    assert open_app("attention", run="vit-cifar10").title[0].value == PAGES["attention"].question
    app = open_app("attention", run="resnet-cifar10")
    assert app.title[0].value == class_maps.QUESTION != PAGES["attention"].question


def class_maps_of_the_bundled_vit(other):
    from dashboard.attention import class_maps
    from vitcore.data import load_dataset
    from vitcore.runs.folder import find_run

    data = load_dataset("cifar10-mini")
    others = [find_run(other)] if other else []
    class_maps.compare_class_maps(find_run("vit-cifar10"), None, data.test.images[0], data.classes, others)


@pytest.mark.parametrize(("other", "count"), [("resnet-cifar10", 2), ("", 1)])
def test_caption_says_that_both_share_a_color_scale_only_if_there_are_two_pictures(other, count):
    app = AppTest.from_function(class_maps_of_the_bundled_vit, args=(other,), default_timeout=60).run()
    assert not app.exception
    assert sum("data:image" in markdown.value for markdown in app.markdown) == count
    assert any("for both" in caption.value for caption in app.caption) == (count == 2)


def test_map_that_is_being_computed_is_named_in_a_spinner(monkeypatch):
    shown, computed = [], []

    @contextmanager
    def spinner(text, **_):
        shown.append(text)
        yield
        shown.pop()

    def values(question, seed=None):
        computed.append((question.title, *shown))
        return np.ones((8, 8))

    monkeypatch.setattr(st, "spinner", spinner)
    monkeypatch.setattr(attributions, "values", values)
    app = AppTest.from_function(
        class_maps_of_the_bundled_vit, args=("resnet-cifar10",), default_timeout=60
    ).run()
    assert not app.exception
    assert len(computed) == 2
    assert all(escape(title) in shown[-1] for title, *shown in computed)


@pytest.mark.parametrize("run", ["vit-cifar10", "resnet-cifar10"])
@pytest.mark.parametrize(
    ("link", "shown"), [({}, ""), ({"speaks": "the answer"}, ""), ({"speaks": "dog"}, "dog")]
)
def test_class_of_the_maps_is_the_one_in_the_link_or_the_predicted_class(run, link, shown):
    app = open_app("attention", run=run, **{"class": "ship", "image": "1"}, **link)
    (choice,) = (selectbox for selectbox in app.selectbox if selectbox.key == "speaks")
    assert not app.toast
    assert choice.value == (shown or PREDICTED)
    split = load_dataset("cifar10-mini").test
    image = split.images[np.flatnonzero(split.labels == CLASSES.index("ship"))[1]]
    model = load_run(find_run(run)).eval()
    with torch.no_grad():
        answer = model(torch.from_numpy(preprocessing_of(model).normalized(image[None]))).argmax()
    wanted = f"for **{shown or CLASSES[answer]}**"
    assert any(wanted in markdown.value.lower() for markdown in app.markdown)


def test_label_of_the_predicted_class_does_not_change_with_the_image():
    """The browser would keep the label of the first image, because the value of the box stays the same."""
    app = open_app("attention", run="vit-cifar10", **{"class": "ship", "image": "1"})
    labels = []
    for kind in ("ship", "dog"):
        (choice,) = (selectbox for selectbox in app.selectbox if selectbox.key == "class")
        choice.set_value(kind).run()
        (target,) = (selectbox for selectbox in app.selectbox if selectbox.key == "speaks")
        assert f"For **{kind}**" in " ".join(markdown.value for markdown in app.markdown)
        labels.append(target.options[0])
    assert labels[0] == labels[1]


def of_address(app, name):
    """Return a query parameter, which AppTest holds as a text or as a list of one."""
    value = app.query_params[name]
    return value[0] if isinstance(value, list) else value


def random_maps(app):
    return [
        markdown
        for markdown in app.markdown
        if "random weights" in markdown.value and "data:image" in markdown.value
    ]


def test_methods_and_settings_of_the_link_are_shown_and_kept():
    link = {"view": "Class maps", "method": "rollout", "set_fusion": "max", "beside_method": "occlusion"}
    app = open_app("attention", run="vit-cifar10", **link, set_windows="4")
    assert not app.toast
    values = {selectbox.key: selectbox.value for selectbox in app.selectbox}
    assert (values["method"], values["beside_method"]) == ("rollout", "occlusion")
    assert (values["set_fusion"], values["set_discard"], values["set_windows"]) == ("max", "0.0", "4")
    assert {name: of_address(app, name) for name in link} == link
    assert "set_discard" not in app.query_params
    app.selectbox(key="method").set_value("integrated-gradients").run()
    assert "set_fusion" not in app.query_params  # no shown method has this setting
    assert of_address(app, "set_windows") == "4"
    app.selectbox(key="method").set_value("relevance").run()
    assert "method" not in app.query_params


def test_two_methods_share_the_settings_of_the_same_name():
    app = open_app(
        "attention", view="Class maps", method="occlusion", beside_method="occlusion", set_windows="4"
    )
    assert [selectbox.key for selectbox in app.selectbox].count("set_windows") == 1
    shown = [markdown.value for markdown in app.markdown if "data:image" in markdown.value]
    assert sum("1/4 of the image" in text for text in shown) == 2


@pytest.mark.parametrize(("run", "maps"), [("vit-cifar10", 2), ("resnet-cifar10", 1)])
def test_checks_are_drawn_on_demand(run, maps):
    app = open_app("attention", view="Class maps", run=run)
    assert not random_maps(app)
    app.toggle(key="check").set_value(True).run()
    assert not app.exception
    assert len(random_maps(app)) == maps
    (areas,) = (markdown.value for markdown in app.markdown if markdown.value.startswith("| area"))
    assert areas.count("±") == 2 * maps
    linked = open_app("attention", view="Class maps", run=run, check="true")
    assert len(random_maps(linked)) == maps


def test_link_to_a_damaged_run_gives_the_reason():
    run = make_run(runs_dir(), "damaged", model="vit", **TINY_VIT)
    (run.path / "config.yaml").write_text("model: vit\nno_such_setting: 1\n", encoding="utf-8")
    (toast,) = open_app("attention", run=run.id).toast
    assert escape("config.yaml") in toast.value
    assert "setting" in toast.value
    assert escape("ViT, 88 epochs") in toast.value
