"""The texts behind "How it works": a Markdown file for each page, the glossary and the addresses of papers.

The file of a page begins with what the page shows. Each `## Title` starts a section about one plot: its
formula, how to read it, its paper. Text that exists elsewhere is inserted:

- `[[shift.method]]` becomes the field `method` of the probe `shift`.
- `[[experiments]]` becomes one section for each experiment, made of the fields of its probe.
- `[[methods]]` becomes one section for each attribution method, made of its fields.
- An empty section with the title `page: Title` becomes the section of that title on the other page.

This package needs neither Streamlit nor torch.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from vitcore.attribution import METHODS, Method
from vitcore.probes import EVERY, PROBES, Probe

HERE = Path(__file__).resolve().parent
EXPERIMENTS, METHOD_TEXTS = "[[experiments]]", "[[methods]]"
_FIELD = re.compile(r"\[\[([\w-]+)\.(\w+)\]\]")


@dataclass(frozen=True)
class Section:
    """The Markdown text about one plot."""

    title: str
    text: str


@dataclass(frozen=True)
class Guide:
    """The guide of one page. `lead` is the text before the first section."""

    lead: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """The whole guide as Markdown."""
        return "\n\n".join([self.lead, *(f"{s.title}\n\n{s.text}" for s in self.sections)])


@functools.cache
def guide(name: str) -> Guide:
    """Return the guide of a page, given the name of the page."""
    text = (HERE / f"{name}.md").read_text(encoding="utf-8")
    text = text.replace(EXPERIMENTS, "\n\n".join(map(_experiment, PROBES.values())))
    text = text.replace(METHOD_TEXTS, "\n\n".join(map(_method, METHODS.values())))
    lead, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return Guide(_insert_fields(lead), tuple(_section(part) for part in parts))


@functools.cache
def inherited(name: str) -> dict[str, str]:
    """Return the sections that the guide of a page takes from others: their titles and those pages."""
    text = (HERE / f"{name}.md").read_text(encoding="utf-8")
    return {title: page for page, title in re.findall(r"^## (\w+): (.+)\n*(?=^## |\Z)", text, re.MULTILINE)}


def _section(part: str) -> Section:
    title, _, text = part.partition("\n")
    title, text = _insert_fields(title), _insert_fields(text)
    if text:
        return Section(title, text)
    page, _, title = title.partition(": ")
    return next(section for section in guide(page).sections if section.title == title)


def _experiment(probe: Probe) -> str:
    """Return the section of an experiment: its formula, its method, how to read the figure, its paper."""
    formula = "\n\n".join(f"$$\n{line}\n$$" for line in probe.formula)
    method = f"{probe.method} {probe.notation}".strip()
    paper = f"*{probe.paper.rstrip('.')}.*" if probe.paper else ""
    return "\n\n".join(filter(None, [f"## {probe.title}", formula, method, probe.reading, paper]))


def _method(method: Method) -> str:
    """Return the section of an attribution method: formula, definition, reading, paper."""
    formula = "\n\n".join(f"$$\n{line}\n$$" for line in method.formula)
    reading = f"{method.reading} {method.misleads}".strip()
    return "\n\n".join([f"## {method.title}", formula, method.definition, reading, f"*{method.paper}.*"])


def _insert_fields(text: str) -> str:
    """Replace `[[probe.field]]` by the field of that probe."""
    return _FIELD.sub(lambda match: getattr(EVERY[match[1]], match[2]), text).strip()


@functools.cache
def glossary() -> dict[str, str]:
    """Return the terms and their definitions in alphabetical order."""
    return yaml.safe_load((HERE / "glossary.yaml").read_text(encoding="utf-8"))


@functools.cache
def terms_of(name: str) -> tuple[str, ...]:
    """Return the glossary's terms that the guide of a page uses."""
    text = guide(name).text
    return tuple(term for term in glossary() if occurs(term, text))


@functools.cache
def papers() -> dict[str, str]:
    """Return the addresses of papers by the names that the guides use, such as "Abnar and Zuidema 2020"."""
    return yaml.safe_load((HERE / "papers.yaml").read_text(encoding="utf-8"))


@functools.cache
def _citation() -> re.Pattern[str]:
    longest_first = sorted(papers(), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def linked(text: str) -> str:
    """Return a text in which the names of papers are links, also names that are wrapped over two lines."""
    unwrapped = re.sub(r"(?<=\w)\n(?=\w)", " ", text)
    return _citation().sub(lambda match: f"[{match[0]}]({papers()[match[0]]})", unwrapped)


def occurs(term: str, text: str) -> bool:
    """Return whether a text uses a term, in the singular or the plural. Ignores the part in parentheses."""
    bare = re.escape(re.sub(r" \(.*\)$", "", term)).replace(r"\ ", r"[\s-]+")
    return re.search(rf"(?<![\w-]){bare}(e?s)?(?![\w])", text, re.IGNORECASE) is not None


def look_up(query: str) -> list[str]:
    """Return the terms that match a search: those that begin with it, then those that contain it, then those
    whose definition contains it. An empty search matches every term.
    """
    query = " ".join(query.lower().split())
    ranks = {}
    for term, definition in glossary().items():
        if term.lower().startswith(query):
            ranks[term] = 0
        elif query in term.lower():
            ranks[term] = 1
        elif query in definition.lower():
            ranks[term] = 2
    return sorted(ranks, key=ranks.__getitem__)
