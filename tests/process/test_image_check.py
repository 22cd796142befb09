"""The check of your own folder in a child process."""

from __future__ import annotations

from dashboard.training.image_check import check
from tests.conftest import make_folder


def test_all_images_are_decoded_and_the_unreadable_ones_are_named(tmp_path):
    place = make_folder(tmp_path / "flowers", {"daisy": (200, 200, 0), "rose": (200, 0, 0)}, 12)
    broken = place / "daisy" / "003.png"
    broken.write_bytes(broken.read_bytes()[:200])
    *_, last = check(place)
    assert (last.done, last.total, last.values.images) == (24, 24, 24)
    ((name, reason),) = last.values.unreadable
    assert name == "daisy/003.png"
    assert "003.png" in reason
