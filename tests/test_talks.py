"""Talk files: what is right is read, what is wrong gets a sentence with its line."""

from __future__ import annotations

import pytest

from dashboard.talk import files, scenes
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


def test_a_talk_is_read_from_links_as_a_browser_shows_them(home):
    (home / "mine.yaml").write_text(GOOD)
    talk = files.find_talk("mine")
    first, second = talk.steps
    assert (talk.title, first.say) == ("Mine", "A sentence over two lines.")
    assert (first.page, first.state) == ("attention", {"run": "vit-cifar10", "class": "sea lion"})
    assert (second.page, second.state, second.note) == ("overview", {}, "Speak\nslowly.")
    assert second.source == "nobody"


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        (1, "", "a talk has `title:` and `steps:`"),
        (1, "- a\n- b\n", "a talk has `title:` and `steps:`"),
        (1, "title: Mine\n", "needs `steps:`"),
        (2, "title: Mine\nsteps: []\n", "`steps:` is a list"),
        (3, GOOD.replace("  - title: One\n    say", "  - say"), "this step needs `title:`"),
        (6, GOOD.replace("attention?", "attic?"), "the link leads to 'attic'"),
        (8, GOOD.replace("say: Another.", "say: ''"), "`say:` is empty"),
        (8, GOOD.replace("say: Another.", "says: Another."), "a step has no `says`"),
        (8, GOOD.replace("Another.", "x" * 221), "221 characters: at most 220"),
        (8, GOOD.replace("Another.", "[a, b]"), "`say:` is text"),
        (
            7,
            GOOD.replace("- title: Two", "- title: Two: three"),
            "a colon, or one that begins with a sign, needs quotation",
        ),
        (8, GOOD.replace("Another.", '"Another.'), "unexpected end of stream"),
        (12, GOOD.replace("      slowly.", "slowly."), "could not find expected ':'"),
        (9, GOOD.replace("link: /", "link: /?talk=why&step=3"), "leads to a step of a talk"),
        (8, GOOD.replace("Another.", "Ano\u0007ther."), "an invisible character (U+0007)"),
        (7, GOOD.replace("- title: Two", "  title: Two"), "`title:` once; a new step begins with"),
        (3, "title: Mine\nsteps:\n\t- title: One\n", "indent with spaces"),
    ],
)
def test_a_wrong_file_gets_a_sentence_with_its_line(home, line, text, words):
    (home / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        files.find_talk("mine")
    assert str(caught.value).startswith(f"mine.yaml, line {line}: ")
    assert words in str(caught.value)


def test_not_text_and_not_there(home):
    (home / "mine.yaml").write_bytes(GOOD.replace("Another", "Caf\u00e9").encode("latin-1"))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 8: not UTF-8"):
        files.find_talk("mine")
    with pytest.raises(UserError, match=r"no talk of the name '../mine'.*There are: mine, why"):
        files.find_talk("../mine")


def test_nothing_in_a_file_is_code(home):
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "!!python/object/apply:os.getcwd []"))
    with pytest.raises(UserError, match=r"line 8: `say:` is text"):
        files.find_talk("mine")


def test_an_own_talk_goes_before_the_bundled_one_of_its_name(home):
    assert files.find_talk("why").title == "Why a Vision Transformer needs data"
    (home / "why.yaml").write_text(GOOD)
    assert files.find_talk("why").title == "Mine"


@pytest.mark.parametrize(
    ("where", "state", "words"),
    [
        ("attention", {"run": "gone"}, "names the run gone, which is not here"),
        ("attention", {"class": "unicorn"}, "names unicorn, test image 1"),
        ("patches", {"image": "101"}, "names cat, test image 101"),
        ("inductive_bias", {"probe": "Telepathy"}, "names the experiment 'Telepathy'"),
        ("compare", {"view": "Sweeps", "sweep": "gone"}, "names the sweep 'gone'"),
        ("inductive_bias", {"probe": "Attention distance", "n": "100"}, "Not measured yet"),
    ],
)
def test_what_a_link_names_and_is_not_here_gets_a_sentence(where, state, words):
    with pytest.raises(UserError, match=words):
        scenes.scene(where, state)


def test_what_a_link_names_and_cannot_be_shown_is_a_sentence():
    for page, state, words in (
        ("patches", {"patch": "3"}, "patches of 3 pixels"),
        ("attention", {"image": "101"}, "cat, test image 101"),
        ("compare", {"show": "Disagreement", "runs": "vit-cifar10"}, "Two runs"),
        ("compare", {"show": "Disagreement", "sheet": "999"}, "no such image"),
        ("inductive_bias", {"probe": "Frequencies", "n": "7"}, "Not measured yet"),
    ):
        with pytest.raises(UserError, match=words):
            scenes.scene(page, state)
    scenes.scene("attention", {"image": "9" * 5000})  # Python reads no number of so many digits


def test_a_map_is_of_the_class_that_the_link_names():
    link = {"run": "resnet-cifar10", "class": "deer", "image": "5"}
    answer, dog, same = (
        scenes.scene("attention", {**link, **more}).parts[1]
        for more in ({}, {"speaks": "dog"}, {"speaks": "the answer"})
    )
    assert dog[0] == "ResNet: Grad-CAM for dog"
    assert dog[1] != answer[1]
    assert dog[2] == answer[2]  # what it says stays what it says
    assert same == answer


def test_every_section_of_compare_can_be_a_step():
    runs = "vit-cifar10,resnet-cifar10"
    shown = scenes.scene("compare", {"show": "Disagreement", "runs": runs, "who": "second"})
    assert isinstance(shown, scenes.Pictures)
    for truth, _, said in shown.parts:  # only the second is right
        first, second = said.split(", ResNet")
        assert f": {truth} " in second
        assert f": {truth} " not in first
    (part,) = scenes.scene("compare", {"show": "Speed to accuracy", "runs": runs}).parts
    assert "82.3 %" in part[1]  # the ViT's best validation accuracy, README
    for section in ("Confusion", "Classes", "Calibration", ""):
        assert isinstance(scenes.scene("compare", {"show": section}), scenes.Figures)
    (part,) = scenes.scene("compare", {}).parts
    names = {trace.name for trace in part[0].data}
    (smooth,) = scenes.scene("compare", {"smooth": "0.9", "log": "true", "x": "step"}).parts
    assert smooth[0].layout.yaxis2.type == "log"
    assert part[0].layout.yaxis2.type != "log"
    assert len(smooth[0].data) > len(part[0].data)  # the curves themselves stay faintly behind
    assert smooth[0].layout.xaxis.title.text == "optimizer step"
    assert scenes.scene("compare", {"smooth": "much", "x": "weather"})  # what nobody can draw is left out
    pair = {"ViT, 20 epochs", "ResNet, 20 epochs"}
    assert pair | {"pale: training"} <= names
    assert not names & {"GoogleNet, quick", "DenseNet, quick"}  # as the page opens


def test_receptive_fields_of_both_models_are_one_figure():
    """Two would stand as far apart as the window is high."""
    link = {"probe": "Receptive field", "n": "500"}
    ((figure, alt),) = scenes.scene("inductive_bias", link).parts
    assert alt == "ViT and ResNet: which pixels each layer reads"
    assert not any("untrained" in note.text for note in figure.layout.annotations)
