"""The form "Add this view to a talk" in the menu "Talk"."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import streamlit as st

from dashboard.components.copy_step import view_link
from dashboard.drawing.markdown import escape
from dashboard.page_table import PAGES
from dashboard.shared import bound, messages, own_image, popovers
from dashboard.states.attention import BLOCK, BLOCK_STEPS, CONVOLUTION, PLACES, AttentionState
from dashboard.states.patches import STEPS as PATCHES
from dashboard.states.talk import EditorState
from dashboard.talk import cached, store
from dashboard.talk.files import labels
from dashboard.talk.form_errors import check_form
from vitcore.errors import UserError
from vitcore.paths import readonly

TALK, SAY, ERROR = "add_talk", "add_say", "add_step"
SUGGESTED = "add_suggested"  # the title that the form had suggested
MAX_TITLE = 80
LAST = "add_last"  # the talk that a step was added to last, by name


def draw(page: str) -> None:
    """Draw the form for the view of a page of `PAGES`."""
    shown = labels(_titles())
    names = list(shown)
    last = st.session_state.get(LAST)
    with st.form("add_to_talk", border=False):
        st.selectbox(
            "Talk",
            names,
            names.index(last) if last in names else None,
            format_func=lambda name: str(shown.get(name, name)),
            key=f"{TALK}_{len(names)}_{last}",
            accept_new_options=True,
            placeholder="Choose a talk, or type the title of a new one",
        )
        _suggest_title(page)
        st.text_input("Title of the step", key=_title_key(page), placeholder=st.session_state[SUGGESTED])
        st.text_input("Sentence for the audience", key=SAY)
        st.form_submit_button(
            "Add to talk",
            type="primary",
            on_click=_add,
            args=(page, f"{TALK}_{len(names)}_{last}"),
            disabled=readonly(),
            help="A link does not contain your own image.",
        )
    messages.show_error(ERROR, "")
    _toast()


def _suggest_title(page: str) -> None:
    """Fill the field of the title with that of the current view, unless the visitor has changed it."""
    key, title = _title_key(page), default_title(_link(page))
    suggested = st.session_state.get(SUGGESTED)
    if key not in st.session_state or (title != suggested and st.session_state[key] == suggested):
        st.session_state[key] = title
    st.session_state[SUGGESTED] = title


def default_title(link: str) -> str:
    """Return a title for the step with a link: the view, the image, and the part of the model, if any."""
    page, _, query = link.partition("?")
    # Also of a link that no step can have: the form refuses it when it is sent
    state = dict(parse_qsl(query))
    name = _probe_title(state["probe"]) if "probe" in state else state.get("view") or state.get("show")
    parts = [name or PAGES[page].label]
    if kind := state.get("class") or state.get("look"):
        parts.append(f"{kind}, test image {state.get('image') or state.get('nth') or 1}")
    view = state.get("view") or AttentionState.options("view")[0]
    places = PLACES.get(view, ()) if page == "attention" else ()
    parts += [f"{field} {state[field]}" for field in places if field in state]
    if "step" in state and (page == "patches" or view in (BLOCK, CONVOLUTION)):
        parts.append(_step_title(page, view, state["step"]))
    return ", ".join(parts)[:MAX_TITLE]


def _probe_title(name: str) -> str:
    """Return the title of an experiment, or of another part of its page."""
    from dashboard.inductive_bias.summary import ALL_TITLES  # on demand: other pages appear without it

    return ALL_TITLES.get(name, name)


def _step_title(page: str, view: str, step: str) -> str:
    """Return the name of a step of a stepper, or its number if the name depends on the model."""
    names = PATCHES if page == "patches" else BLOCK_STEPS if view == BLOCK else ()
    by_number = {str(number): name for number, name in enumerate(names, start=1)}
    return by_number.get(step, f"step {step}")


def _title_key(page: str) -> str:
    return f"add_title_{page}"


def _titles() -> dict[str, str]:
    """Return the titles of the user's readable talks by name."""
    found: dict[str, str] = {}
    for name, path in store.own_talks().items():
        try:
            found[name] = cached.read(path).title
        except UserError:
            continue  # the menu shows why
    return found


def _add(page: str, talk_key: str) -> None:
    """Add the view in the browser's address to the chosen talk. An empty title means the suggested one."""
    with messages.keep_error(ERROR):
        if own_image.is_shown():
            raise UserError(
                "This view shows your own image, which stays in this session, so that a talk can't show it: "
                "go back to the other images in Own image, then add the view."
            )
        chosen = (st.session_state.get(talk_key) or "").strip()
        if not chosen:
            raise UserError("Choose a talk, or type the title of a new one.")
        step = check_form(
            {
                "title": (st.session_state[_title_key(page)] or "").strip() or default_title(_link(page)),
                "say": st.session_state[SAY] or "",
                "link": _link(page),
            }
        )
        titles = _titles()
        name = chosen if chosen in titles else next((n for n in titles if titles[n] == chosen), None)
        if name is None:
            name = store.create(chosen, step)
            done = f"The new talk “{chosen}” has this view as its first step."
        else:
            at = store.add(name, step)
            done = f"Added as step {at + 1} of “{titles[name]}”."
        st.session_state[LAST] = name
        st.session_state.pop(SAY, None)
        st.session_state.pop(_title_key(page), None)
        st.session_state["added"] = (done, name)
        popovers.close("talk")


def _link(page: str) -> str:
    """Return the link of the view, from the browser if that has reported it for this page."""
    link = view_link()
    if link.partition("?")[0] == page:
        return link
    query = urlencode({name: text for name, text in bound.address().items() if name != "talk"})
    return f"{page}?{query}" if query else page


def _toast() -> None:
    """Say once where the view was added, with a link to the editor."""
    if added := st.session_state.pop("added", None):
        done, name = added
        editor = EditorState.of(edit=name).address
        st.toast(f"{escape(done)} [Edit the talk]({editor})", icon=":material/check:", duration=10)
