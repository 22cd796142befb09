"""Uploads have a limit for each session and for the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import PlainTextResponse

from dashboard.shared import own_crop, own_image
from dashboard.streamlit_internals import uploads
from dashboard.streamlit_internals.uploads import MOST_BYTES, MOST_FILES, LimitedUploads
from tests.apptests import open_app
from tests.pages.test_own_image import upload
from tests.uploads import png
from vitcore.errors import UserError

PATH = "/lab/_stcore/upload_file/session/file"


def answer(limits, path=PATH, method="PUT", length="1000"):
    """Return the status of the answer to an upload."""
    sent = []

    async def collect(message):
        sent.append(message)

    headers = [] if length is None else [(b"content-length", length.encode())]
    scope = {"type": "http", "path": path, "method": method, "headers": headers}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, limits(scope, None, collect)).result()
    return sent[0]["status"]


@pytest.mark.parametrize(
    ("files", "total", "length", "status"),
    [
        (0, 0, "1000", 200),
        (MOST_FILES - 1, MOST_BYTES - 1000, "1000", 200),
        (MOST_FILES, 0, "1000", 413),
        (0, MOST_BYTES - 999, "1000", 413),
        (0, 0, None, 411),
        (0, 0, "-1", 411),
    ],
)
def test_upload_beyond_a_limit_is_refused(monkeypatch, files, total, length, status):
    monkeypatch.setattr(uploads, "held", lambda session: (files, total))
    limits = LimitedUploads(PlainTextResponse("ok"))
    assert answer(limits, length=length) == status
    assert limits.coming == 0
    assert answer(limits, method="DELETE", length=length) == 200
    assert answer(limits, path="/attention", length=length) == 200


def test_uploads_that_are_being_sent_count(monkeypatch):
    monkeypatch.setattr(uploads, "held", lambda session: (0, 0))
    inner = []

    async def app(scope, receive, send):
        inner.append(limits.coming)
        await PlainTextResponse("ok")(scope, receive, send)

    limits = LimitedUploads(app)
    limits.coming = MOST_BYTES - 1500
    assert answer(limits) == 200
    assert inner == [MOST_BYTES - 500]
    limits.coming = MOST_BYTES - 500
    assert answer(limits) == 413


def test_two_visitors_who_upload_at_once_do_not_exceed_the_limit(monkeypatch):
    meeting, local = threading.Barrier(2), threading.local()
    states, refused = [], []

    class Held(own_image._Held):
        def __init__(self, size):
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(0.5)  # the other visitor, who has found room as well
            super().__init__(size)

    class Session:
        @property
        def session_state(self):
            return local.state

    def upload_one():
        local.state = {}
        states.append(local.state)  # the session lives on
        try:
            own_image._keep([(b"123456", "one.png")], "")
        except UserError as error:
            refused.append(str(error))

    monkeypatch.setattr(own_image, "st", Session())
    monkeypatch.setattr(own_crop, "st", own_image.st)
    monkeypatch.setattr(own_image, "MOST_HELD", 10)
    monkeypatch.setattr(own_image, "_held", weakref.WeakSet())
    monkeypatch.setattr(own_image, "_Held", Held)
    visitors = [threading.Thread(target=upload_one) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(refused) == 1


def test_images_of_all_sessions_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(own_image, "MOST_HELD", int(1.5 * len(png())))
    monkeypatch.setattr(own_image, "_held", weakref.WeakSet())  # other tests may have left sessions
    first = open_app("patches")
    upload(first, "blue.png", png())
    assert first.session_state.own_image
    second = open_app("patches")
    upload(second, "blue.png", png())
    assert second.error
    assert "own_image" not in second.session_state
