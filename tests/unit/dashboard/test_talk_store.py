"""The user's talks on disk: two tabs lose no steps, bundled talks stay as they are."""

from __future__ import annotations

import re
import threading

import pytest

from dashboard.talk import files, store
from dashboard.talk.store import Place
from tests.unit.dashboard.test_talk_edits import LAID_OUT, NEW
from vitcore.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_TALKS", str(tmp_path / "talks"))
    return tmp_path / "talks"


@pytest.fixture
def mine(home):
    home.mkdir()
    (home / "mine.yaml").write_bytes(LAID_OUT.encode())
    return home / "mine.yaml"


def place(index):
    return Place(index, files.find_talk("mine").steps[index])


def test_new_talk_is_written_and_found_by_the_reader(home):
    name = store.create("Wie sieht ein ViT? #1", NEW)
    assert name == "wie-sieht-ein-vit-1"
    talk = files.find_talk(name)
    assert (talk.title, talk.steps) == ("Wie sieht ein ViT? #1", (NEW,))
    assert store.create("wie sieht ein vit 1", NEW) == "wie-sieht-ein-vit-1-2"
    assert store.create("!", NEW) == "talk"
    assert store.create("Why", NEW) != "why"  # it would hide the bundled talk


def test_bundled_talk_is_copied_and_not_changed(home):
    path = files.list_talks()["why"]
    before = path.read_bytes()
    with pytest.raises(UserError, match="copy it first"):
        store.add("why", NEW)
    name = store.copy("why")
    assert path.read_bytes() == before
    talk = files.find_talk(name)
    assert talk.steps == files.find_talk("why").steps
    assert talk.title != files.find_talk("why").title
    assert store.add(name, NEW) == len(talk.steps)


def test_folder_of_bundled_talks_is_never_written(home, monkeypatch):
    folder = files.folders()[1]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setenv("VITLAB_TALKS", str(folder))
    for act in (
        lambda: store.create("New", NEW),
        lambda: store.add("why", NEW),
        lambda: store.copy("why"),
    ):
        with pytest.raises(UserError):
            act()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_undo_restores_the_file_byte_for_byte(mine):
    before = mine.read_bytes()
    for index in range(5):
        removed = store.remove("mine", place(index))
        assert len(files.find_talk("mine").steps) == 4
        assert store.restore("mine", removed) == index
        assert mine.read_bytes() == before


def test_undo_after_another_change_keeps_both(mine):
    removed = store.remove("mine", place(1))
    store.add("mine", NEW)
    store.restore("mine", removed)
    assert [s.title for s in files.find_talk("mine").steps] == [
        "One",
        "Two",
        "Three",
        "Four",
        "Five",
        NEW.title,
    ]


def test_last_step_is_not_removed(home):
    name = store.create("One step", NEW)
    with pytest.raises(UserError, match="needs one step"):
        store.remove(name, Place(0, NEW))


def test_step_that_moved_in_another_tab_is_changed_where_it_is(mine):
    seen = place(3)
    store.move("mine", place(3), -3)
    changed = seen.step.model_copy(update={"say": "Changed."})
    assert store.replace("mine", seen, changed) == 0
    assert files.find_talk("mine").steps[0] == changed
    assert [s.title for s in files.find_talk("mine").steps] == ["Four", "One", "Two", "Three", "Five"]


@pytest.mark.parametrize(
    "act",
    [
        lambda seen: store.replace("mine", seen, NEW),
        lambda seen: store.move("mine", seen, 1),
        lambda seen: store.remove("mine", seen),
        lambda seen: store.duplicate("mine", seen),
    ],
)
def test_step_that_changed_in_another_tab_is_not_overwritten(mine, act):
    seen = place(2)
    store.replace("mine", seen, seen.step.model_copy(update={"title": "Of the other tab"}))
    before = mine.read_bytes()
    with pytest.raises(store.StepGone, match="Three"):
        act(seen)
    assert mine.read_bytes() == before


def test_steps_added_at_the_same_time_are_all_kept(mine):
    def add(number):
        store.add("mine", NEW.model_copy(update={"title": f"Number {number}"}))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    titles = {step.title for step in files.find_talk("mine").steps}
    assert {f"Number {number}" for number in range(8)} <= titles
    assert len(files.find_talk("mine").steps) == 13


@pytest.mark.parametrize(
    "text",
    [
        "title: T\nsteps: [{title: A, say: B, link: /}]\n",
        '{"title": "T", "steps": [{"title": "A", "say": "B", "link": "/"}]}',
    ],
)
def test_steps_in_brackets_are_refused_and_kept(home, text):
    home.mkdir()
    (home / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match="text editor"):
        store.add("mine", NEW)
    assert (home / "mine.yaml").read_text() == text


def test_talk_with_too_many_steps_is_refused_and_kept(home):
    home.mkdir()
    text = "title: Many\nsteps:\n" + 200 * "  - {title: A, say: B, link: /}\n"
    (home / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match="at most 200"):
        store.add("mine", NEW)
    assert (home / "mine.yaml").read_text() == text


def test_talk_is_written_through_a_link_to_its_file(home, tmp_path):
    home.mkdir()
    (tmp_path / "elsewhere.yaml").write_text(LAID_OUT)
    (home / "mine.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    store.rename("mine", "Renamed")
    assert (home / "mine.yaml").is_symlink()
    assert (tmp_path / "elsewhere.yaml").read_text() == LAID_OUT.replace("Mine", "Renamed")


def test_folder_that_cannot_be_made_is_a_user_error(tmp_path, monkeypatch):
    folder = tmp_path / "file" / "talks"
    folder.parent.write_text("")
    monkeypatch.setenv("VITLAB_TALKS", str(folder))
    with pytest.raises(UserError, match=re.escape(str(folder))):
        store.create("New", NEW)


def test_every_change_is_refused_in_read_only_mode(mine, monkeypatch):
    seen, removed, before = place(0), store.Removed(0, "A", "", LAID_OUT, ""), mine.read_bytes()
    monkeypatch.setenv("VITLAB_READONLY", "1")
    acts = [
        lambda: store.create("New", NEW),
        lambda: store.copy("why"),
        lambda: store.rename("mine", "New"),
        lambda: store.add("mine", NEW),
        lambda: store.replace("mine", seen, NEW),
        lambda: store.move("mine", seen, 1),
        lambda: store.duplicate("mine", seen),
        lambda: store.remove("mine", seen),
        lambda: store.restore("mine", removed),
    ]
    for act in acts:
        with pytest.raises(UserError, match="read-only"):
            act()
    assert mine.read_bytes() == before
    assert [path.name for path in mine.parent.iterdir()] == ["mine.yaml"]
