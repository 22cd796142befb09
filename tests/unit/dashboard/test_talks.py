"""Talk files are read, or refused with an error that names the line."""

from __future__ import annotations

import os
import re
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.talk import cached, files
from vitcore.errors import UserError

GOOD = """\
title: Mine
steps:
  - title: One
    say: A sentence
      over two lines.
    link: http://127.0.0.1:8501/attention?run=vit-cifar10&class=sea+lion&talk=old
  - title: Two
    say: Another.
    link: /
    note: |
      Speak
      slowly.
    source: nobody
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITLAB_TALKS", str(tmp_path))
    return tmp_path


def test_folder_whose_path_is_too_long_has_no_talks(monkeypatch):
    monkeypatch.setenv("VITLAB_TALKS", f"/{'x' * 300}")
    assert not files.misnamed()
    assert "why" in files.list_talks()  # the bundled ones


def test_talk_is_read_with_links_copied_from_the_browser(home):
    (home / "mine.yaml").write_text(GOOD)
    talk = files.find_talk("mine")
    first, second = talk.steps
    assert (talk.title, first.say) == ("Mine", "A sentence over two lines.")
    assert (first.page, first.state) == ("attention", {"run": "vit-cifar10", "class": "sea lion"})
    assert (second.page, second.state, second.note) == ("overview", {}, "Speak\nslowly.")
    assert second.source == "nobody"


def refusal(path) -> tuple[int, str]:
    """Return the line and the message of the error for a talk file."""
    with pytest.raises(UserError) as caught:
        files.read_talk(path)
    found = re.fullmatch(rf"{re.escape(path.name)}, line (\d+): (.+)", str(caught.value))
    assert found, caught.value
    return int(found[1]), found[2]


@pytest.mark.parametrize(
    ("line", "key", "text"),
    [
        (1, "`steps:`", ""),
        (1, "`steps:`", "- a\n- b\n"),
        (1, "`steps:`", "title: Mine\n"),
        (2, "`steps:`", "title: Mine\nsteps: []\n"),
        (2, "`steps:`", "title: Mine\nsteps: many\n"),
        (3, "`title:`", GOOD.replace("  - title: One\n    say", "  - say")),
        (3, "`say:`", "title: Mine\nsteps:\n  - One\n"),
        (6, "'attic'", GOOD.replace("attention?", "attic?")),
        (8, "`say:`", GOOD.replace("say: Another.", "say: ''")),
        (8, "`says:`", GOOD.replace("say: Another.", "says: Another.")),
        (1, "`name:`", f"name: mine\n{GOOD}"),
        (8, "at most 220", GOOD.replace("Another.", "x" * 221)),
        (8, "`say:`", GOOD.replace("Another.", "[a, b]")),
        (8, "`say:`", GOOD.replace("Another.", "{a: b}")),
        (8, "a key", GOOD.replace("    say: Another.", "    ? [a]\n    : b")),
        (9, "a step of a talk", GOOD.replace("link: /", "link: /?talk=why&step=3")),
        (7, "`title:` is empty", GOOD.replace("Two", "'\u200b\u200e'")),
        (8, "`say:` is empty", GOOD.replace("Another.", '"\\ud800"')),
        (10, "`note:`", GOOD.replace("|\n      Speak\n      slowly.", '"\\ud800"')),
        (8, "U+0007", GOOD.replace("Another.", "Ano\u0007ther.")),
        (7, "`title:`", GOOD.replace("- title: Two", "  title: Two")),
        (9, "alias", GOOD.replace("say: Another.", "say: &said Another.").replace("link: /", "link: *said")),
        (8, "alias", GOOD.replace("Another.", "*said")),
        (2, "at most 200", "title: Mine\nsteps:\n" + 201 * "  - {title: A, say: B, link: /}\n"),
        (7, "`answer:`", GOOD.replace("say: Another.", "say: Another.\n    question: Which?")),
        (7, "`question:`", GOOD.replace("say: Another.", "say: Another.\n    answer: This.")),
        (
            10,
            "2 to 6",
            GOOD.replace("say: Another.", "say: Q.\n    question: Q?\n    answers: [a]\n    answer: a"),
        ),
        (
            10,
            "a list",
            GOOD.replace("say: Another.", "say: Q.\n    question: Q?\n    answers: a\n    answer: a"),
        ),
        (
            7,
            "one of",
            GOOD.replace("say: Another.", "say: A.\n    question: Q?\n    answers: [a, b]\n    answer: c"),
        ),
        (1002, "too many", "title: Mine\nsteps:\n" + 10_000 * "  - {a: b, c: d}\n"),
    ],
)
def test_invalid_content_is_refused_with_line_and_key(home, line, key, text):
    (home / "mine.yaml").write_text(text)
    found, sentence = refusal(home / "mine.yaml")
    assert found == line
    assert key in sentence


def test_question_is_read_with_and_without_choices(home):
    asked = "say: Another.\n    question: How many?\n    answer: 64"
    (home / "mine.yaml").write_text(GOOD.replace("say: Another.", asked))
    step = files.find_talk("mine").steps[1]
    assert (step.question, step.answers, step.answer) == ("How many?", (), "64")
    (home / "mine.yaml").write_text(GOOD.replace("say: Another.", f"{asked}\n    answers: [16, 64]"))
    assert files.find_talk("mine").steps[1].answers == ("16", "64")


def test_every_yaml_scalar_is_read_as_text(home):
    (home / "mine.yaml").write_text(
        "title: 2024\nsteps:\n  - {title: yes, say: !!int 5, link: /, note: ~, source: null}\n"
    )
    talk = files.find_talk("mine")
    (step,) = talk.steps
    assert (talk.title, step.title, step.say, step.note, step.source) == ("2024", "yes", "5", "~", "null")


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        (7, "title: Two", "title: Two: three"),
        (8, "say: Another.", "say: He said: `no`"),
        (8, "say: Another.", "say: @home"),
        (8, "say: Another.", "say: `so`"),
        (8, "say: Another.", "say: *so* it is"),
        (8, "say: Another.", "say: & so"),
        (8, "say: Another.", "say: - so"),
        (8, "say: Another.", "say: %so"),
        (8, "    say: Another.", "\tsay: Another."),
        (7, "  - title: Two", "\t- title: Two"),
        (8, "    say: Another.", "   say: Another."),
        (8, "    say: Another.", "      say: Another."),
        (7, "  - title: Two", " - title: Two"),
        (8, "title: Two", "title:Two"),  # "title:Two say" is a text: its colon is one line below
        (8, "say: Another.", "say Another."),
        (12, "      slowly.", "slowly."),
        (8, "Another.", '"Another.'),
        (8, "Another.", "'Another."),
        (9, "Another.\n    link: /", '"Another.\n    link: "/"'),  # the text ends before the slash
        (8, "Another.", "'It's here.'"),
        (8, "Another.", '"So" it is.'),
        (8, "Another.", '"C:\\quick"'),
        (8, "Another.", "[One"),
        (7, "- title: Two", "- {title: Two"),
        (10, "note: |", "note: | Speak"),
        (7, "  - title: Two", "---\n  - title: Two"),
        (1, "title: Mine", "%title: Mine"),
    ],
)
def test_invalid_yaml_is_refused_with_line_and_advice(home, line, old, new):
    assert old in GOOD
    (home / "mine.yaml").write_text(GOOD.replace(old, new))
    found, sentence = refusal(home / "mine.yaml")
    assert found == line
    assert "YAML" in sentence
    assert "quotation marks" in sentence


KEYS = ("title", "say", "link", "note", "source", "steps", "name")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
YAML_TOKENS = [
    *":#&*!|>%@`{}[],?-'\"\\\t\n\0",
    "- ",
    ": ",
    "*a",
    "&a ",
    "<<: *a",
    "---\n",
    "null",
    "~",
    "!!int ",
]


@st.composite
def damaged(draw) -> bytes:
    """Return a valid talk file with changed bytes, inserted YAML tokens, or its end cut off."""
    data = bytearray(GOOD.encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["cut", "flip", "insert", "repeat"]))
        if kind == "cut":
            del data[max(at, 1) :]
        elif kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            data[at:at] = draw(st.sampled_from(YAML_TOKENS)).encode()
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 40))] * draw(st.sampled_from([2, 50, 1000]))
    return bytes(data)


@given(content=damaged() | ANYTHING.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode()))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_file_gives_a_talk_or_a_user_error(home, content):
    (home / "mine.yaml").write_bytes(content)
    try:
        result = files.find_talk("mine")
    except UserError as error:
        result = str(error)
    if isinstance(result, str):
        assert re.fullmatch(r"mine\.yaml, line \d+: .{10,500}", result)
    else:
        assert result.steps


@pytest.mark.parametrize(
    "content",
    [100_000 * "[", 100_000 * "- ", 130_000 * "a\n", 130_000 * "%a\n", "title: |\n  " + 99_000 * "a: "],
)
def test_largest_invalid_file_is_refused_within_seconds(home, content):
    (home / "mine.yaml").write_text(content)
    start = time.process_time()
    refusal(home / "mine.yaml")
    assert time.process_time() - start < 5  # about one on an idle core


def test_wrong_encoding_and_unknown_name_are_user_errors(home):
    (home / "mine.yaml").write_bytes(GOOD.replace("Another", "Caf\u00e9").encode("latin-1"))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 8: .*UTF-8"):
        files.find_talk("mine")
    with pytest.raises(UserError, match=r"'\.\./mine'.*\bmine, .*why"):
        files.find_talk("../mine")


def test_folders_pipes_and_huge_files_are_refused(home):
    (home / "folder.yaml").mkdir()
    with pytest.raises(UserError, match=r"^folder\.yaml "):
        files.find_talk("folder")
    os.mkfifo(home / "pipe.yaml")
    with pytest.raises(UserError, match=r"^pipe\.yaml "):
        files.find_talk("pipe")
    (home / "huge.yaml").write_text(GOOD + "# results\n" * 300_000)
    with pytest.raises(UserError, match=r"^huge\.yaml .*\b3000 kB.*\b1000\b"):
        files.find_talk("huge")
    (home / "gone.yaml").symlink_to(home / "nowhere")
    with pytest.raises(UserError, match=r"^gone\.yaml .*No such file or directory"):
        files.find_talk("gone")


def test_file_name_that_does_not_fit_an_address_is_refused(home):
    (home / "my talk.yaml").write_text(GOOD)
    (home / "mine.yaml").write_text(GOOD)
    assert list(files.misnamed()) == ["my talk"]
    with pytest.raises(UserError, match=r"^my talk\.yaml\b"):
        files.find_talk("my talk")


def test_text_cut_off_by_a_comment_is_refused(home):
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "Our #1 model."))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 8: .*`#`"):
        files.find_talk("mine")
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "'Our #1 model.'  #shown last"))
    assert files.find_talk("mine").steps[1].say == "Our #1 model."
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "Another.  # to be said slowly"))
    assert files.find_talk("mine").steps[1].say == "Another."


def test_yaml_tags_create_no_objects(home):
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "!!python/object/apply:os.getcwd []"))
    line, sentence = refusal(home / "mine.yaml")
    assert (line, "`say:`" in sentence) == (8, True)


def test_own_talk_takes_precedence_over_a_bundled_one(home):
    assert files.find_talk("why").title == "Why a Vision Transformer needs data"
    (home / "why.yaml").write_text(GOOD)
    assert files.find_talk("why").title == "Mine"


def test_control_characters_of_a_title_are_left_out(home):
    (home / "mine.yaml").write_text(
        GOOD.replace("title: Mine", 'title: "a\\x1b[31mb \\a\u0915\u094d\u200d\u0937"')
    )
    assert files.find_talk("mine").title == "a[31mb \u0915\u094d\u200d\u0937"  # with its zero-width joiner


def test_mistake_in_a_talk_is_looked_for_once_until_the_file_changes(home, monkeypatch):
    path, count = home / "mine.yaml", []
    read = files.read_talk
    monkeypatch.setattr(cached, "read_talk", lambda *a, **k: (count.append(1), read(*a, **k))[1])
    path.write_text("title: [")
    for _ in range(3):
        with pytest.raises(UserError, match=r"mine\.yaml, line 1"):
            cached.read(path)
    assert len(count) == 1
    path.write_text(GOOD)
    assert cached.read(path).title == "Mine"
