"""Talk files: YAML with a title and steps. A wrong one becomes a sentence that names the line. No Streamlit.

    title: Why a Vision Transformer needs data
    steps:
      - title: An image becomes a sequence
        say: One sentence for the audience.
        link: patches?class=cat&image=1&step=2
        note: For the speaker alone.                 # may be left out
        source: Dosovitskiy et al. 2021, section 3.1  # may be left out

A link is the address of a page with its state, as the browser shows it, from the page's name on; the address
of a dashboard on this very machine may stand before it. Bundled
talks are in assets/talks, own ones in talks/ (or $VITLAB_TALKS); an own talk goes before a bundled one of its
name.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import yaml

from dashboard.talk import broken
from vitcore.errors import UserError
from vitcore.paths import assets_dir

NAME = re.compile(r"[\w-]{1,80}")
LENGTHS = {"title": 80, "say": 220, "note": 4000, "link": 2000, "source": 240}
NEEDED = ("title", "say", "link")
PAGES = ("overview", "patches", "attention", "training", "compare", "inductive_bias")
MOST = 200  # steps
HASH = re.compile(r" +#[^\s#]")  # after a text without quotation marks
LARGEST = 2_000_000  # bytes: more than 200 steps of the longest words; parsing more would hold up every page


@dataclass(frozen=True)
class Step:
    """One view: a page with the state in its address, what the audience reads, what the speaker knows."""

    title: str
    say: str
    page: str
    state: dict[str, str] = field(hash=False)
    note: str = ""
    source: str = ""


@dataclass(frozen=True)
class Talk:
    """A talk file."""

    name: str
    title: str
    steps: tuple[Step, ...]


def folders() -> list[Path]:
    """Where talks are looked for: the user's, then the bundled ones."""
    return [Path(os.environ.get("VITLAB_TALKS") or "talks").resolve(), assets_dir() / "talks"]


def list_talks() -> dict[str, Path]:
    """The file of every talk by name, the user's first."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            if NAME.fullmatch(path.stem):
                found.setdefault(path.stem, path)
    return found


def misnamed() -> dict[str, str]:
    """The user's talk files whose name cannot stand in an address: that name, and a sentence."""
    files = sorted(path for path in folders()[0].glob("[!.]*") if path.suffix in (".yaml", ".yml"))
    form = "the name of a talk's file has letters, digits, `-` and `_` alone, at most 80: rename it"
    return {p.stem: f"{p.name[:80]}: {form}." for p in files if not NAME.fullmatch(p.stem)}


def find_talk(name: str) -> Talk:
    """The talk of that name. Raises `UserError`."""
    found = list_talks()
    if name not in found:
        if problem := misnamed().get(name):
            raise UserError(problem)
        raise UserError(
            f"There is no talk of the name {name[:80]!r} in the folder `{folders()[0].name}`. There are: "
            f"{', '.join(found) or 'none'}."
        )
    return read_talk(found[name])


def read_talk(path: Path) -> Talk:
    """Read and check a talk file. Raises `UserError` with the line."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without an end
            raise UserError(f"{path.name} is no file: a talk is a text file with `title:` and `steps:`.")
        if (size := path.stat().st_size) > LARGEST:
            raise UserError(
                f"{path.name} has {size / 1e6:.1f} MB, a talk at most {LARGEST / 1e6:.0f}: images and "
                "results are not in it, only the links of their views."
            )
        text = path.read_text("utf-8")
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path.name}, line {line}: not UTF-8. Save the file as UTF-8.") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:  # it knows a place, not a line
        line, sign = text.count("\n", 0, error.position) + 1, f"U+{error.character:04X}"
        raise UserError(f"{path.name}, line {line}: an invisible character ({sign}): delete it.") from None
    except yaml.YAMLError as error:
        line, what = broken.sentence(text, error)
        raise UserError(f"{path.name}, line {line}: {what}") from None
    except RecursionError:
        raise UserError(f"{path.name}: nested too deeply.") from None
    return _Reader(path).talk(root)


def view(link: str) -> tuple[str, dict[str, str]]:
    """(page, state) of a link. Raises `UserError` where it leads to anything but a page of ViT Lab."""
    bare = re.match(r"[^/?#]+:\d+(/|$)|[^/?#]+\.[^/?#.]+/", link)  # a host without http://
    try:
        place = urlsplit(f"//{link}" if bare else link)
        host = place.hostname or ""
    except ValueError:
        raise UserError(
            "The link is no address: copy it from the browser, from the page's name on."
        ) from None
    if place.scheme not in ("", "http", "https") or (place.netloc and not _here(host)):
        raise UserError(
            f"The link leads to {host[:60] or place.scheme[:60]!r}; write it from the page's name on, such "
            "as `attention?class=cat`. Another site's address can stand in `source:`."
        )
    page = place.path.strip("/").rsplit("/", 1)[-1] or "overview"
    if page not in PAGES:
        raise UserError(
            f"The link leads to {page[:60]!r}; a step shows a page of ViT Lab: {', '.join(PAGES)}. "
            "Another site's address can stand in `source:`."
        )
    state = dict(parse_qsl(place.query))
    if state.pop("talk", None) and not place.path.strip("/"):
        raise UserError("The link leads to a step of a talk: write the link of the view that it shows.")
    return page, state


def _here(host: str) -> bool:
    """Whether it names this machine, as a dashboard's own address does."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


@dataclass(frozen=True)
class _Reader:
    path: Path

    def wrong(self, node: yaml.Node | None, sentence: str) -> UserError:
        line = node.start_mark.line + 1 if node is not None else 1
        return UserError(f"{self.path.name}, line {line}: {sentence}")

    def talk(self, root: yaml.Node | None) -> Talk:
        parts = self.mapping(root, ("title", "steps"), "a talk", "`title:` and `steps:`")
        if "title" not in parts:
            raise self.wrong(root, "a talk needs a `title:`.")
        if "steps" not in parts:
            raise self.wrong(root, "a talk needs `steps:`, a list that begins with `- title:`.")
        steps = parts["steps"]
        if not isinstance(steps, yaml.SequenceNode) or not steps.value:
            raise self.wrong(steps, "`steps:` is a list: each step begins with `- title:`.")
        if len(steps.value) > MOST:
            raise self.wrong(steps, f"{len(steps.value)} steps are too many: at most {MOST}.")
        title = self.text(parts["title"], "title")
        return Talk(self.path.stem, title, tuple(self.step(node) for node in steps.value))

    def step(self, node: yaml.Node) -> Step:
        parts = self.mapping(node, tuple(LENGTHS), "a step", "`title:`, `say:` and `link:`")
        for name in NEEDED:
            if name not in parts:
                raise self.wrong(node, f"this step needs `{name}:`.")
        texts = {name: self.text(value, name) for name, value in parts.items()}
        try:
            page, state = view(texts.pop("link"))
        except UserError as error:
            sentence = str(error).replace("The", "the", 1)  # after the line's number
            raise self.wrong(parts["link"], sentence) from None
        return Step(page=page, state=state, **texts)

    def mapping(
        self, node: yaml.Node | None, names: tuple[str, ...], what: str, form: str
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, f"{what} has {form}.")
        parts = {}
        for key, value in node.value:
            if key.value not in names:
                raise self.wrong(key, f"{what} has no `{str(key.value)[:40]}`: {', '.join(names)}.")
            if key.value in parts:  # else the last one would win: a step whose dash is missing, unseen
                raise self.wrong(key, f"{what} has `{key.value}:` once; a new step begins with `- title:`.")
            parts[key.value] = value
        return parts

    def text(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, f"`{name}:` is text, in one place.")
        if not node.style and HASH.match(node.end_mark.buffer, node.end_mark.pointer):
            raise self.wrong(  # "the #1 model" would be "the", unseen; a comment has a space after its sign
                node,
                f"the text of `{name}:` ends before its `#`, which begins a comment: put quotation marks "
                "around the text, or a space after the sign.",
            )
        value = " ".join(node.value.split()) if name != "note" else node.value.strip()
        if not value and name in NEEDED:
            raise self.wrong(node, f"`{name}:` is empty.")
        if len(value) > LENGTHS[name]:
            raise self.wrong(node, f"`{name}:` has {len(value)} characters: at most {LENGTHS[name]}.")
        return value
