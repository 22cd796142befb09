"""The garbage collector skips imported objects only."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import ROOT

CODE = """
import gc, json, weakref
from dashboard.streamlit_internals.garbage import spare_imported

class Ring:
    def __init__(self):
        self.ring = self

said = {}
spare_imported()
import torch
said["before"] = len(gc.get_objects())
spare_imported()
said["after"] = len(gc.get_objects())
gone = weakref.ref(Ring())
spare_imported()  # nothing was imported: what was made since is still seen
gc.collect(2)  # as Streamlit does after a run
said["collected"] = gone() is None
print(json.dumps(said))
"""


def test_imported_objects_are_frozen_and_garbage_is_still_collected():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["before"] > 100_000
    assert said["after"] < 2_000
    assert said["collected"]
