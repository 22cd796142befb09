"""A deletion is confirmed by a checkbox, and refused with a reason."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page_that_deletes(name="a", refusal=None):
    import streamlit as st

    from dashboard.shared import deletion

    deleted = st.session_state.setdefault("deleted", [])
    deletion.confirm("2 runs", name, "delete", lambda *what: deleted.append(what), name, 2, refusal=refusal)


def test_button_deletes_only_after_the_checkbox_is_set():
    app = AppTest.from_function(page_that_deletes).run()
    assert app.button(key="delete").disabled
    assert "2 runs" in app.checkbox[0].label
    app.checkbox[0].check().run()
    assert not app.button(key="delete").disabled
    app.button(key="delete").click().run()
    assert app.session_state.deleted == [("a", 2)]


def test_confirmation_does_not_count_for_something_else():
    app = AppTest.from_function(page_that_deletes, kwargs={"name": "a"}).run()
    app.checkbox[0].check().run()
    other = AppTest.from_function(page_that_deletes, kwargs={"name": "b"})
    other.session_state["sure_a"] = True
    assert other.run().button(key="delete").disabled


def test_deletion_that_is_impossible_now_says_why():
    app = AppTest.from_function(page_that_deletes, kwargs={"refusal": "Stop the runs first."}).run()
    assert app.checkbox[0].disabled
    assert app.button(key="delete").disabled
    assert app.button(key="delete").help == "Stop the runs first."
