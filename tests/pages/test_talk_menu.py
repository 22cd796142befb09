"""The menu "Talk" without a browser."""

from __future__ import annotations

import pytest

from dashboard.talk import add_form, files, store
from tests.apptests import open_app
from tests.own_talk import TEXT, add, press, titles
from tests.uploads import png


def test_view_is_added_to_a_talk_that_exists(mine):
    app = add(open_app("compare", show="Confusion"), "mine", "Confused", "Cats and dogs.")
    assert titles() == ["One", "Two", "Three", "Confused"]
    step = files.find_talk("mine").steps[-1]
    assert (step.page, step.state["show"], step.say) == ("compare", "Confusion", "Cats and dogs.")
    assert mine.read_text().startswith(TEXT)
    assert any("step 4" in toast.value and "Mine" in toast.value for toast in app.toast)


def test_view_is_added_to_a_new_talk(mine):
    app = add(open_app("compare"), "My second: talk", "Scores", "Both models.")
    (name,) = (name for name in store.own_talks() if name != "mine")
    talk = files.find_talk(name)
    assert (talk.title, [step.title for step in talk.steps]) == ("My second: talk", ["Scores"])
    assert any("My second" in toast.value for toast in app.toast)
    assert mine.read_text() == TEXT


@pytest.mark.parametrize(
    ("talk", "title", "say", "named"),
    [
        ("mine", 81 * "x", "Text.", "80"),
        ("mine", "A title", "", "The sentence for the audience is empty"),
        (None, "A title", "Text.", "talk"),
        ("mine", "A title", 221 * "x", "220"),
    ],
)
def test_incomplete_step_is_refused_with_what_to_do(mine, talk, title, say, named):
    app = add(open_app("compare"), talk, title, say)
    assert any(named in error.value for error in app.error)
    assert mine.read_text() == TEXT
    assert list(store.own_talks()) == ["mine"]


def test_view_of_an_own_image_is_refused_until_the_test_images_are_back(mine):
    app = open_app("patches")
    app.file_uploader[0].set_value(("blue.png", png((40, 40)), "image/png")).run()
    app = add(app, "mine", "Blue", "My image.", page="patches")
    assert any("own image" in error.value and "Own image" in error.value for error in app.error)
    assert mine.read_text() == TEXT
    press(app, "Back to the test images")
    add(app, "mine", "A cat", "A test image.", page="patches")
    assert titles() == ["One", "Two", "Three", "A cat"]


def test_own_image_does_not_keep_a_view_without_images_out_of_a_talk(mine):
    app = open_app("patches")
    app.file_uploader[0].set_value(("blue.png", png((40, 40)), "image/png")).run()
    app.query_params.clear()  # as a browser does on the way to another page
    app.switch_page("../pages/compare.py").run()
    add(app, "mine", "Scores", "Both models.")
    assert titles() == ["One", "Two", "Three", "Scores"]


def test_empty_title_becomes_the_suggested_one(mine):
    app = open_app("compare", show="Confusion")
    assert app.text_input(key="add_title_compare").placeholder == "Confusion"
    add(app, "mine", " ", "Cats and dogs.")
    assert titles()[-1] == "Confusion"


def test_menu_lists_own_and_all_bundled_talks(mine, tmp_path, monkeypatch):
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    for name in ("first", "second"):
        (bundled / f"{name}.yaml").write_text(TEXT.replace("Mine", f"The {name} talk"))
    monkeypatch.setattr(files, "folders", lambda: [mine.parent, bundled])
    monkeypatch.setattr("dashboard.talk.menu.folders", lambda: [mine.parent, bundled])
    monkeypatch.setattr("dashboard.talk.store.folders", lambda: [mine.parent, bundled])
    app = open_app("compare")
    entries = [markdown.value for markdown in app.markdown if "3 steps" in markdown.value]
    assert [entry.split("**")[1] for entry in entries] == ["Mine", "The first talk", "The second talk"]
    edited = [link.proto.label for link in app.get("link_button") if "edit=" in link.proto.url]
    assert edited == ["Edit", "Copy to edit", "Copy to edit"]


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ("attention?class=frog&image=4&view=Class+maps", "Class maps, frog, test image 4"),
        ("attention?class=cat&layer=2&head=5", "Attention, cat, test image 1, layer 2, head 5"),
        ("overview?look=dog&nth=3", "Overview, dog, test image 3"),
        (
            "attention?class=cat&layer=2&head=3&step=3&view=Class+maps",
            "Class maps, cat, test image 1",
        ),
        (
            "attention?class=cat&view=Inside+a+block&layer=2&head=3&step=3",
            "Inside a block, cat, test image 1, layer 2, head 3, Scores",
        ),
        (
            "attention?class=cat&view=Inside+a+convolution&layer=2&block=4&step=3",
            "Inside a convolution, cat, test image 1, block 4, step 3",
        ),
        ("patches?class=cat&step=5", "Patches, cat, test image 1, Positions"),
        pytest.param(f"patches?step={'9' * 5000}", f"Patches, step {'9' * 66}", id="a very long number"),
        ("compare?show=Confusion", "Confusion"),
        ("inductive_bias?probe=summary", "Summary"),
        ("inductive_bias?probe=shift&class=cat&image=1", "Shift, cat, test image 1"),
        ("training", "Training"),
    ],
)
def test_suggested_title_names_the_view_and_what_it_shows(link, title):
    assert add_form.default_title(link) == title


def test_title_follows_the_view_until_the_visitor_changes_it(mine):
    app = open_app("compare", show="Confusion")
    assert app.text_input(key="add_title_compare").value == "Confusion"
    app.query_params["show"] = "Scores"
    assert app.run().text_input(key="add_title_compare").value == "Scores"
