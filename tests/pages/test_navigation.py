"""The order of what the server sends to a browser that opens a link."""

from __future__ import annotations

import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from tests.apptests import open_app


@pytest.mark.parametrize(
    ("page", "query"), [("attention", {}), ("overview", {"talk": "inductive-bias"})], ids=["page", "talk"]
)
def test_navigation_is_sent_before_everything_that_can_ask_for_a_rerun(page, query, monkeypatch):
    """Otherwise a narrow window, which asks for a rerun at once, shows the first page of all."""
    sent = []
    enqueue = ScriptRunContext.enqueue

    def recorded(context, message):
        sent.append(message.WhichOneof("type"))
        enqueue(context, message)

    monkeypatch.setattr(ScriptRunContext, "enqueue", recorded)
    open_app(page, **query)
    assert {"navigation", "delta"} <= set(sent)
    before = sent[: sent.index("navigation")]
    assert before.count("delta") == 0
