"""Changes of talk files keep every part that they do not concern."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.talk import edits, files
from dashboard.talk.files import Step
from dashboard.talk.form_errors import check_form
from vitcore.errors import UserError

LAID_OUT = """\
# The lecture of Monday.
title: "Mine"   # not final
steps:
  # Part one
  - title: One
    say: A sentence
      over two lines.   # slowly
    link: attention?class=cat
    # a remark within the step

  # ---- Part two ----

  - say: 'Another.'
    note: |   # for me
      Speak

        slowly.
    title: Two
    link: /

  -
    title: Three
    say: >
      Folded
      text.
    link: /
  - {title: Four, say: "In one line", link: patches}   # flow
  # before five
  - title: Five
    say: Last.
    link: compare
    note: |+
      Kept.


# The end.
"""
FORMS = {"unix": LAID_OUT, "windows": LAID_OUT.replace("\n", "\r\n"), "no last line end": LAID_OUT.rstrip()}
NEW = Step(title="New: a step", say="Is this #1?", link="overview?look=cat", note="First\n\n  second: it's")


def read(text):
    return files.parse("mine.yaml", text)


def comments(text):
    return sorted(part for part in LAID_OUT.split("\n") if "# " in part and part.split("# ")[1] in text)


@pytest.fixture(params=FORMS)
def text(request):
    return FORMS[request.param]


def test_pieces_of_a_file_make_the_file_again(text):
    parts = edits.split(text)
    assert parts.text.rstrip() == text.rstrip()
    assert len(parts.steps) == 5
    assert parts.steps[0].startswith("  # Part one")
    assert "a remark within" in parts.steps[0]
    assert "Part two" in parts.gaps[0]


@pytest.mark.parametrize("index", range(5))
def test_move_there_and_back_keeps_every_byte(text, index):
    whole = edits.split(text).text
    for to in range(5):
        moved = edits.move(whole, index, to)
        titles = [step.title for step in read(whole).steps]
        titles.insert(to, titles.pop(index))
        assert [step.title for step in read(moved).steps] == titles
        assert comments(moved) == comments(LAID_OUT)
        assert edits.move(moved, to, index).strip() == whole.strip()


@pytest.mark.parametrize("index", range(6))
def test_added_step_leaves_all_other_lines_as_they_are(text, index):
    whole = edits.split(text).text
    added = edits.add(whole, NEW, index)
    assert read(added).steps[index] == NEW
    assert [step for i, step in enumerate(read(added).steps) if i != index] == list(read(whole).steps)
    kept = iter(added.splitlines(keepends=True))
    assert all(line in kept for line in whole.splitlines(keepends=True))  # in this order
    assert ("\r\n" in text) == ("\r\n" in edits.new_step(NEW, 2, edits.split(text).newline))


@pytest.mark.parametrize("index", range(5))
def test_removed_step_takes_only_its_own_lines(text, index):
    parts = edits.split(text)
    removed = edits.remove(text, index)
    assert [s.title for s in read(removed).steps] == [
        s.title for i, s in enumerate(read(text).steps) if i != index
    ]
    for i, lines in enumerate(parts.steps):
        assert (lines in removed) == (i != index)
    for piece in ("# The lecture", "# not final", "Part two", "# The end."):
        assert piece in removed
    assert edits.insert(removed, index, parts.steps[index]).count("\n") >= parts.text.count("\n") - 1


FIELD_CHANGES = [
    {"title": "Changed"},
    {"say": "Two: words # no comment"},
    {"note": "One line"},
    {"note": "Several\nlines # with a sign\n\n- and a dash"},
    {"note": ""},
    {"source": "Somebody 2021"},
    {"question": "Which?", "answers": ("a", "b: c"), "answer": "b: c"},
    {"title": "null", "say": "2024", "link": "compare?show=Scores", "note": "~", "source": "yes"},
]


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("change", FIELD_CHANGES, ids=str)
def test_changed_fields_leave_other_steps_and_comments(text, index, change):
    step = Step.model_validate(read(text).steps[index].model_dump() | change)
    changed = edits.set_step(text, index, step)
    assert read(changed).steps[index] == step
    before, after = edits.split(text), edits.split(changed)
    for i in range(5):
        assert i == index or before.steps[i] == after.steps[i]
    assert (before.gaps, before.head, before.tail) == (after.gaps, after.head, after.tail)
    assert comments(changed) == comments(LAID_OUT)
    if "\r\n" in text:
        assert changed.count("\n") == changed.count("\r\n")


def test_question_can_be_added_and_taken_away_in_every_layout(text):
    for index in range(5):
        old = read(text).steps[index]
        asked = old.model_copy(update={"question": "How many?", "answers": ("1", "2"), "answer": "2"})
        changed = edits.set_step(text, index, asked)
        assert read(changed).steps[index] == asked
        assert read(edits.set_step(changed, index, old)) == read(text)


LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(
    title=LINE, say=LINE, note=st.text(st.characters(codec="utf-8"), max_size=200), index=st.integers(0, 4)
)
@example(title="A", say="B", note="one\x85two\u2028three\n four\r", index=1)
@example(title="A", say="two \x1b\x85words", note="", index=0)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_back_from_a_changed_and_from_a_new_step(title, say, note, index):
    try:
        step = check_form({"title": title, "say": say, "note": note, "link": "patches"})
    except UserError:
        return  # a blank title
    removed = edits.remove(LAID_OUT, index)
    for changed in (edits.set_step(LAID_OUT, index, step), edits.add(removed, step, index)):
        assert read(changed).steps[index] == step
