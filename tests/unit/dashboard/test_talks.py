"""Talk files: what is right is read, what is wrong gets a sentence with its line."""

from __future__ import annotations

import os

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
        (9, GOOD.replace("link: /", "link: /?talk=why&step=3"), "leads to a step of a talk"),
        (8, GOOD.replace("Another.", "Ano\u0007ther."), "an invisible character (U+0007)"),
        (7, GOOD.replace("- title: Two", "  title: Two"), "`title:` once; a new step begins with"),
    ],
)
def test_a_wrong_file_gets_a_sentence_with_its_line(home, line, text, words):
    (home / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        files.find_talk("mine")
    assert str(caught.value).startswith(f"mine.yaml, line {line}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "link",
    ["attention?class=cat", "/attention?class=cat", "vitlab/attention?class=cat",
     "http://localhost:8501/attention?class=cat", "https://127.0.0.1/vitlab/attention?class=cat",
     "http://[::1]:8501/attention?class=cat", "http://0.0.0.0:8501/attention?class=cat",
     "localhost:8501/attention?class=cat", "127.0.0.1:8501/attention?class=cat"],
)  # fmt: skip
def test_a_link_may_be_of_a_dashboard_on_this_machine(link):
    assert files.view(link) == ("attention", {"class": "cat"})


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (
            "https://example.org/attention?class=cat",
            "leads to 'example.org'; write it from the page's name on",
        ),
        ("//example.org/attention", "leads to 'example.org'"),
        ("example.org/attention?class=cat", "leads to 'example.org'"),
        ("lab.example.org:8501/attention?class=cat", "leads to 'lab.example.org'"),
        ("http://localhost.example.org/attention", "leads to 'localhost.example.org'"),
        ("http://127.0.0.1@example.org/attention", "leads to 'example.org'"),
        ("http://10.0.0.7:8501/attention", "leads to '10.0.0.7'"),
        ("mailto:attention", "leads to 'mailto'"),
        ("file:///attention", "leads to 'file'"),
        ("http://[::1/attention", "is no address"),
    ],
)
def test_a_link_to_anywhere_else_is_a_sentence_with_its_line(home, link, words):
    (home / "mine.yaml").write_text(GOOD.replace("link: /", f"link: {link}"))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 9: the link ") as caught:
        files.find_talk("mine")
    assert words in str(caught.value)


QUOTES = "needs quotation marks around it"


@pytest.mark.parametrize(
    ("line", "old", "new", "words"),
    [
        (7, "title: Two", "title: Two: three", f'a text with a colon {QUOTES}, such as `"Two: three"`'),
        (8, "say: Another.", "say: He said: `no`", f"a text with a colon {QUOTES}."),
        (8, "say: Another.", "say: @home", f'begins with `@` {QUOTES}, such as `"@home"`'),
        (8, "say: Another.", "say: `so`", f"begins with a backtick {QUOTES}."),
        (8, "say: Another.", "say: *so* it is", f'begins with `*` {QUOTES}, such as `"*so* it is"`'),
        (8, "say: Another.", "say: & so", f"begins with `&` {QUOTES}"),
        (8, "say: Another.", "say: - so", f"begins with `-` {QUOTES}"),
        (8, "say: Another.", "say: %so", f"begins with `%` {QUOTES}"),
        (8, "    say: Another.", "\tsay: Another.", "a tab stands where only spaces may"),
        (7, "  - title: Two", "\t- title: Two", "a tab stands where only spaces may"),
        (8, "    say: Another.", "   say: Another.", "its indentation is that of no line above"),
        (8, "    say: Another.", "      say: Another.", "this line stands too far right"),
        (7, "  - title: Two", " - title: Two", "its indentation is that of no line above"),
        (7, "title: Two", "title:Two", "stand a colon and a space, such as `title: One`"),
        (8, "say: Another.", "say Another.", "this line has no key"),
        (12, "      slowly.", "slowly.", "this line has no key. If it belongs to the text above, indent it"),
        (8, "Another.", '"Another.', "a quotation mark opens a text here and none closes it"),
        (8, "Another.", "'Another.", "a quotation mark opens a text here and none closes it"),
        (8, "Another.\n    link: /", '"Another.\n    link: "/"', "a quotation mark opens a text here"),
        (8, "Another.", "'It's here.'", "goes on after the quotation mark that closes it: write `''`"),
        (8, "Another.", '"So" it is.', "the text goes on after the quotation mark that closes it"),
        (8, "Another.", '"C:\\quick"', "a backslash in double quotation marks"),
        (8, "Another.", "[One", "a bracket `[` opens here"),
        (7, "- title: Two", "- {title: Two", "a bracket `{` opens here"),
        (10, "note: |", "note: | Speak", "begin the text in the next one, indented"),
        (7, "  - title: Two", "---\n  - title: Two", "a line `---` begins a second file here"),
        (1, "title: Mine", "%title: Mine", "not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_not_yaml_is_told_without_the_words_of_a_parser(home, line, old, new, words):
    assert old in GOOD
    (home / "mine.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as caught:
        files.find_talk("mine")
    said = str(caught.value)
    assert said.startswith(f"mine.yaml, line {line}: ")
    assert words in said
    for jargon in (
        "scanning",
        "mapping",
        "token",
        "block",
        "expected",
        "scalar",
        "stream",
        "alias",
        "anchor",
    ):
        assert jargon not in said


def test_not_text_and_not_there(home):
    (home / "mine.yaml").write_bytes(GOOD.replace("Another", "Caf\u00e9").encode("latin-1"))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 8: not UTF-8"):
        files.find_talk("mine")
    with pytest.raises(UserError, match=r"no talk of the name '../mine'.*There are: mine, why"):
        files.find_talk("../mine")


def test_what_is_no_small_text_file_is_a_sentence_at_once(home):
    (home / "folder.yaml").mkdir()
    with pytest.raises(UserError, match=r"^folder\.yaml is no file: a talk is a text file"):
        files.find_talk("folder")
    os.mkfifo(home / "pipe.yaml")
    with pytest.raises(UserError, match=r"^pipe\.yaml is no file"):
        files.find_talk("pipe")
    (home / "huge.yaml").write_text(GOOD + "# results\n" * 300_000)
    with pytest.raises(UserError, match=r"^huge\.yaml has 3\.0 MB, a talk at most 2"):
        files.find_talk("huge")
    (home / "gone.yaml").symlink_to(home / "nowhere")
    with pytest.raises(UserError, match=r"^gone\.yaml cannot be read: No such file or directory\.$"):
        files.find_talk("gone")


def test_a_name_that_no_address_can_hold_is_told(home):
    (home / "my talk.yaml").write_text(GOOD)
    (home / "mine.yaml").write_text(GOOD)
    assert list(files.misnamed()) == ["my talk"]
    with pytest.raises(UserError, match=r"^my talk\.yaml: the name .* letters, digits.*: rename it\.$"):
        files.find_talk("my talk")


def test_a_text_that_a_comment_would_cut_off_is_told(home):
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "Our #1 model."))
    with pytest.raises(UserError, match=r"^mine\.yaml, line 8: the text of `say:` ends before its `#`"):
        files.find_talk("mine")
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "'Our #1 model.'  #shown last"))
    assert files.find_talk("mine").steps[1].say == "Our #1 model."
    (home / "mine.yaml").write_text(GOOD.replace("Another.", "Another.  # to be said slowly"))
    assert files.find_talk("mine").steps[1].say == "Another."


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
        (
            "attention",
            {"run": "gone"},
            "names the run gone, which is not here: `python -m vitcore runs` lists",
        ),
        ("attention", {"run": "study-vit-patch-2"}, "run study-vit-patch-2, which this view cannot show"),
        ("attention", {"query": "9.1"}, r"says query=9\.1, .* 6 layers, 8 heads, 8 x 8 patches"),
        ("attention", {"layer": "7"}, "says layer=7"),
        ("attention", {"head": "0"}, "says head=0"),
        ("attention", {"map": "rollin"}, "says map=rollin"),
        ("attention", {"snapshot": "1"}, "says snapshot=1"),
        ("patches", {"view": "cost"}, "says view=cost, .* it can say view=similarity"),
        ("compare", {"show": "Confusin"}, "says show=Confusin"),
        ("inductive_bias", {"probe": "Shift", "border": "none"}, "says border=none"),
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
    good = {"query": "8.8", "second": "cls", "layer": "mean", "head": "8", "map": "rollout", "overlay": "off"}
    scenes.scene(
        "attention", good | {"direction": "keys", "scale": "map", "content": "positions", "over": "test"}
    )
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
