"""What all unit tests share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Leave out `fsync`, which takes milliseconds for each of the many files of runs that tests write."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
