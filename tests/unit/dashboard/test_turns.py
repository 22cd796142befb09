"""However many visitors ask, only a few computations run at once, and everybody gets an answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.shared import turns

VISITORS = 12


def test_few_computations_run_at_once_and_all_are_answered(monkeypatch):
    monkeypatch.setattr(turns, "_turns", threading.BoundedSemaphore(2))
    met, lock, now, most = threading.Barrier(2), threading.Lock(), 0, 0

    @turns.limited
    def compute(number):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        met.wait(20)  # two run together, so the limit is reached and not passed
        with lock:
            now -= 1
        return number**2

    with ThreadPoolExecutor(VISITORS) as pool:
        assert list(pool.map(compute, range(VISITORS))) == [n**2 for n in range(VISITORS)]
    assert most == 2


def test_failed_computation_gives_its_turn_back(monkeypatch):
    monkeypatch.setattr(turns, "_turns", threading.BoundedSemaphore(1))

    @turns.limited
    def fail():
        raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011
            fail()
    assert turns._turns.acquire(blocking=False)
