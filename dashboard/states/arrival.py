"""What is checked once when a visitor opens a link: the names of its parameters.

Later, only the pages themselves and their components change the address.
"""

from __future__ import annotations

import streamlit as st

from dashboard.shared import bound
from dashboard.states import parameters

CHECKED = "link_is_checked"


def check(page: str) -> None:
    """Rename accepted names in the address of a page of `PAGES`. Warn about unknown ones, and remove them."""
    if st.session_state.get(CHECKED):
        return
    st.session_state[CHECKED] = True
    linked = dict(bound.address())
    query = parameters.renamed(page, linked)
    unknown = parameters.unknown(page, query)
    wrong = parameters.unchecked(page, query)
    ignored = {*unknown, *wrong}
    bound.replace(linked, {name: text for name, text in query.items() if name not in ignored})
    if ignored:
        bound.warn_ignored([*unknown, *bound.as_written(wrong, query)])
