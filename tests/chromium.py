"""Find a Chromium for the browser tests, or download one with Playwright: `python -m tests.chromium`.

Without a browser the tests are skipped, or fail if VITLAB_REQUIRE_BROWSER is set (as in CI).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",  # the same engine, a tenth less processor time
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # with the next one: a fifth less processor time
    "--js-flags=--no-opt --no-maglev",  # pages are too short-lived for optimized code to pay
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a test picture as the camera
    "--use-fake-ui-for-media-stream",
]


def find() -> str | None:
    """Return the path of an installed browser or of Playwright's own, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> None:
    """Print the browser that is used, and download one if there is none."""
    if find() is None:
        print("No Chromium found: asking Playwright for one.", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if path := find():
        print(f"Browser tests use {path}")
    elif os.environ.get("VITLAB_REQUIRE_BROWSER"):
        sys.exit(
            "No Chromium, and VITLAB_REQUIRE_BROWSER is set: install one, for example `apt-get install "
            "chromium`."
        )
    else:
        print(
            "No Chromium could be installed: the browser tests will be SKIPPED. Install Chromium or Chrome "
            "to run them."
        )


if __name__ == "__main__":
    main()
