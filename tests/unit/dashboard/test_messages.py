"""Messages from callbacks to the page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shared import messages
from vitcore.errors import UserError


@pytest.fixture
def session(monkeypatch):
    state = {}
    monkeypatch.setattr(messages.st, "session_state", state)
    return state


def test_message_is_returned_once(session):
    messages.keep("imported", "5 runs")
    assert messages.take("imported") == "5 runs"
    assert messages.take("imported") == ""
    assert session == {}


def test_error_is_kept_until_success(session):
    with messages.keep_error("launch"):
        raise UserError("There is no folder.")
    assert session
    with messages.keep_error("launch"):
        pass
    assert messages.take("launch") == ""


def test_other_exceptions_are_not_kept(session):
    with pytest.raises(KeyError), messages.keep_error("launch"):
        raise KeyError("typo")
    assert session == {}


def test_error_stays_until_the_settings_change():
    def script():
        import streamlit as st

        from dashboard.shared import messages

        if not st.session_state.get("begun"):
            st.session_state.begun = True
            messages.keep("launch", "epochs are negative", "epochs: -3")
        messages.show_error("launch", st.text_input("settings", "epochs: -3"))

    page = AppTest.from_function(script).run()
    assert [error.value for error in page.error] == ["epochs are negative"]
    assert page.run().error
    assert not page.text_input[0].set_value("epochs: 3").run().error


def test_announcements_are_shown_once_and_literally():
    def script():
        import streamlit as st

        from dashboard.shared import messages

        if not st.session_state.get("begun"):
            st.session_state.begun = True
            messages.announce("*One* is queued.")
            messages.announce("Two")
        messages.show_announcements()

    page = AppTest.from_function(script).run()
    assert [toast.value for toast in page.toast] == [r"\*One\* is queued\.", "Two"]
    assert not page.run().toast


def test_toast_is_shown_once():
    def script():
        import streamlit as st

        from dashboard.shared import messages

        if not st.session_state.get("begun"):
            st.session_state.begun = True
            messages.keep("action", "The run is gone")
        messages.toast_error("action")

    page = AppTest.from_function(script).run()
    assert [toast.value for toast in page.toast] == ["The run is gone"]
    assert not page.run().toast
