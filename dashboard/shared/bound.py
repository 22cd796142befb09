"""Values that a page keeps in its address, under the names that its state declares.

If the address holds the same value as the widget, Streamlit binds the two: `State.bound("field")`. `choose`
and `choose_several` are for options with an id and a title, such as runs. The address holds the ids, because
titles can change. Only this module reads or writes `st.query_params`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from dashboard.drawing.markdown import escape, sentence
from dashboard.shared.page_state import PageState, text_of

S = TypeVar("S", bound=PageState)
Page = type[PageState]
Warn = Callable[[Sequence[str], str], None]  # takes the missing ids of a link, and what is shown instead


def address() -> MutableMapping[str, str]:
    """Return the query parameters of the current page. Changes appear in the browser's address."""
    return st.query_params


def read(page: type[S]) -> tuple[S, tuple[str, ...]]:
    """Return the state in the current address, and the invalid parameters (`name=value`)."""
    return page.read(address())


def current(page: Page, field: str) -> Any:
    """Return the value of a field before its widget is drawn: this session's, or that of the address."""
    value = st.session_state.get(page.parameter(field))
    return getattr(read(page)[0], field) if value is None else value


def held(page: Page, field: str) -> bool:
    """Return whether this session has a value of a field."""
    return page.parameter(field) in st.session_state


def named(page: Page, field: str) -> set[str]:
    """Return the ids that a field holds in the address or in this session."""
    found: set[str] = set()
    for value in (getattr(read(page)[0], field), st.session_state.get(page.parameter(field))):
        found |= {value} if isinstance(value, str) else set(value or ())
    return found


def kept(page: Page, field: str) -> list[str]:
    """Return the ids that this session holds for a field."""
    value = st.session_state.get(page.parameter(field))
    return [value] if isinstance(value, str) else list(value or ())


def put(page: Page, **values: Any) -> None:
    """Set fields in this session, before their widgets are drawn or in a callback."""
    for field, value in values.items():
        st.session_state[page.parameter(field)] = value


def forget(page: Page, *fields: str) -> None:
    """Remove fields from this session, so that the address or the default applies again."""
    for field in fields:
        st.session_state.pop(page.parameter(field), None)


def write(page: Page, **values: Any) -> None:
    """Write fields without a widget to the address. A value of None removes the parameter."""
    texts = {field: None if value is None else text_of(value) for field, value in values.items()}
    change(address(), {page.parameter(field): text for field, text in texts.items()})


def check_link(page: Page, field: str, options: Collection[Any], instead: str) -> None:
    """Drop a value of this session that is no longer an option, and warn if the address names none.

    Call this before drawing the widget. `instead` says what the page shows in place of the missing value.
    """
    key, known = page.parameter(field), {text_of(option) for option in options}
    if key in st.session_state and text_of(st.session_state[key]) not in known:
        forget(page, field)
    wanted = address().get(key)
    if wanted is not None and key not in st.session_state and wanted not in known:
        warn_missing([wanted], instead)


def change(at: MutableMapping[str, Any], parameters: Mapping[str, str | None]) -> None:
    """Set these parameters of an address together. None removes one.

    The browser keeps every address that it is sent, and Back leads to it. Parameters that were set one by one
    would lead through states that no visitor has seen.
    """
    changed = {name: text for name, text in parameters.items() if text != at.get(name)}
    if not changed:  # also an update without parameters would be sent
        return
    removed = [name for name, text in changed.items() if text is None]
    # an address does not show a parameter with an empty list, and removing it then sends the same address
    at.update(changed | {name: [] for name in removed})
    for name in removed:
        del at[name]


def replace(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Change the parameters of the address from `old` to `new`."""
    change(address(), {name: new.get(name) for name in (*old, *new)})


def warn_ignored(parameters: Sequence[str]) -> None:
    """Warn that a link has parameters (`name` or `name=value`) that the page cannot use."""
    verb, what = ("is", "it is") if len(parameters) == 1 else ("are", "they are")
    text = f"{_quoted(parameters)} in this link {verb} unknown to this page: {what} ignored."
    st.toast(text, icon=":material/link_off:", duration=60)


def warn_removed(titles: Sequence[str], instead: str) -> None:
    """Warn that runs which the visitor was shown are gone, and say what is shown instead."""
    verb = "was" if len(titles) == 1 else "were"
    _warn(f"{_titles(titles)} {verb} removed or can't be read any more", instead)


def warn_without_weights(titles: Sequence[str], instead: str, *, linked: bool = False) -> None:
    """Warn that runs have no weights to show, and say what is shown instead.

    The visitor was shown these runs before, or opened a link to them if `linked`.
    """
    if linked:
        verb = "has" if len(titles) == 1 else "have"
        _warn(f"{_titles(titles)} in this link {verb} no weights that can be read", instead)
    else:
        _warn(f"The weights of {_titles(titles)} were removed or can't be read any more", instead)


def warn_unsuited(title: str, reason: str, instead: str) -> None:
    """Warn that a page cannot show a run of a link for a reason, which follows the run's title."""
    _warn(f"{_titles([title])} {reason}", instead)


def warn_broken(reason: str, instead: str) -> None:
    """Warn that a run of a link cannot be read, with the sentence that says why and what to do."""
    st.toast(
        f"{sentence(reason)} Showing {escape(instead)} instead.", icon=":material/link_off:", duration=60
    )


def _titles(titles: Sequence[str]) -> str:
    return " and ".join(f"“{escape(title)}”" for title in titles)


def _warn(problem: str, instead: str) -> None:
    """Show a warning for a minute, because loading a model can take some of it."""
    st.toast(f"{problem}. Showing {escape(instead)} instead.", icon=":material/link_off:", duration=60)


def warn_missing(names: Sequence[str], instead: str) -> None:
    """Warn that a link names something that does not exist here, and say what is shown instead."""
    verb = "isn't" if len(names) == 1 else "aren't"
    _warn(f"{_quoted(names)} in this link {verb} available here", instead)


def as_written(names: Iterable[str], query: Mapping[str, str]) -> list[str]:
    """Return parameters as they are written in an address, `name=value`."""
    return [f"{name}={query[name]}" for name in names]


def _quoted(names: Sequence[str]) -> str:
    """Return the first names of a link as inline code, each on one line: code ends with its paragraph."""
    shown = (" ".join(name.replace("`", "").split())[:60] for name in names[:3])
    return " and ".join(f"`{name}`" for name in shown)


def settle(
    page: Page,
    field: str,
    options: Mapping[str, str],
    *,
    first: str | None = None,
    titles: bool = False,
    warn: Warn = warn_missing,
) -> str:
    """Return the selected id before its widget is drawn, and `warn` if the link names a missing one.

    `options` maps ids to titles. Without a valid id, this selects `first`, or the first option. With `titles`
    set, a link may hold a title instead of an id.
    """
    key = page.parameter(field)
    stored = st.session_state.get(key)
    if stored is not None and stored in options:
        return stored
    wanted, fresh = address().get(key), key not in st.session_state
    found = wanted if wanted in options else None
    if found is None and titles:
        found = next((option for option, title in options.items() if title == wanted), None)
    chosen = found or first or next(iter(options))
    st.session_state[key] = chosen
    if fresh and wanted and found is None:  # no warning after the visitor has deleted the selected option
        warn([wanted], options[chosen])
    return chosen


def choose(
    widget: Callable[..., Any],
    page: Page,
    field: str,
    label: str,
    options: Mapping[str, str],
    *,
    first: str | None = None,
    titles: bool = False,
    warn: Warn = warn_missing,
    **widget_options: Any,
) -> str:
    """Draw a choice of one id and return it. The address holds the id, and the session keeps it.

    `widget` is `st.selectbox` or `st.segmented_control`, also of a container. For the other arguments see
    `settle`. `widget_options` holds further arguments of the widget.
    """
    settled = settle(page, field, options, first=first, titles=titles, warn=warn)
    chosen = (
        widget(
            label,
            list(options),
            key=page.parameter(field),
            format_func=options.__getitem__,
            persist_state="session",
            **widget_options,
        )
        or settled
    )
    write(page, **{field: chosen})
    return chosen


def choose_count(
    widget: Callable[..., Any],
    page: Page,
    field: str,
    label: str,
    options: Sequence[int],
    *,
    first: int,
    **widget_options: Any,
) -> int:
    """Draw a choice of one number and return it. The page shows it as 1,000, and the address holds 1000."""
    named = {str(number): f"{number:,}" for number in options}
    return int(choose(widget, page, field, label, named, first=str(first), **widget_options))


def choose_several(
    page: Page,
    field: str,
    label: str,
    options: Mapping[str, str],
    *,
    first: Callable[[], list[str]],
    most: int,
    warn: Warn = warn_missing,
) -> list[str]:
    """Draw a choice of up to `most` ids and return them. The address holds the ids.

    Without a valid id in the link, or if all selected options disappear, this selects the ids of `first()`,
    or the first option.
    """
    key = page.parameter(field)
    if key not in st.session_state:
        linked = getattr(read(page)[0], field)
        found = [id_ for id_ in linked if id_ in options]
        fallback = first() or list(options)[:1]
        st.session_state[key] = found or fallback
        if missing := [id_ for id_ in linked if id_ not in options]:
            instead = "the others of the link" if found else ", ".join(options[id_] for id_ in fallback)
            warn(missing, instead)
    if held := st.session_state[key]:
        left = [id_ for id_ in held if id_ in options] or first() or list(options)[:1]
        st.session_state[key] = left[:most]
    chosen = st.multiselect(
        label,
        list(options),
        key=key,
        format_func=options.__getitem__,
        max_selections=most,
        persist_state="session",
    )
    if address().get(key, "") != (text := text_of(tuple(chosen))):
        address()[key] = text
    return chosen
