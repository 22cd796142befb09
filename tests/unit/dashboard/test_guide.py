"""The guides, the glossary and the papers are complete and state every fact once."""

from __future__ import annotations

import re

import pytest

from dashboard import guide
from dashboard.guide.chapters import chapter
from dashboard.page_table import PAGES
from tests.conftest import ROOT
from vitcore.attribution import METHODS
from vitcore.probes import PROBES, SCORES

RAW = (guide.HERE / "glossary.yaml").read_text(encoding="utf-8")
MAX_WORDS = 45  # of a definition


def raw_terms():
    return [line.split(":")[0] for line in RAW.splitlines() if not line.startswith("#")]


def test_every_page_has_a_guide_and_every_guide_a_page():
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} == set(PAGES)
    assert {path.stem for path in guide.HERE.glob("*.md")} == {*PAGES, "talks"}  # of the editor of talks
    for name in PAGES:
        called = "dashboard/compare/sweep_view.py" if name == "compare" else f"pages/{name}.py"
        assert re.search(rf'header\.title\("{name}"', (ROOT / called).read_text()), called


@pytest.mark.parametrize("name", PAGES)
def test_sections_have_text_and_formulas(name):
    found = guide.guide(name)
    assert found.lead
    titles = [section.title for section in found.sections]
    assert len(set(titles)) == len(titles) >= 4
    for section in found.sections:
        assert "[[" not in section.text + section.title
        outside = re.sub(r"\$\$\n.+?\n\$\$", "", section.text, flags=re.DOTALL)
        assert "$$" not in outside, section.title  # a displayed formula has separate lines
        assert outside.count("$") % 2 == 0, section.title
        assert ("$$" in section.text) == (section.title != "How to use it"), section.title


@pytest.mark.parametrize("name", PAGES)
def test_chapters_have_text_in_every_part_and_no_misspelled_insertion(name):
    found = chapter(name)
    titles = [part.title for part in found.parts]
    assert len(set(titles)) == len(titles) >= 2
    for part in (found.lead, *found.parts):
        assert part.text, part.title
        assert "[[" not in part.text, part.title
        assert part.text.count("$") % 2 == 0, part.title


def test_shared_sections_are_written_once():
    rollout = [s for name in PAGES for s in guide.guide(name).sections if s.title == "Attention rollout"]
    assert len(rollout) == 2
    assert rollout[0] == rollout[1]
    assert METHODS["rollout"].paper in rollout[0].text
    files = [(guide.HERE / f"{name}.md").read_text() for name in PAGES]
    assert not any("Quantifying Attention Flow" in text for text in files)


def test_every_experiment_has_the_method_of_its_probe():
    sections = {section.title: section.text for section in guide.guide("inductive_bias").sections}
    for probe in PROBES.values():
        assert probe.method in sections[probe.title]
        assert probe.source in sections[probe.title]
    text = guide.guide("compare").text
    assert all(probe.method in text for probe in SCORES.values())


def test_every_method_has_the_texts_of_its_declaration():
    sections = {section.title: section.text for section in guide.guide("attention").sections}
    for method in METHODS.values():
        assert all(
            text in sections[method.title] for text in (method.definition, method.misleads, *method.formula)
        )


def test_glossary_is_alphabetical_short_and_without_duplicates():
    words = raw_terms()
    assert len(words) == len(set(map(str.casefold, words))) == len(guide.glossary())
    assert words == sorted(words, key=str.casefold)
    for word, meaning in guide.glossary().items():
        assert 4 <= len(meaning.split()) <= MAX_WORDS, word
        assert meaning.endswith("."), word


def test_every_glossary_term_is_used_on_a_page():
    used = {word for name in PAGES for word in guide.terms_of(name)}
    assert used == set(guide.glossary())


CITED = re.compile(
    r"(?:\w[\w-]+(?:, \w+)?(?: and \w+| et al\.)|nostalgebraist|[A-Z]\w+) (?:19|20)\d\d(?=[,.;* ]|$)"
)
UNLINKED = {"Coleman et al. 2017"}  # a workshop paper without a permanent address


def test_every_paper_is_a_link():
    texts = [re.sub(r"\s+", " ", guide.guide(name).text) for name in PAGES]
    cited = {found for text in texts for found in CITED.findall(text)}
    assert len(cited) > 30
    assert cited == set(guide.papers()) | UNLINKED
    assert all(address.startswith("https://") for address in guide.papers().values())


def test_papers_are_linked_across_line_breaks_and_in_lists():
    text = guide.linked("*Liu et\nal. 2023, PatchDropout; Zhang 2019; Zhang et al. 2018.*")
    assert text.count("](https://") == 3
    assert "[Liu et al. 2023](https://arxiv.org/abs/2208.07220), PatchDropout" in text
    assert guide.linked("$$\na\n$$") == "$$\na\n$$"


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("patch", "Two patches.", True),
        ("patch", "A patchwork.", False),
        ("batch", "a minibatch of 50", False),
        ("key", "its keys and queries", True),
        ("layer norm", "Layer norm, then", True),
        ("expected calibration error (ECE)", "the expected calibration error, is", True),
    ],
)
def test_terms_are_found_as_whole_words(term, text, expected):
    assert guide.occurs(term, text) is expected


def test_search_finds_prefixes_first_then_definitions():
    assert guide.look_up("Atten")[:2] == ["attention", "attention distance"]
    assert guide.look_up("ECE")[0] == "expected calibration error (ECE)"
    found = guide.look_up(" layer  norm ")
    assert found[0] == "layer norm"
    assert "convolution" in guide.look_up("filter")  # only its definition contains the word
    assert guide.look_up("zebra") == []
    assert guide.look_up("") == list(guide.glossary())
