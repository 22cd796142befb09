"""How long the experiments take on the bundled pair: `python -m tests.benchmarks.probes [--images 100]`.

Each in a process of its own, torch's import included, as somebody at the command line waits: seconds until
the first part of a result, and until all images, of the ViT and the ResNet together. The budget: 5 s, 20 s
(100 images), 180 s (500 images). On a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile

from tests.conftest import ROOT
from vitcore.probes import PROBES

CODE = """
import sys, time
began = time.perf_counter()
from vitcore.probes import find_probe
from vitcore.probes.measure import measure
from vitcore.probes.store import Subject
from vitcore.runs.folder import find_run
probe, images, root = find_probe(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
both = [Subject(find_run(name)) for name in ("vit-cifar10", "resnet-cifar10")]
first = None
for subjects in [both] if probe.pair else [[subject] for subject in both]:
    for part in measure(probe, subjects, images, root=root):
        if first is None and part.values:
            first = time.perf_counter() - began
print(first, time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100)
    images = parser.parse_args().images + 1  # one more: not the bundled results
    print(f"{'experiment':18} first part  {images} images")
    for name in PROBES:
        with tempfile.TemporaryDirectory() as root:
            done = subprocess.run(
                [sys.executable, "-c", CODE, name, str(images), root],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
        first, every = map(float, done.stdout.split())
        print(f"{name:18} {first:8.1f} s {every:9.1f} s", flush=True)


if __name__ == "__main__":
    main()
