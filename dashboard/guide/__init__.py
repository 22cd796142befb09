"""The words behind "How it works": a Markdown file for each page, and the glossary. No Streamlit, no torch.

A page's file begins with what one sees; every `## Title` below is a section about one plot: its formula, how
to read it, its paper. What is known elsewhere is not said again: `[[shift.method]]` is that field of the
probe of this name, `[[experiments]]` a section for each experiment, made of its fields, and a section whose
title is `page: Title` and which is empty is the other page's.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from vitcore.probes import PROBES, SCORES, Probe

HERE = Path(__file__).resolve().parent
EXPERIMENTS = "[[experiments]]"
_FIELD = re.compile(r"\[\[([\w-]+)\.(\w+)\]\]")


@dataclass(frozen=True)
class Section:
    """Markdown about one plot."""

    title: str
    text: str


@dataclass(frozen=True)
class Guide:
    """What is said about one page."""

    lead: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        return "\n\n".join([self.lead, *(f"{s.title}\n\n{s.text}" for s in self.sections)])


@functools.cache
def guide(name: str) -> Guide:
    """Return the guide of a page, given the name of the page."""
    text = (HERE / f"{name}.md").read_text(encoding="utf-8")
    text = text.replace(EXPERIMENTS, "\n\n".join(map(_experiment, PROBES.values())))
    lead, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return Guide(_filled(lead), tuple(_section(part) for part in parts))


def _section(part: str) -> Section:
    title, _, text = part.partition("\n")
    title, text = _filled(title), _filled(text)
    if text:
        return Section(title, text)
    other, _, title = title.partition(": ")
    return next(section for section in guide(other).sections if section.title == title)


def _experiment(probe: Probe) -> str:
    """The section of an experiment: its formula, method, how to read its figure, its paper."""
    formula = "\n\n".join(f"$$\n{line}\n$$" for line in probe.formula)
    method = f"{probe.method} {probe.notation}".strip()
    paper = f"*{probe.paper.rstrip('.')}.*" if probe.paper else ""
    return "\n\n".join(filter(None, [f"## {probe.title}", formula, method, probe.reading, paper]))


def _filled(text: str) -> str:
    every = PROBES | SCORES
    return _FIELD.sub(lambda found: getattr(every[found[1]], found[2]), text).strip()


@functools.cache
def glossary() -> dict[str, str]:
    """Words of the field and what they mean, in the order of the alphabet."""
    return yaml.safe_load((HERE / "glossary.yaml").read_text(encoding="utf-8"))


@functools.cache
def words_of(name: str) -> tuple[str, ...]:
    """The glossary's words that a page's guide uses."""
    text = guide(name).text
    return tuple(word for word in glossary() if occurs(word, text))


@functools.cache
def papers() -> dict[str, str]:
    """Addresses of papers, by how the guides name them: "Abnar and Zuidema 2020"."""
    return yaml.safe_load((HERE / "papers.yaml").read_text(encoding="utf-8"))


@functools.cache
def _cited() -> re.Pattern[str]:
    longest = sorted(papers(), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")


def linked(text: str) -> str:
    """A text whose papers are links. A name that is broken by a line's end is one, too."""
    whole = re.sub(r"(?<=\w)\n(?=\w)", " ", text)
    return _cited().sub(lambda found: f"[{found[0]}]({papers()[found[0]]})", whole)


def occurs(word: str, text: str) -> bool:
    """Whether a text uses a word, in the singular or with an s. What is in brackets may be left out."""
    bare = re.escape(re.sub(r" \(.*\)$", "", word)).replace(r"\ ", r"[\s-]+")
    return re.search(rf"(?<![\w-]){bare}(e?s)?(?![\w])", text, re.IGNORECASE) is not None


def look_up(words: str) -> list[str]:
    """The glossary's words for a search: those that begin with it, then those that hold it, then those whose
    meaning does. Everything for an empty one.
    """
    wanted = " ".join(words.lower().split())
    ranks = {}
    for word, meaning in glossary().items():
        low = word.lower()
        if low.startswith(wanted):
            ranks[word] = 0
        elif wanted in low:
            ranks[word] = 1
        elif wanted in meaning.lower():
            ranks[word] = 2
    return sorted(ranks, key=ranks.__getitem__)
