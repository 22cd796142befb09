"""What all unit tests share."""

from __future__ import annotations

import os

import pytest

from vitcore.queue import launch


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Leave out `fsync`, which takes milliseconds for each of the many files of runs that tests write."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture(autouse=True)
def no_supervisor(monkeypatch):
    """Let no unit test start a supervisor: it would train the runs that tests queue, after the test's end."""
    monkeypatch.setattr(launch, "ensure_supervisor", lambda home: None)
