"""The words of a step and its question as HTML, on the stage and in a standalone file."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from dashboard.shared.scenes import Scene
from dashboard.talk.files import Step, Talk

# maximum number of characters at full size: a title in one line, and a sentence in two lines
MAX_TITLE, MAX_SENTENCE = 56, 160
MAX_ASKED = 400  # characters of a question and its choices next to an image
MAX_LONG = 225  # characters of an answer and a sentence in two lines of smaller type


def words(step: Step, heading: str = "h1") -> str:
    """Return the title and the sentence of a step as HTML, after the answer to its question.

    Keeps a number on one line with its unit or its error. Long texts get a class with smaller type.
    """
    say = html.escape(re.sub(r" (?=[%±])|(?<=±) ", "\u00a0", step.say))
    if step.answer:
        end = "" if step.answer[-1] in ".!?" else "."
        say = f"<b>Answer: {html.escape(step.answer)}{end}</b> {say}"
    length = len(step.say) + len(step.answer) + (10 if step.answer else 0)
    size = "talk-longest" if length > MAX_LONG else "talk-long" if length > MAX_SENTENCE else ""
    return _element(heading, html.escape(step.title), "talk-long" if len(step.title) > MAX_TITLE else "") + (
        _element("p", say, size)
    )


def _element(tag: str, content: str, size: str) -> str:
    attribute = f' class="{size}"' if size else ""
    return f"<{tag}{attribute}>{content}</{tag}>"


def cover(number: int, step: Step, selector: str) -> str:
    """Return a style that hides the elements of a step with a question until its answer is shown.

    The component of the controls writes the numbers of the answered steps to `data-answered`. The style comes
    before the elements, so that no answer appears for a moment. Empty for a step without a question.
    """
    if not step.question:
        return ""
    hidden = "{ visibility: hidden; opacity: 0 }"
    return f'<style>html:not([data-answered~="{number}"]) {selector} {hidden}</style>'


def has_room_for_picture(step: Step) -> bool:
    """Return whether a step has a question that leaves room for a picture next to it and its choices."""
    return 0 < len(step.question) <= MAX_ASKED - sum(map(len, step.answers))


def asked(number: int, step: Step, scene: Scene, state: Mapping[str, str]) -> str:
    """Return the image of a step as HTML, which is next to its question until the answer is shown.

    Empty without a question or an image, and if the question needs the whole width.
    """
    found = scene.picture(state) if has_room_for_picture(step) else None
    if found is None:
        return ""
    url, words = found
    shown = f'html[data-answered]:not([data-answered~="{number}"]) .talk-asked-{number} {{ display: block }}'
    return f'<img class="talk-asked talk-asked-{number}" src="{url}" alt="{words}"><style>{shown}</style>'


def named(talk: Talk) -> dict[str, list[str]]:
    """Return the titles and the questions of all steps, for the component of the controls."""
    return {
        "titles": [step.title for step in talk.steps],
        "questions": [step.question for step in talk.steps],
    }


def controlled(step: Step) -> dict[str, Any]:
    """Return what the component of the controls shows of a step."""
    return {"note": step.note, "source": step.source, "answers": list(step.answers)}
