"""Talk files: YAML with a title and steps. An invalid file raises a `UserError` that names the line.

    title: Why a Vision Transformer needs data
    steps:
      - title: An image becomes a sequence
        say: One sentence for the audience.
        question: How many patches has an image of 32 x 32 pixels?  # optional
        answers: [16, 64, 1024]                       # optional: the choices
        answer: 64                                    # with a question: one of the choices, or any text
        link: patches?class=cat&image=1&step=2
        note: For the speaker only.                   # optional
        source: Dosovitskiy et al. 2021, section 3.1  # optional

A link is the address of a view as the browser shows it, from the page's name on. It may begin with the
address of a dashboard on this machine. The bundled talks are in assets/talks, the user's in talks/ (or
$VITLAB_TALKS). A user's talk takes precedence over a bundled talk of the same name. `edits` and `store`
change talks. This module does not need Streamlit.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from dashboard.page_table import PAGES
from dashboard.states import parameters
from dashboard.talk import yaml_lines
from vitcore.errors import UserError
from vitcore.paths import assets_dir, talks_dir

NAME = re.compile(r"[\w-]{1,80}")
MAX_STEPS = 200
CHOICES = (2, 6)  # the number of answers to choose from
MAX_BYTES = 1_000_000  # 200 steps with the longest notes; assets/talks/why.yaml has 7,000


SHOW_BROKEN_LINKS = "show broken links"  # a context of the validation


def _one_line(text: Any) -> Any:
    """Return a text in one line without control characters. It is empty if none of its letters is visible."""
    if not isinstance(text, str):
        return text
    kept = (c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs"))
    line = " ".join("".join(kept).split())
    return line if any(unicodedata.category(c) not in ("Cf", "Zs") for c in line) else ""


def _check_link(link: str, info: ValidationInfo) -> str:
    if info.context == SHOW_BROKEN_LINKS:
        return link
    try:
        parse_link(link)
    except UserError as error:
        raise ValueError(
            str(error).replace("The", "the", 1)
        ) from None  # the sentence begins with the line number
    return link


def _check_count(answers: tuple[str, ...]) -> tuple[str, ...]:
    if answers and not CHOICES[0] <= len(answers) <= CHOICES[1]:
        raise ValueError(f"`answers:` must be a list of {CHOICES[0]} to {CHOICES[1]} choices.")
    return answers


ONE_LINE = BeforeValidator(_one_line)
Title = Annotated[str, Field(min_length=1, max_length=80), ONE_LINE]
Choice = Annotated[str, Field(min_length=1, max_length=80), ONE_LINE]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Step(_Model):
    """One view: its link, a title and a sentence for the audience, notes for the speaker, a source.

    With a question, the audience sees the question and the choices first, then the answer and the view.
    """

    title: Title
    say: Annotated[str, Field(min_length=1, max_length=220), ONE_LINE]
    question: Annotated[str, Field(max_length=220), ONE_LINE] = ""
    answers: Annotated[tuple[Choice, ...], AfterValidator(_check_count)] = ()
    answer: Annotated[str, Field(max_length=80), ONE_LINE] = ""
    link: Annotated[str, Field(min_length=1, max_length=2000), ONE_LINE, AfterValidator(_check_link)]
    note: str = Field("", max_length=4000)
    source: Annotated[str, Field(max_length=240), ONE_LINE] = ""

    @model_validator(mode="after")
    def _check_question(self) -> Self:
        if self.question and not self.answer:
            raise ValueError("a step with `question:` needs `answer:`.")
        if not self.question and (self.answer or self.answers):
            raise ValueError("a step with `answer:` or `answers:` needs `question:`.")
        if self.answers and self.answer not in self.answers:
            raise ValueError("`answer:` must be one of `answers:`, letter for letter.")
        return self

    @property
    def page(self) -> str:
        """The page that the link leads to. Raise `UserError` for a broken link that was accepted."""
        return parse_link(self.link)[0]

    @property
    def state(self) -> dict[str, str]:
        """The parameters of the link. Raise `UserError` for a broken link that was accepted."""
        return parse_link(self.link)[1]


REQUIRED = tuple(name for name, field in Step.model_fields.items() if field.is_required())


class Talk(_Model):
    """The content of a talk file."""

    title: Title
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MAX_STEPS)


def folders() -> list[Path]:
    """Return the folders with talks: the user's, then the bundled one."""
    return [talks_dir(), assets_dir() / "talks"]


def list_talks() -> dict[str, Path]:
    """Return the file of every talk by name, the user's talks first."""
    talks: dict[str, Path] = {}
    for folder in folders():
        for path in _files_in(folder):
            if NAME.fullmatch(path.stem):
                talks.setdefault(path.stem, path)
    return talks


def _files_in(folder: Path) -> list[Path]:
    """Return the talk files in a folder, whatever their names are. A folder that cannot be read has none."""
    try:
        return sorted(path for path in folder.glob("[!.]*") if path.suffix in (".yaml", ".yml"))
    except OSError:  # a path that is too long, or a folder that may not be read
        return []


def labels(titles: Mapping[str, str]) -> dict[str, str]:
    """Return a different label for each talk, given the titles by name: the title, with the name if needed.

    Streamlit finds the chosen option by its label.
    """
    count = Counter(titles.values())
    return {name: title if count[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def misnamed() -> dict[str, str]:
    """Return an error message, by name, for each talk of the user whose name can't be part of an address."""
    rule = "a talk's file name may have at most 80 letters, digits, `-` and `_`: rename it"
    found = _files_in(folders()[0])
    return {p.stem: f"{p.name[:80]}: {rule}." for p in found if not NAME.fullmatch(p.stem)}


def find_talk(name: str, *, broken_links: bool = False) -> Talk:
    """Read the talk with this name. For `broken_links` see `parse`. Raise `UserError`."""
    talks = list_talks()
    if name not in talks:
        if problem := misnamed().get(name):
            raise UserError(problem)
        raise UserError(
            f"There is no talk named {name[:80]!r} in the folder `{folders()[0].name}`. Available talks: "
            f"{', '.join(talks) or 'none'}."
        )
    return read_talk(talks[name], broken_links=broken_links)


def read_talk(path: Path, *, broken_links: bool = False) -> Talk:
    """Read and check a talk file. Raise a `UserError` that names the line of a mistake."""
    return parse(path.name, read_text(path), broken_links=broken_links)


def read_text(path: Path) -> str:
    """Return the text of a talk file with its own line ends. Raise `UserError`."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe would never end
            raise UserError(f"{path.name} is not a file: a talk is a text file with `title:` and `steps:`.")
        check_size(path.name, path.stat().st_size)
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path.name} can't be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path.name}, line {line}: not UTF-8. Save the file as UTF-8.") from None


def check_size(name: str, size: int) -> None:
    """Raise `UserError` if a talk file has more bytes than any talk needs."""
    if size > MAX_BYTES:
        raise UserError(
            f"{name} has {size / 1000:.0f} kB, a talk at most {MAX_BYTES / 1000:.0f}: it may hold "
            "links to views, but no images or results."
        )


def parse(name: str, text: str, *, broken_links: bool = False) -> Talk:
    """Return the talk in the text of the file `name`. Raise a `UserError` that names the line.

    With `broken_links` set, this accepts steps with links that lead to no page, so that a talk can be
    presented without the views of these steps.
    """
    try:
        content, lines = yaml_lines.read(text)
    except yaml_lines.LineError as error:
        raise UserError(f"{name}, line {error.line}: {error}") from None
    try:
        return Talk.model_validate(content, context=SHOW_BROKEN_LINKS if broken_links else None)
    except ValidationError as error:
        line, problem = _first_problem(error.errors(), lines)
        raise UserError(f"{name}, line {line}: {problem}") from None


def check_title(title: str) -> str:
    """Return the title of a talk as it is written to a file. Raise `UserError`."""
    try:
        return TypeAdapter(Title).validate_python(title.strip())
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "string_too_long":
            most = first.get("ctx", {}).get("max_length")
            raise UserError(f"The title of the talk is too long: use at most {most} characters.") from None
        raise UserError("The title of the talk is empty: write some text.") from None


def _first_problem(errors: list[ErrorDetails], lines: yaml_lines.Lines) -> tuple[int, str]:
    """Return (line, sentence) of the error to correct first.

    Unknown keys come first, because a misspelled key also causes an error about a missing key.
    """
    error = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    path = error["loc"]
    while path not in lines:  # a missing key has no line: use that of its step
        path = path[:-1]
    return lines[path], _sentence(error)


def _sentence(error: ErrorDetails) -> str:
    path, limits = error["loc"], error.get("ctx", {})
    key = next((part for part in reversed(path) if isinstance(part, str)), "")[:40]
    model, name = (Step, "a step") if len(path) > 1 else (Talk, "a talk")
    keys = ", ".join(f"`{field}:`" for field in model.model_fields)
    if key == "answers" and error["type"] == "tuple_type":
        return "`answers:` must be a list, such as `[yes, no]`."
    return {
        "missing": f"{name} needs `{key}:`.",
        "extra_forbidden": f"{name} has no `{key}:`. Its keys are {keys}.",
        "model_type": f"{name} must have the keys {keys}.",
        "string_type": f"`{key}:` must be text. Put quotation marks around it.",
        "string_unicode": f"`{key}:` has an invalid character: delete it.",
        "string_too_short": f"`{key}:` is empty. Write some text.",
        "string_too_long": f"`{key}:` is too long: use at most {limits.get('max_length')} characters.",
        "tuple_type": f"`{key}:` must be a list. Begin each step with `- title:`.",
        "too_short": f"`{key}:` must be a list. Begin each step with `- title:`.",
        "too_long": f"{limits.get('actual_length')} steps are too many: at most {MAX_STEPS}.",
    }.get(error["type"], str(limits.get("error", error["msg"])))


def parse_link(link: str) -> tuple[str, dict[str, str]]:
    """Return the page and the parameters of a link.

    Raise `UserError` if it leads to no page of ViT Lab, or has a parameter that the page does not have.
    """
    without_scheme = re.match(r"[^/?#]+:\d+(/|$)|[^/?#]+\.[^/?#.]+/", link)
    try:
        parts = urlsplit(f"//{link}" if without_scheme else link)
        host = parts.hostname or ""
    except ValueError:
        raise UserError(
            "The link is not an address: copy it from the browser, from the page's name on."
        ) from None
    if parts.scheme not in ("", "http", "https") or (parts.netloc and not _is_this_machine(host)):
        raise UserError(
            f"The link leads to {host[:60] or parts.scheme[:60]!r}: write it from the page's name on, such "
            "as `attention?class=cat`. The address of another site belongs in the source of the step."
        )
    page = parts.path.strip("/").rsplit("/", 1)[-1] or "overview"
    if page not in PAGES:
        raise UserError(
            f"The link leads to {page[:60]!r}, which is no page of ViT Lab: use one of {', '.join(PAGES)}. "
            "The address of another site belongs in the source of the step."
        )
    state = dict(parse_qsl(parts.query))
    if state.pop("talk", None) and not parts.path.strip("/"):
        raise UserError("The link leads to a step of a talk: use the link of the view that the step shows.")
    state = parameters.renamed(page, state)
    if wrong := parameters.unknown(page, state):
        raise UserError(
            f"The link says {wrong[0][:40]}=, which {PAGES[page].label} does not have: use "
            f"{', '.join(parameters.known(page))}."
        )
    return page, state


def _is_this_machine(host: str) -> bool:
    """Return whether a host name means this machine, as in the address of a local dashboard."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
