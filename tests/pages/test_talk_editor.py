"""The editor of talks without a browser."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.talk import files, scenes, stage, store
from dashboard.talk.files import Step
from dashboard.talk.store import Place
from tests.apptests import open_app
from tests.own_talk import TEXT, add, press, titles


def edit(name="mine", step=1):
    def script():
        from dashboard.talk import editor

        editor.show()

    app = AppTest.from_function(script, default_timeout=120)
    app.query_params.update({"edit": name, "step": str(step)})
    app.run()
    assert not app.exception, app.exception
    return app


def field(app, label):
    form = [field for field in [*app.text_input, *app.text_area] if field.key.startswith("step_")]
    (found,) = (field for field in form if field.label == label)
    return found


def test_link_opens_the_step_that_it_names(mine):
    app = edit(step=2)
    assert field(app, "Title").value == "Two"
    assert field(app, "Notes for the speaker").value == "Slowly."
    assert app.radio(key="step").value == "2"


def test_preview_of_a_question_has_the_picture_of_the_slide(mine):
    app = edit("inside", step=6)
    (question,) = [one.value for one in app.markdown if "largest weight always" in one.value]
    assert "2. no" in question
    step = files.find_talk("inside").steps[5]
    slide = stage.asked(6, step, scenes.scene(step.page, dict(step.state)), step.state)
    (source,) = re.findall(r'src="([^"]+)"', slide)
    (picture,) = [one.value for one in app.markdown if one.value.startswith("![The image")]
    assert f"({source})" in picture
    assert "frame at row 3, column 4" in picture


def test_preview_of_a_step_without_a_question_has_no_second_picture(mine):
    app = edit("inside", step=4)
    assert not [one for one in app.markdown if one.value.startswith("![The image")]


def test_saved_fields_are_written_and_the_rest_of_the_file_is_kept(mine):
    app = edit(step=2)
    field(app, "Sentence for the audience").set_value("Said better.")
    field(app, "Question").set_value("Which one?")
    field(app, "Choices, one a line").set_value("this\n\n that ")
    field(app, "Answer").set_value("that")
    press(app, "Save step")
    step = files.find_talk("mine").steps[1]
    assert (step.say, step.question, step.answers, step.answer) == (
        "Said better.",
        "Which one?",
        ("this", "that"),
        "that",
    )
    kept = TEXT.splitlines()
    assert [line for i, line in enumerate(mine.read_text().splitlines()) if i != 4] == kept[:4] + kept[5:]
    assert field(app, "Sentence for the audience").value == "Said better."


@pytest.mark.parametrize(
    ("label", "text", "named"),
    [
        ("Link", "attic?x=1", "attic"),
        ("Link", "https://example.org/", "example"),
        ("Question", "Which?", "A question needs an answer"),
        ("Answer", "this", "An answer needs a question"),
        ("Choices, one a line", "one", "2 to 6 choices"),
        ("Title", " ", "The title is empty"),
    ],
)
def test_invalid_field_is_refused_without_yaml(mine, label, text, named):
    app = edit(step=2)
    field(app, label).set_value(text)
    press(app, "Save step")
    (error,) = app.error
    assert named in error.value
    assert ":`" not in error.value
    assert field(app, label).value == text  # what was typed is kept
    assert mine.read_text() == TEXT


def test_answer_that_is_no_choice_gets_an_error_below_its_field(mine):
    app = edit(step=2)
    field(app, "Question").set_value("Which one?")
    field(app, "Choices, one a line").set_value("this\nthat")
    field(app, "Answer").set_value("These")
    press(app, "Save step")
    (expander,) = (one for one in app.expander if one.label.startswith("Question"))
    assert expander.proto.expanded
    elements = list(expander.columns[1].children.values())
    assert [element.type for element in elements] == ["text_input", "error"]
    assert app.error[0].value.startswith("The answer must be one of the choices")
    field(app, "Answer").set_value("this")
    press(app, "Save step")
    assert not app.error
    assert files.find_talk("mine").steps[1].answer == "this"


# ---- text that is not saved


def marked(app):
    """Return the numbers of the steps that the list marks as not saved."""
    captions = app.radio(key="step").proto.captions
    return [i for i, caption in enumerate(captions, start=1) if caption == "not saved"]


def choose(app, step):
    app.radio(key="step").set_value(str(step)).run()
    assert not app.exception, app.exception


def test_typed_text_is_kept_while_another_step_is_shown(mine):
    app = edit(step=1)
    labels = app.radio(key="step").options
    field(app, "Title").set_value("Changed").run()
    assert app.radio(key="step").options == labels  # the browser finds the chosen step by its label
    field(app, "Notes for the speaker").set_value("A\nnote")
    choose(app, 3)
    assert (field(app, "Title").value, marked(app)) == ("Three", [1])
    choose(app, 1)
    assert field(app, "Title").value == "Changed"
    assert field(app, "Notes for the speaker").value == "A\nnote"
    assert mine.read_text() == TEXT
    press(app, "Save step")
    assert (titles(), marked(app)) == (["Changed", "Two", "Three"], [])
    assert files.find_talk("mine").steps[0].note == "A\nnote"


def test_typed_text_stays_with_its_step_when_another_one_is_moved(mine):
    app = edit(step=1)
    field(app, "Title").set_value("Changed")
    choose(app, 2)
    press(app, "Up")
    assert (titles(), marked(app)) == (["Two", "One", "Three"], [2])
    choose(app, 2)
    assert field(app, "Title").value == "Changed"


@pytest.mark.parametrize("label", ["Up", "Down", "Duplicate", "Remove"])
def test_step_with_typed_text_is_saved_or_discarded_before_it_is_changed(mine, label):
    app = edit(step=2)
    field(app, "Title").set_value("Changed")
    press(app, label)  # in the same run, as after a click that leaves the field
    assert ["not saved" in error.value for error in app.error] == [True]
    assert (mine.read_text(), field(app, "Title").value) == (TEXT, "Changed")
    off = {button.label for button in app.button if button.disabled}
    off |= {link.proto.label for link in app.get("link_button") if link.proto.disabled}
    assert off >= {"Up", "Down", "Duplicate", "Remove", "Present from here"}
    press(app, "Discard changes")
    assert (field(app, "Title").value, marked(app), len(app.error)) == ("Two", [], 0)
    press(app, label)
    assert not app.error
    assert mine.read_text() != TEXT


def test_typed_text_of_a_step_that_another_tab_removed_is_offered(mine):
    first, second = edit(step=2), edit(step=2)
    field(second, "Title").set_value("Of the second")
    choose(second, 1)
    press(first, "Remove")
    second.run()
    assert any("Of the second" in code.value for code in second.code)
    press(second, "Add it as a new step")
    assert titles() == ["One", "Of the second", "Three"]
    assert not second.code


def test_steps_are_moved_duplicated_removed_and_restored(mine):
    app = edit(step=2)
    press(app, "Down")
    assert (titles(), app.radio(key="step").value) == (["One", "Three", "Two"], "3")
    press(app, "Up")
    press(app, "Duplicate")
    assert (titles(), app.radio(key="step").value) == (["One", "Two", "Two", "Three"], "3")
    press(app, "Remove")
    press(app, "Remove")
    assert titles() == ["One", "Two"]
    app.button(key="undo_removal").click().run()
    app.button(key="undo_removal").click().run()
    assert titles() == ["One", "Two", "Two", "Three"]
    assert not [button for button in app.button if button.key == "undo_removal"]


def test_two_tabs_keep_each_others_steps(mine):
    first, second = edit(step=1), edit(step=3)
    press(first, "Remove")
    field(second, "Title").set_value("Three, changed")
    press(second, "Save step")
    assert titles() == ["Two", "Three, changed"]
    assert any("another tab" in toast.value for toast in second.toast)
    first.button(key="undo_removal").click().run()
    assert titles() == ["One", "Two", "Three, changed"]


def test_two_versions_of_one_step_are_both_kept(mine):
    first, second = edit(step=2), edit(step=2)
    for app, title in ((first, "Of the first"), (second, "Of the second")):
        field(app, "Title").set_value(title)
        press(app, "Save step")
    assert titles() == ["One", "Of the first", "Three"]
    assert any("another tab" in error.value for error in second.error)
    assert any("Of the second" in code.value for code in second.code)
    press(second, "Add it as a new step")
    assert titles() == ["One", "Of the first", "Of the second", "Three"]
    assert not second.code


def test_talk_with_the_title_of_another_one_stays_chosen(mine):
    other = mine.with_name("another.yaml")
    other.write_text(TEXT.replace("First.", "Of the other talk."))
    app = edit("mine")
    choose(app, 2)
    choose(app, 1)
    assert field(app, "Sentence for the audience").value == "First."
    assert app.selectbox(key="edit").value == "mine"
    add(open_app("compare"), "mine", "Scores", "Both models.")
    assert titles() == ["One", "Two", "Three", "Scores"]


def test_bundled_talk_is_shown_without_a_form_and_copied(mine):
    app = edit("why")
    assert not [button for button in app.button if button.label in ("Up", "Remove", "Save step")]
    press(app, "Copy to my talks")
    (name,) = (name for name in store.own_talks() if name != "mine")
    assert files.find_talk(name).steps == files.find_talk("why").steps
    assert field(app, "Sentence for the audience").value == files.find_talk("why").steps[0].say


def test_broken_talk_is_shown_with_its_line(mine):
    mine.write_text(TEXT.replace("say: Second.", "sya: Second."))
    app = edit()
    assert any("line 5" in error.value and "sya" in error.value for error in app.error)


def test_new_talk_is_opened_in_the_editor(mine):
    app = edit()
    app.text_input(key="new_title").set_value("Another one")
    press(app, "Create talk")
    assert files.find_talk("another-one").title == "Another one"
    assert app.selectbox(key="edit").value == "another-one"


def test_talk_is_renamed(mine):
    app = edit()
    app.text_input(key="title_of_mine").set_value("A better title")
    press(app, "Save title")
    assert mine.read_text() == TEXT.replace("Mine", "A better title")


def test_empty_title_of_a_talk_is_refused_without_yaml(mine):
    app = edit()
    app.text_input(key="title_of_mine").set_value(" ")
    press(app, "Save title")
    (error,) = app.error
    assert error.value.startswith("The title of the talk is empty")
    assert mine.read_text() == TEXT


def test_every_button_of_the_editor_is_refused_in_read_only_mode(mine, monkeypatch):
    monkeypatch.setenv("VITLAB_READONLY", "1")
    app = edit(step=2)
    for label in ("Up", "Down", "Duplicate", "Remove", "Save step", "Save title"):
        if label == "Save step":
            field(app, "Title").set_value("Changed")
        press(app, label)
        assert any("read" in error.value and "only" in error.value for error in app.error), label
    assert mine.read_text() == TEXT
    assert list(mine.parent.iterdir()) == [mine]


def test_step_whose_view_is_missing_can_be_edited(mine):
    store.replace(
        "mine",
        Place(0, files.find_talk("mine").steps[0]),
        Step(title="A", say="B", link="attention?run=gone"),
    )
    app = edit()
    assert any("gone" in error.value for error in app.error)
    assert field(app, "Link").value == "attention?run=gone"
